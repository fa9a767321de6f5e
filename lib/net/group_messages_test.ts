import assert from "node:assert/strict";
import fc from "fast-check";
import { GROUP_SAYS, GroupMessage } from "./group_messages.ts";
import { internetChecksum, putUint16 } from "./ip_packet.ts";

const { QUERY, JOIN, LEAVE } = GROUP_SAYS;

function igmp(hex: string): Uint8Array {
  const bytes = Uint8Array.fromHex(hex);
  putUint16(bytes, 2, internetChecksum(bytes, 0, bytes.length));
  return bytes;
}

function read(bytes: Uint8Array, addressBytes: 4 | 16): [number, string][] | undefined {
  const message = new GroupMessage();
  if (!message.begin(bytes, 0, bytes.length, addressBytes)) return undefined;
  const groups: [number, string][] = [];
  while (message.next()) {
    groups.push([message.says, bytes.subarray(message.groupAt, message.groupAt + addressBytes).toHex()]);
  }
  return groups;
}

const G4 = "ef010203";
const G6 = "ff150000000000000000000000000009";

const CASES: readonly [name: string, bytes: Uint8Array, addressBytes: 4 | 16, groups: [number, string][]][] =
  [
    ["an IGMPv2 query", igmp("11640000" + "00000000"), 4, [[QUERY, "00000000"]]],
    ["an IGMPv3 query", igmp("11640000" + G4 + "027d0001" + "0a000001"), 4, [[QUERY, G4]]],
    ["an IGMPv1 report", igmp("12000000" + G4), 4, [[JOIN, G4]]],
    ["an IGMPv2 report", igmp("16000000" + G4), 4, [[JOIN, G4]]],
    ["an IGMPv2 leave", igmp("17000000" + G4), 4, [[LEAVE, G4]]],
    [
      "an IGMPv3 report with records of all kinds",
      igmp(
        "22000000" + "00000007" +
          "01000000" + "ef000001" + // is in nothing
          "01000001" + "ef000002" + "0a000001" +
          "02000000" + "ef000003" +
          "03000000" + "ef000004" + // leaves
          "04010001" + "ef000005" + "0a000001" + "deadbeef" +
          "05000001" + "ef000006" + "0a000001" +
          "06000001" + "ef000007" + "0a000001",
      ),
      4,
      [[JOIN, "ef000002"], [JOIN, "ef000003"], [LEAVE, "ef000004"], [JOIN, "ef000005"], [JOIN, "ef000006"]],
    ],
    ["an MLDv1 query", Uint8Array.fromHex("82000000" + "27100000" + "00".repeat(16)), 16, [[
      QUERY,
      "00".repeat(16),
    ]]],
    ["an MLDv1 report", Uint8Array.fromHex("83000000" + "00000000" + G6), 16, [[JOIN, G6]]],
    ["an MLDv1 done", Uint8Array.fromHex("84000000" + "00000000" + G6), 16, [[LEAVE, G6]]],
    [
      "an MLDv2 report",
      Uint8Array.fromHex("8f000000" + "00000002" + "04000000" + G6 + "03000000" + G6),
      16,
      [[JOIN, G6], [LEAVE, G6]],
    ],
  ];

for (const [name, bytes, addressBytes, groups] of CASES) {
  Deno.test(`GroupMessage reads ${name}, and refuses it cut off at every byte`, () => {
    assert.deepEqual(read(bytes, addressBytes), groups);
    const whole = groups[0]?.[0] === QUERY ? 8 + (addressBytes === 16 ? 16 : 0) : bytes.length;
    for (let length = 0; length < whole; length++) {
      const cut = bytes.slice(0, length);
      // Not for its checksum's sake.
      if (addressBytes === 4 && length >= 4) {
        putUint16(cut, 2, 0);
        putUint16(cut, 2, internetChecksum(cut, 0, length));
      }
      assert.equal(read(cut, addressBytes), undefined, String(length));
    }
  });
}

Deno.test("GroupMessage refuses IGMP with one flipped bit, and messages of the other family", () => {
  for (const [, bytes, addressBytes] of CASES) {
    assert.equal(read(bytes, addressBytes === 4 ? 16 : 4), undefined);
    for (let bit = 0; addressBytes === 4 && bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(read(flipped, 4), undefined);
    }
  }
});

Deno.test("GroupMessage never throws, and ends", () => {
  const type = fc.constantFrom(0x11, 0x22, 130, 131, 143);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 80 }), type, (bytes, first) => {
      bytes[0] = first;
      putUint16(bytes, 2, 0);
      putUint16(bytes, 2, internetChecksum(bytes, 0, bytes.length));
      for (const addressBytes of [4, 16] as const) {
        for (const [, group] of read(bytes, addressBytes) ?? []) assert.equal(group.length, 2 * addressBytes);
      }
    }),
    { numRuns: 2000 },
  );
});
