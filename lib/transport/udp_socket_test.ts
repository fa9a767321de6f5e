import assert from "node:assert/strict";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { MAX_SENDS_IN_FLIGHT } from "./datagram_socket.ts";
import { PortInUseError } from "./errors.ts";
import {
  type DatagramPair,
  receive,
  testDatagramSocket,
  untilDropped,
} from "./testing/datagram_socket_suite.ts";
import { openUdp } from "./udp_socket.ts";

const endpoint = (address: string, port: number): Endpoint =>
  new Endpoint(IpAddress.parse(address) ?? assert.fail(address), port);

function openPair(address: string): DatagramPair {
  const [a, b, closed] = [openUdp({ port: 0 }), openUdp({ port: 0 }), openUdp({ port: 0 })];
  closed.close();
  return {
    a,
    b,
    endpointA: endpoint(address, a.localPort),
    endpointB: endpoint(address, b.localPort),
    nowhere: endpoint(address, closed.localPort),
  };
}

function hasIpv6(): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

testDatagramSocket("openUdp() over IPv4", () => openPair("127.0.0.1"));

if (hasIpv6()) testDatagramSocket("openUdp() over IPv6", () => openPair("::1"));
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
else console.log("skipped: openUdp() over IPv6: this machine has no ::1");

Deno.test("openUdp() says that a port is in use", () => {
  const first = openUdp({ port: 0 });
  assert.throws(() => openUdp({ port: first.localPort }), (error) => {
    assert.ok(error instanceof PortInUseError);
    assert.equal(error.code, "PortInUse");
    assert.equal(error.message, `UDP port ${first.localPort} is in use`);
    assert.ok(error.hint);
    return true;
  });
  first.close();
  openUdp({ port: first.localPort }).close();
});

Deno.test("openUdp() gives the same Endpoint for the same source", async () => {
  const { a, b, endpointB } = openPair("127.0.0.1");
  const sources = new Set<Endpoint | undefined>();
  for (let i = 0; i < 3; i++) {
    a.send(Uint8Array.of(i), endpointB);
    sources.add((await receive(b))?.[0]?.source);
  }
  assert.equal(sources.size, 1);
  a.close();
  b.close();
});

Deno.test("openUdp() drops and counts what the system refuses to send", async () => {
  const { a, b, endpointB } = openPair("127.0.0.1");
  a.send(Uint8Array.of(1), endpoint("127.0.0.1", 0));
  await untilDropped(a, "send-failed", 1);
  a.send(Uint8Array.of(2), endpointB);
  assert.deepEqual((await receive(b))?.[0]?.bytes, Uint8Array.of(2));
  a.close();
  b.close();
});

Deno.test("openUdp() drops and counts sends beyond its bound, and goes on afterwards", async () => {
  const { a, b, endpointB, nowhere } = openPair("127.0.0.1");
  for (let i = 0; i < MAX_SENDS_IN_FLIGHT + 5; i++) a.send(Uint8Array.of(1), nowhere);
  assert.equal(a.drops()["too-many-in-flight"], 5);
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  a.send(Uint8Array.of(2), endpointB);
  assert.deepEqual((await receive(b))?.[0]?.bytes, Uint8Array.of(2));
  assert.equal(a.drops()["too-many-in-flight"], 5);
  a.close();
  b.close();
});
