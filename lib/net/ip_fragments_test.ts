import assert from "node:assert/strict";
import { SeededRandom } from "../base/mod.ts";
import { cutIpv4, cutIpv6, mayBeCut } from "./ip_fragments.ts";
import { internetChecksum, ipPacketLength, uint16At } from "./ip_packet.ts";
import { Ipv6Payload } from "./ipv6_headers.ts";

const random = new SeededRandom(3);

function ipv4(options: readonly number[], payloadBytes: number, field = 0): Uint8Array {
  const headerBytes = 20 + options.length;
  const packet = new Uint8Array(headerBytes + payloadBytes);
  random.fill(packet);
  packet.set([0x40 | (headerBytes / 4), 0, packet.length >> 8, packet.length & 255]);
  packet.set([field >> 8, field & 255, 64, 17], 6);
  packet.set(options, 20);
  return packet;
}

/** What a receiver joins (RFC 791 §3.2): payloads by their offsets, in bytes of the first packet. */
function joinIpv4(fragments: readonly Uint8Array[], from: number): Uint8Array {
  const out: number[] = [];
  for (const fragment of fragments) {
    const headerBytes = ((fragment[0] ?? 0) & 15) * 4;
    assert.equal(internetChecksum(fragment, 0, headerBytes), 0);
    assert.equal(ipPacketLength(fragment), fragment.length);
    assert.equal((uint16At(fragment, 6) & 0x1fff) * 8 - from, out.length);
    out.push(...fragment.subarray(headerBytes));
  }
  return Uint8Array.from(out);
}

Deno.test("cutIpv4() makes fragments that fit and are joined to what was cut, whatever the length", () => {
  for (const payloadBytes of [1, 8, 555, 556, 557, 1111, 1112, 1113, 9000]) {
    const packet = ipv4([], payloadBytes);
    const fragments = cutIpv4(packet, 576);
    assert.ok(fragments.every((each) => each.length <= 576));
    assert.equal(fragments.length, Math.ceil(payloadBytes / 552));
    assert.deepEqual(joinIpv4(fragments, 0), packet.subarray(20));
    const more = fragments.map((each) => uint16At(each, 6) & 0x2000);
    assert.deepEqual(more, fragments.map((_, i) => i < fragments.length - 1 ? 0x2000 : 0));
    assert.ok(fragments.every((each) => uint16At(each, 4) === uint16At(packet, 4)));
  }
});

Deno.test("cutIpv4() cuts a fragment again, and repeats only the options that are to be copied", () => {
  const middle = cutIpv4(ipv4([], 1200, 0x2000 | 100), 576);
  assert.equal(joinIpv4(middle, 800).length, 1200);
  assert.equal(uint16At(middle.at(-1) ?? assert.fail(), 6) & 0x2000, 0x2000, "more follow after all");
  // Record route (7) is not copied, strict source route (137) is; a NOP between them.
  const fragments = cutIpv4(ipv4([7, 3, 4, 1, 137, 7, 4, 1, 2, 3, 4, 0], 1200), 576);
  assert.deepEqual(fragments.map((each) => (each[0] ?? 0) & 15), [8, 7, 7]);
  assert.deepEqual([...fragments[1]?.subarray(20, 28) ?? []], [137, 7, 4, 1, 2, 3, 4, 0]);
  assert.equal(joinIpv4(fragments, 0).length, 1200);
});

Deno.test("cutIpv4() comes to an end whatever the options say", () => {
  for (let i = 0; i < 500; i++) {
    const options = new Uint8Array(40);
    random.fill(options);
    const fragments = cutIpv4(ipv4([...options], 700), 576);
    assert.equal(joinIpv4(fragments, 0).length, 700);
  }
});

Deno.test("mayBeCut() reads the flag", () => {
  assert.ok(mayBeCut(ipv4([], 100, 0x2000), 0));
  assert.ok(!mayBeCut(ipv4([], 100, 0x4000), 0));
});

function ipv6(before: readonly number[], first: number, payloadBytes: number): Uint8Array {
  const packet = new Uint8Array(40 + before.length + payloadBytes);
  random.fill(packet);
  packet.set([0x60, 0, 0, 0, (packet.length - 40) >> 8, (packet.length - 40) & 255, first, 64]);
  packet.set(before, 40);
  return packet;
}

Deno.test("cutIpv6() makes fragments behind the headers that every hop reads, and they are joined to what was cut", () => {
  const hopByHop = [17, 0, 1, 4, 0, 0, 0, 0];
  for (const [before, first] of [[[], 17], [hopByHop, 0]] as const) {
    for (const payloadBytes of [700, 1192, 1240 - before.length]) {
      const packet = ipv6(before, first, payloadBytes);
      const fragments = cutIpv6(packet, 700, 0x01020304);
      const out: number[] = [];
      for (const fragment of fragments) {
        assert.ok(fragment.length <= 700);
        const payload = new Ipv6Payload();
        assert.ok(payload.read(fragment, 0, fragment.length));
        assert.equal(payload.end, fragment.length);
        assert.deepEqual([payload.isFragment, payload.protocol], [true, 17]);
        assert.deepEqual([...fragment.subarray(payload.at - 4, payload.at)], [1, 2, 3, 4]);
        const field = uint16At(fragment, payload.at - 6);
        assert.equal(field & ~7, out.length);
        assert.equal(field & 1, fragment === fragments.at(-1) ? 0 : 1);
        out.push(...fragment.subarray(payload.at));
      }
      assert.deepEqual(Uint8Array.from(out), packet.subarray(40 + before.length));
      // And once more.
      const again = cutIpv6(fragments[0] ?? assert.fail(), 600, 9);
      assert.deepEqual(again.map((each) => uint16At(each, 40 + before.length + 2) & 1), [1, 1]);
      assert.deepEqual(again.map((each) => each[47 + before.length]), [4, 4]);
    }
  }
});

Deno.test("cutIpv6() makes nothing of headers that run past the end", () => {
  assert.deepEqual(cutIpv6(ipv6([17, 255, 0, 0, 0, 0, 0, 0], 0, 900), 600, 1), []);
  for (let i = 0; i < 500; i++) {
    const packet = ipv6([], 43, 900);
    cutIpv6(packet, 600, 1);
    packet[6] = 44;
    cutIpv6(packet, 600, 1);
  }
});
