import assert from "node:assert/strict";
import { SeededRandom } from "../base/mod.ts";
import { IP_PROTOCOL, putUint16, transportChecksum, uint16At } from "./ip_packet.ts";
import { clampTcpMss } from "./tcp_mss.ts";

const random = new SeededRandom(4);

/** A segment behind `ipBytes` of an IP header, with a right checksum. */
function segment(version: 4 | 6, flags: number, options: readonly number[]): Uint8Array {
  const start = version === 4 ? 20 : 40;
  const tcpBytes = 20 + Math.ceil(options.length / 4) * 4;
  const packet = new Uint8Array(start + tcpBytes);
  random.fill(packet);
  if (version === 4) packet.set([0x45, 0, 0, packet.length, 0, 0, 0x40, 0, 64, IP_PROTOCOL.TCP]);
  else packet.set([0x60, 0, 0, 0, 0, tcpBytes, IP_PROTOCOL.TCP, 64]);
  packet[start + 12] = tcpBytes / 4 << 4;
  packet[start + 13] = flags;
  packet.fill(0, start + 20);
  packet.set(options, start + 20);
  putUint16(packet, start + 16, 0);
  putUint16(packet, start + 16, transportChecksum(packet, start, IP_PROTOCOL.TCP));
  return packet;
}

const mss = (value: number) => [2, 4, value >> 8, value & 255];
const SYN = 0x02;
const SYN_ACK = 0x12;

Deno.test("clampTcpMss() lowers what a SYN and its answer name, in both families, and the checksum stays right", () => {
  for (const version of [4, 6] as const) {
    const start = version === 4 ? 20 : 40;
    for (const flags of [SYN, SYN_ACK, SYN | 0xc0]) {
      for (const before of [[], [1], [1, 1, 1], [4, 2, 1]]) {
        for (let i = 0; i < 50; i++) {
          const packet = segment(version, flags, [...before, ...mss(1460 + i), 3, 3, 7]);
          const framed = Uint8Array.of(9, 9, ...packet);
          clampTcpMss(framed, 2, packet.length, { version, mtuBytes: 1240 + i });
          const after = framed.subarray(2);
          assert.equal(uint16At(after, start + 20 + before.length + 2), 1240 + i - start - 20);
          assert.equal(transportChecksum(after, start, IP_PROTOCOL.TCP), 0);
        }
      }
    }
  }
});

Deno.test("clampTcpMss() leaves alone what is less already, what is no SYN, and what is no TCP", () => {
  const later = segment(4, SYN, mss(1460));
  putUint16(later, 6, 0x2001);
  const udp = segment(4, SYN, mss(1460));
  udp[9] = 17;
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["less", segment(4, SYN, mss(1200))],
    ["data", segment(4, 0x10, mss(1460))],
    ["no option", segment(6, SYN, [4, 2, 1, 1])],
    ["behind the end of options", segment(4, SYN, [0, 0, 0, 0, ...mss(1460)])],
    ["a length of nothing", segment(4, SYN, [8, 0, ...mss(1460), 1, 1])],
    ["a wrong length", segment(4, SYN, [2, 6, 5, 0xb4, 0, 0, 1, 1])],
    ["cut off", segment(4, SYN, [1, 1, 1, 2])],
    ["a later fragment", later],
    ["UDP", udp],
  ];
  for (const [name, packet] of cases) {
    const before = packet.slice();
    clampTcpMss(packet, 0, packet.length, { version: packet[0] === 0x45 ? 4 : 6, mtuBytes: 1240 });
    assert.deepEqual(packet, before, name);
  }
});

Deno.test("clampTcpMss() leaves a checksum that is only begun as it is", () => {
  const packet = segment(4, SYN, mss(1460));
  const sum = uint16At(packet, 36);
  clampTcpMss(packet, 0, packet.length, { version: 4, mtuBytes: 1240, isPartial: true });
  assert.deepEqual([uint16At(packet, 42), uint16At(packet, 36)], [1200, sum]);
});

Deno.test("clampTcpMss() writes nowhere but into the option and the checksum, whatever the bytes", () => {
  for (let i = 0; i < 2000; i++) {
    const packet = new Uint8Array(40 + i % 60);
    random.fill(packet);
    packet.set([0x45], 0);
    packet[9] = IP_PROTOCOL.TCP;
    packet[33] = SYN;
    const before = packet.slice();
    clampTcpMss(packet, 0, packet.length, { version: 4, mtuBytes: 600 });
    const changed = packet.reduce((sum, byte, at) => sum + (byte === before[at] ? 0 : 1), 0);
    assert.ok(changed <= 4);
  }
});
