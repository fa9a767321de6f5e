import assert from "node:assert/strict";
import fc from "fast-check";
import { anyName, nameOf } from "./testing/samples.ts";
import { type DnsMessage, FLAG, type ResourceRecord } from "./message.ts";
import { decodeMessage } from "./message_decoder.ts";
import { encodeMessage } from "./message_encoder.ts";
import { soaData, srvData, stringsData } from "./record_data.ts";
import { CLASS_IN, RECORD_TYPE } from "./record_type.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replace(/\s/g, ""));
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint31 = fc.integer({ min: 0, max: 0x7fff_ffff });

const anyData: fc.Arbitrary<readonly [number, Uint8Array]> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((data) => [RECORD_TYPE.A, data] as const),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((data) => [RECORD_TYPE.AAAA, data] as const),
  anyName.map((name) => [RECORD_TYPE.PTR, name.wire] as const),
  fc.tuple(uint16, anyName).map(([port, target]) =>
    [RECORD_TYPE.SRV, srvData({ priority: 1, weight: 2, port, target })] as const
  ),
  fc.tuple(anyName, anyName, uint31).map(([primary, mailbox, serial]) =>
    [
      RECORD_TYPE.SOA,
      soaData(primary, mailbox, [serial, 1, 2, 3, 4]),
    ] as const
  ),
  fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 3 }).map((strings) =>
    [RECORD_TYPE.TXT, stringsData(strings)] as const
  ),
  fc.tuple(fc.integer({ min: 1000, max: 60_000 }), fc.uint8Array({ maxLength: 50 })),
);
const anyRecord: fc.Arbitrary<ResourceRecord> = fc.tuple(anyName, anyData, uint31).map((
  [name, [type, data], ttlSeconds],
) => ({ name, type, class: CLASS_IN, ttlSeconds, data }));
const records = fc.array(anyRecord, { maxLength: 5 });
const anyMessage: fc.Arbitrary<DnsMessage> = fc.record({
  id: uint16,
  flags: fc.constantFrom(0, FLAG.RD, FLAG.QR | FLAG.AA, FLAG.QR | FLAG.RA | FLAG.AD | FLAG.CD),
  opcode: fc.integer({ min: 0, max: 15 }),
  responseCode: fc.integer({ min: 0, max: 15 }),
  questions: fc.array(fc.record({ name: anyName, type: uint16, class: uint16 }), { maxLength: 1 }),
  answers: records,
  authority: records,
  additional: records,
  edns: fc.option(
    fc.record({ version: fc.nat(255), payloadBytes: uint16, wantsDnssec: fc.boolean() }),
    { nil: undefined },
  ),
});

/** Names are the same whatever their case, and compression may show another's. */
function comparable(message: DnsMessage): unknown {
  const lower = ({ name, ...rest }: ResourceRecord) => ({ ...rest, name: name.key, data: rest.data.toHex() });
  return {
    ...message,
    questions: message.questions.map(({ name, ...rest }) => ({ ...rest, name: name.key })),
    answers: message.answers.map(lower),
    authority: message.authority.map(lower),
    additional: message.additional.map(lower),
  };
}

Deno.test("decodeMessage() reads what encodeMessage() has written", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    const decoded = decodeMessage(encodeMessage(message));
    assert(typeof decoded === "object", String(decoded));
    const data = (message: DnsMessage): string => JSON.stringify(comparable(message)).toLowerCase();
    assert.equal(data(decoded), data(message));
  }));
});

Deno.test("decodeMessage() refuses a message that is cut at any byte", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const whole = encodeMessage(message);
      for (let length = 0; length < whole.length; length++) {
        assert.equal(typeof decodeMessage(whole.subarray(0, length)), "string", `${length} bytes`);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("decodeMessage() refuses bytes behind the end", () => {
  const query = encodeMessage(ask("a.b"));
  assert.equal(decodeMessage(Uint8Array.of(...query, 0)), "trailing");
});

Deno.test("decodeMessage() takes random bytes and flipped bits without throwing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => void decodeMessage(noise)));
  fc.assert(fc.property(anyMessage, fc.nat(), fc.nat(7), (message, at, bit) => {
    const bytes = encodeMessage(message);
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
    const decoded = decodeMessage(bytes);
    // What is read can be written, and is then read again.
    if (typeof decoded === "object") assert(typeof decodeMessage(encodeMessage(decoded)) === "object");
  }));
});

/** A header with one question, then the name of it. */
const asked = "0001 0100 0001 0000 0000 0000";
const hostile: readonly (readonly [string, string, string])[] = [
  ["nothing", "", "length"],
  ["less than a header", "0001 0100 0001 0000 0000 00", "length"],
  ["two questions", "0001 0100 0002 0000 0000 0000 00 0001 0001 00 0001 0001", "questions"],
  ["a question that is not there", asked, "name"],
  ["a name that points to itself", `${asked} c00c 0001 0001`, "name"],
  ["a name that points forward", `${asked} c00e 0001 0001`, "name"],
  ["a name that points into the header", `${asked} c000 0001 0001`, "name"],
  ["a name that points behind the end", `${asked} ffff 0001 0001`, "name"],
  ["a label that loops back to itself", `${asked} 0161 c00c 0001 0001`, "name"],
  ["half a pointer", `${asked} c0`, "name"],
  ["a label of the kind 01", `${asked} 41 61 00 0001 0001`, "name"],
  ["a label of the kind 10", `${asked} 81 61 00 0001 0001`, "name"],
  ["a label that runs past the end", `${asked} 3f 61 00 0001 0001`, "name"],
  ["a name without an end", `${asked} 0161`, "name"],
  ["a question without a class", `${asked} 00 0001 00`, "record"],
  ["a record that is not there", "0001 0100 0000 0001 0000 0000", "name"],
  ["counts that lie", "0001 0100 0000 ffff ffff ffff 00 0001 0001 00000000 0004 01020304", "name"],
  [
    "data that runs past the end",
    "0001 0100 0000 0001 0000 0000 00 0001 0001 00000000 0005 01020304",
    "record",
  ],
  ["an address of 5 bytes", "0001 0100 0000 0001 0000 0000 00 0001 0001 00000000 0005 0102030405", "data"],
  [
    "an SRV record that is cut",
    "0001 0100 0000 0001 0000 0000 00 0021 0001 00000000 0005 0102030405",
    "data",
  ],
  [
    "a name that reaches out of its data",
    "0001 0100 0000 0001 0000 0000 00 0002 0001 00000000 0001 0161 00",
    "data",
  ],
  ["OPT as an answer", "0001 0100 0000 0001 0000 0000 00 0029 0200 00000000 0000", "edns"],
  [
    "OPT twice",
    "0001 0100 0000 0000 0000 0002 00 0029 0200 00000000 0000 00 0029 0200 00000000 0000",
    "edns",
  ],
  ["OPT with a name", "0001 0100 0000 0000 0000 0001 0161 00 0029 0200 00000000 0000", "edns"],
  [
    "an option that runs past its end",
    "0001 0100 0000 0000 0000 0001 00 0029 0200 00000000 0004 000a0008",
    "edns",
  ],
];
for (const [what, hex, problem] of hostile) {
  Deno.test(`decodeMessage() refuses ${what}`, () => assert.equal(decodeMessage(bytes(hex)), problem));
}

Deno.test("decodeMessage() refuses what is longer than 65,535 bytes", () => {
  assert.equal(decodeMessage(new Uint8Array(65_536)), "length");
});

Deno.test("decodeMessage() refuses a name that pointers make longer than 255 bytes", () => {
  // Each name is a label of 63 bytes and a pointer to the one before.
  const parts: number[] = [0, 1, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0];
  let before = 0;
  for (let i = 0; i < 5; i++) {
    const here = parts.length;
    parts.push(63, ...new Array(63).fill(97), ...(i === 0 ? [0] : [0xc0 | (before >> 8), before & 255]));
    parts.push(0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4);
    before = here;
  }
  assert.equal(decodeMessage(Uint8Array.from(parts)), "name");
});

Deno.test("decodeMessage() is not held up by long chains of pointers", () => {
  // A record whose data is 20,000 pointers, each to the one before, and then names that start at the last of them.
  const chain = 20_000;
  const header = [0, 1, 1, 0, 0, 0, 0x0f, 0xa0, 0, 0, 0, 0];
  const out = [...header, 0, 0xff, 0xf0, 0, 1, 0, 0, 0, 0, (2 * chain) >> 8, (2 * chain) & 255];
  const first = out.length;
  out.push(0, 0);
  for (let i = 1; i < chain && first + 2 * i < 0x3fff; i++) {
    const target = first + 2 * (i - 1);
    out.push(0xc0 | (target >> 8), target & 255);
  }
  while (out.length < first + 2 * chain) out.push(0);
  const last = 0x3ffe;
  while (out.length + 16 <= 65_535) out.push(0xc0 | (last >> 8), last & 255, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0);
  const startedAt = performance.now();
  assert.equal(typeof decodeMessage(Uint8Array.from(out)), "string");
  assert(performance.now() - startedAt < 100);
});

Deno.test("decodeMessage() writes out the compressed names in data", () => {
  // 12: a.b; NS with a pointer to "b", MX with "c" and a pointer to it
  const hex = `0001 8100 0001 0002 0000 0000 0161 0162 00 0002 0001
    c00c 0002 0001 0000003c 0002 c00e
    c00c 000f 0001 0000003c 0006 000a 0163 c00e`;
  const message = decodeMessage(bytes(hex));
  assert(typeof message === "object");
  assert.deepEqual(message.answers.map(({ data }) => data.toHex()), ["016200", "000a0163016200"]);
  assert(message.answers.every(({ name }) => name.equals(nameOf("a.b"))));
});

Deno.test("decodeMessage() counts a TTL with its highest bit set as 0", () => {
  const message = decodeMessage(bytes("0001 8100 0000 0001 0000 0000 00 0001 0001 80000001 0004 01020304"));
  assert(typeof message === "object");
  assert.equal(message.answers[0]?.ttlSeconds, 0);
});

function ask(name: string): DnsMessage {
  return {
    id: 7,
    flags: FLAG.RD,
    opcode: 0,
    responseCode: 0,
    questions: [{ name: nameOf(name), type: RECORD_TYPE.A, class: CLASS_IN }],
    answers: [],
    authority: [],
    additional: [],
  };
}

function address(name: string, last: number): ResourceRecord {
  const data = Uint8Array.of(10, 200, 0, last);
  return { name: nameOf(name), type: RECORD_TYPE.A, class: CLASS_IN, ttlSeconds: 300, data };
}

Deno.test("encodeMessage() compresses, and shows the name of the question as it was asked", () => {
  const response = encodeMessage({ ...ask("WEB.Weft.internal"), answers: [address("web.weft.internal", 1)] });
  // 12 + name 19 + 4, then a pointer and 14 bytes
  assert.equal(response.length, 12 + 19 + 4 + 2 + 10 + 4);
  assert.equal(response.subarray(35, 37).toHex(), "c00c");
  const decoded = decodeMessage(response);
  assert(typeof decoded === "object");
  assert.equal(decoded.answers[0]?.name.toString(), "WEB.Weft.internal.");
});

Deno.test("encodeMessage() does not compress the target of SRV", () => {
  const target = nameOf("web.weft.internal");
  const data = srvData({ priority: 0, weight: 0, port: 80, target });
  const record = { ...address("web.weft.internal", 1), type: RECORD_TYPE.SRV, data };
  const response = encodeMessage({ ...ask("web.weft.internal"), answers: [record] });
  assert.deepEqual(response.subarray(response.length - target.wire.length), target.wire);
});

Deno.test("encodeMessage() leaves all answers out and sets TC when they do not fit", () => {
  const answers = Array.from({ length: 40 }, (_, i) => address("web.weft.internal", i));
  const edns = { version: 0, payloadBytes: 1232, wantsDnssec: false };
  const message = { ...ask("web.weft.internal"), answers, edns };
  const short = encodeMessage(message, 512);
  const decoded = decodeMessage(short);
  assert(typeof decoded === "object");
  assert.equal(decoded.flags & FLAG.TC, FLAG.TC);
  assert.deepEqual([decoded.answers.length, decoded.edns?.payloadBytes], [0, 1232]);
  const whole = decodeMessage(encodeMessage(message, 1232));
  assert(typeof whole === "object");
  assert.deepEqual([whole.answers.length, whole.flags & FLAG.TC], [40, 0]);
});

Deno.test("encodeMessage() leaves additional records out without TC, and never exceeds the size", () => {
  const additional = Array.from({ length: 40 }, (_, i) => address("web.weft.internal", i));
  const encoded = encodeMessage({ ...ask("web.weft.internal"), additional }, 512);
  const decoded = decodeMessage(encoded);
  assert(typeof decoded === "object");
  assert.equal(decoded.flags & FLAG.TC, 0);
  assert.equal(decoded.additional.length, Math.floor((512 - 35) / 16));
  fc.assert(fc.property(anyMessage, fc.integer({ min: 512, max: 1232 }), (message, maxBytes) => {
    const encoded = encodeMessage(message, maxBytes);
    assert(encoded.length <= maxBytes);
    assert(typeof decodeMessage(encoded) === "object");
  }));
});
