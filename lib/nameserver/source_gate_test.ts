import assert from "node:assert/strict";
import fc from "fast-check";
import { Cidr, IpAddress } from "../net/mod.ts";
import { SourceGate } from "./source_gate.ts";

/** A `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(address: IpAddress, port = 1000): Uint8Array {
  const bytes = new Uint8Array(28);
  bytes[0] = address.family === 6 ? 10 : 2;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(address.bytes, address.family === 6 ? 8 : 4);
  return bytes;
}

function ip(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

const blocks = ["10.200.0.0/15", "10.64.0.0/10", "192.0.2.1/32", "fd12::/61"].map((text) =>
  Cidr.parse(text) ?? assert.fail(text)
);
const clients = blocks.map(({ address, prefixBits }) => ({ bytes: address.bytes, prefixBits }));
const own = [ip("203.0.113.9").bytes];

Deno.test("SourceGate admits exactly the clients and this host", () => {
  const gate = new SourceGate({ clients, own, queriesPerSecond: Infinity });
  const near = fc.tuple(fc.constantFrom(...blocks), fc.nat(), fc.nat(7)).map(([{ address }, at, bit]) => {
    const bytes = address.bytes.slice();
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
    return bytes;
  });
  const anywhere = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    near,
  );
  fc.assert(fc.property(anywhere, (bytes) => {
    const address = IpAddress.fromBytes(bytes);
    const isAdmitted = address.isLoopback || blocks.some((cidr) => cidr.contains(address));
    assert.equal(gate.judge(socketAddress(address), 0, 0), isAdmitted ? "admitted" : "dropped-source");
  }));
  assert.equal(gate.judge(socketAddress(ip("203.0.113.9")), 0, 0), "admitted");
  assert.equal(gate.judge(socketAddress(ip("::1")), 0, 0), "admitted");
  assert.equal(gate.judge(socketAddress(ip("10.200.0.1"), 0), 0, 0), "dropped-source");
});

Deno.test("SourceGate bounds each source, and not this host", () => {
  const gate = new SourceGate({ clients: undefined, own, queriesPerSecond: 10 });
  const admitted = (address: string, nowMs: number): number =>
    Array.from({ length: 25 }, () => gate.judge(socketAddress(ip(address)), 0, nowMs))
      .filter((verdict) => verdict === "admitted").length;
  assert.equal(admitted("192.0.2.1", 1000), 10);
  assert.equal(admitted("192.0.2.2", 1000), 10);
  assert.equal(admitted("192.0.2.1", 1500), 5);
  assert.equal(admitted("192.0.2.1", 99_000), 10);
  assert.equal(admitted("203.0.113.9", 1000), 25);
  assert.equal(gate.judge(socketAddress(ip("192.0.2.2")), 0, 1000), "dropped-rate");
});
