import assert from "node:assert/strict";
import fc from "fast-check";
import { flowHash, ipFlowHash, writeHeaderOfPacket } from "./mod.ts";
import { frame, ip, ipFrame, mac, packet, SwitchHarness, tagged } from "./testing/mod.ts";

function udp(from: number, to = 53): Uint8Array {
  return Uint8Array.of(from >> 8, from, to >> 8, to, 0, 0, 0, 0, 1, 2, 3);
}

Deno.test("flowHash() is the same for packets of a flow, whatever they carry, and behind tags", () => {
  const sent = ipFrame(mac(1), mac(2), packet("10.0.0.1", "10.0.0.2", { payload: udp(4000) }));
  const other = ipFrame(
    mac(1),
    mac(2),
    packet("10.0.0.1", "10.0.0.2", { payload: Uint8Array.of(...udp(4000), 9, 9) }),
  );
  const hash = flowHash(sent, 0, sent.length, 7);
  assert.equal(flowHash(other, 0, other.length, 7), hash);
  const shifted = Uint8Array.of(0, 0, 0, ...sent);
  assert.equal(flowHash(shifted, 3, sent.length, 7), hash);
  assert.equal(flowHash(tagged(sent, 5), 0, sent.length + 4, 7), hash);
  assert.equal(ipFlowHash(sent, 14, sent.length - 14, 7), hash);
  assert.notEqual(flowHash(sent, 0, sent.length, 8), hash);
});

Deno.test("flowHash() spreads ports evenly over 64 ways, for both families", () => {
  for (const [from, to] of [["10.0.0.1", "10.0.0.2"], ["fd00::1", "fd00::2"]] as const) {
    const ways = new Array<number>(64).fill(0);
    for (let port = 0; port < 6_400; port++) {
      const sent = ipFrame(mac(1), mac(2), packet(from, to, { payload: udp(port) }));
      const way = flowHash(sent, 0, sent.length, 1) >>> 26;
      ways[way] = (ways[way] ?? 0) + 1;
    }
    assert.ok(Math.min(...ways) > 60 && Math.max(...ways) < 150, ways.join());
  }
});

Deno.test("flowHash() keeps the fragments of a packet together", () => {
  const first = packet("10.0.0.1", "10.0.0.2", { payload: udp(1), flags: 0x20 });
  const later = packet("10.0.0.1", "10.0.0.2", { payload: udp(2), flags: 0x01 });
  assert.equal(ipFlowHash(first, 0, first.length, 1), ipFlowHash(later, 0, later.length, 1));
});

Deno.test("flowHash() tells other protocols apart by MAC addresses, and never throws", () => {
  const [one, two] = [frame(mac(1), mac(2)), frame(mac(1), mac(3))];
  assert.notEqual(flowHash(one, 0, one.length, 1), flowHash(two, 0, two.length, 1));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
    const hash = flowHash(bytes, 0, bytes.length, 1);
    assert.ok(Number.isInteger(hash) && hash >= 0 && hash <= 0xffff_ffff);
    // What stands behind the end does not count.
    assert.equal(flowHash(Uint8Array.of(...bytes, 1, 2, 3, 4, 5, 6, 7, 8), 0, bytes.length, 1), hash);
  }));
});

Deno.test("writeHeaderOfPacket() makes a frame of an IP packet by what is bound", () => {
  const h = new SwitchHarness();
  h.network(1);
  h.bind(1, 1, mac(1), "10.0.0.1", "fd00::1");
  h.bind(1, 2, mac(2), "10.0.0.2", "fd00::2");
  const write = (from: string, to: string, fallback = false) => {
    const inner = packet(from, to);
    const bytes = new Uint8Array(16 + inner.length);
    bytes.set(inner, 16);
    const source = fallback ? mac(0xfe) : undefined;
    return writeHeaderOfPacket(h.frames, 1, bytes, 2, inner.length, source) && bytes.subarray(2, 16).toHex();
  };
  assert.equal(write("10.0.0.1", "10.0.0.2"), "020000000002" + "020000000001" + "0800");
  assert.equal(write("fd00::2", "fd00::1"), "020000000001" + "020000000002" + "86dd");
  assert.equal(write("10.0.0.1", "224.1.2.3"), "01005e010203" + "020000000001" + "0800");
  assert.equal(write("10.0.0.1", "255.255.255.255"), "ffffffffffff" + "020000000001" + "0800");
  assert.equal(write("10.0.0.1", "10.0.0.3"), false);
  assert.equal(write("10.9.0.1", "10.0.0.1"), false);
  assert.equal(write("10.9.0.1", "10.0.0.1", true), "020000000001" + "0200000000fe" + "0800");
  assert.equal(writeHeaderOfPacket(h.frames, 1, new Uint8Array(30), 0, 16), false);
  assert.equal(h.frames.lookupAddress(2, ip("10.0.0.1").bytes, 0, 4), undefined);
});
