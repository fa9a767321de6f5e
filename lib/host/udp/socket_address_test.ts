/**
 * Tests of socket addresses.
 * @module
 */

import assert from "node:assert/strict";
import { randomBytes, SeededRandom } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { encodeSocketAddress, SocketAddressReader, zoneOf } from "./socket_address.ts";

function endpoint(text: string): Endpoint {
  return Endpoint.parse(text) ?? assert.fail(text);
}

Deno.test("SocketAddressReader.read() gives back what encodeSocketAddress() wrote", () => {
  const reader = new SocketAddressReader();
  const memory = new Uint8Array(64);
  for (
    const [text, family] of [["192.0.2.7:51820", 4], ["192.0.2.7:1", 6], ["[2001:db8::1]:65535", 6]] as const
  ) {
    const encoded = encodeSocketAddress(endpoint(text), family);
    assert.ok(encoded);
    memory.set(encoded, 8);
    const read = reader.read(memory, 8);
    assert.equal(read.toString(), text);
    assert.equal(reader.read(memory, 8), read, "the same object");
  }
});

Deno.test("encodeSocketAddress() has no IPv6 for a socket of IPv4", () => {
  assert.equal(encodeSocketAddress(endpoint("[2001:db8::1]:1"), 4), undefined);
});

Deno.test("SocketAddressReader tells sources apart by the address of this host that they called", () => {
  const memory = new Uint8Array(128);
  const source = Endpoint.parse("192.0.2.1:51820");
  assert.ok(source !== undefined);
  memory.set(encodeSocketAddress(source, 6) ?? [], 32);
  memory.set([192, 0, 2, 7], 76);
  const reader = new SocketAddressReader();
  const called = reader.read(memory, 32, 64);
  assert.ok(called.equals(source));
  assert.equal(reader.read(memory, 32, 64), called);
  assert.notEqual(reader.read(memory, 32), called);
  memory[79] = 8;
  assert.notEqual(reader.read(memory, 32, 64), called);
});

Deno.test("SocketAddressReader keeps what the way back needs: the zone, and the address that was called", () => {
  const memory = new Uint8Array(128);
  const linkLocal = Endpoint.parseZoned("[fe80::1%3]:51820") ?? assert.fail();
  memory.set(encodeSocketAddress(linkLocal, 6) ?? [], 32);
  const reader = new SocketAddressReader();
  const read = reader.read(memory, 32);
  assert.deepEqual(read.socketAddress, memory.slice(32, 60));
  assert.ok(read.equals(linkLocal));
  assert.equal(read.local, undefined);
  memory[32 + 24] = 4;
  assert.notEqual(reader.read(memory, 32), read, "another link");

  memory.set(endpoint("[fe80::2]:1").address.bytes, 64);
  const called = reader.read(memory, 32, 64);
  assert.deepEqual(called.local, memory.slice(64, 80));
  called.local = undefined;
  assert.deepEqual(reader.read(memory, 32, 64).local, memory.slice(64, 80), "it is learnt again");
});

Deno.test("SocketAddressReader takes none of many sources for another", () => {
  const random = new SeededRandom(5);
  const memory = new Uint8Array(128);
  for (const family of [4, 6] as const) {
    const reader = new SocketAddressReader();
    const known = new Map<string, Endpoint>();
    for (let i = 0; i < 5000; i++) {
      const pick = randomBytes(random, 4).map((byte) => byte & 3);
      const source = endpoint(
        `${family === 4 ? `192.0.${pick[0]}.2` : `[2001:db8::${pick[0]}:2]`}:${256 * (pick[1] ?? 0) + 7}`,
      );
      memory.set(encodeSocketAddress(source, family) ?? [], 32);
      const isCalled = pick[2] !== 0;
      memory[64] = pick[3] ?? 0;
      const read = reader.read(memory, 32, isCalled ? 64 : 0);
      const called = isCalled ? memory.slice(64, 64 + (family === 4 ? 4 : 16)) : undefined;
      assert.ok(read.equals(source));
      assert.deepEqual(read.local, called);
      const key = `${source} ${called}`;
      assert.equal(read, known.get(key) ?? read, "the same object");
      known.set(key, read);
    }
    assert.ok(known.size > 50);
  }
});

Deno.test({
  name: "zoneOf() knows interfaces by name, and numbers as they are",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    // Every namespace's first.
    assert.equal(zoneOf("lo"), 1);
    assert.equal(zoneOf("7"), 7);
    for (const none of ["", "0", "07", "-1", "1e3", "no-such-one", "9999999999"]) {
      assert.equal(zoneOf(none), undefined, JSON.stringify(none));
    }
  },
});
