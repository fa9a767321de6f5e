import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, utf8Bytes } from "../../base/mod.ts";
import { decodeMessage, encodeMessage, EnvelopeSchema } from "../../proto/mod.ts";
import {
  EnvelopeDecoder,
  EnvelopeKind,
  envelopeLength,
  MAX_ENVELOPE_OVERHEAD_BYTES,
  writeEnvelope,
} from "./envelope_codec.ts";

interface Fields {
  readonly kind: EnvelopeKind;
  readonly number: number;
  readonly value: number;
  readonly text: string;
  readonly data: Uint8Array;
}

/** The generated schema is the oracle. */
function oneof({ kind, number, value, text, data }: Fields) {
  switch (kind) {
    case EnvelopeKind.ping:
      return { case: "ping", value: { number } } as const;
    case EnvelopeKind.pong:
      return { case: "pong", value: { number } } as const;
    case EnvelopeKind.close:
      return { case: "close", value: { reason: text } } as const;
    case EnvelopeKind.payload:
      return { case: "payload", value: { topic: text, body: data } } as const;
    case EnvelopeKind.streamOpen:
      return { case: "streamOpen", value: { stream: number, topic: text, header: data } } as const;
    case EnvelopeKind.streamData:
      return { case: "streamData", value: { stream: number, data } } as const;
    case EnvelopeKind.streamEnd:
      return { case: "streamEnd", value: { stream: number } } as const;
    case EnvelopeKind.streamCredit:
      return { case: "streamCredit", value: { stream: number, bytes: value } } as const;
    case EnvelopeKind.streamReset:
      return { case: "streamReset", value: { stream: number, code: value } } as const;
  }
}

function encode({ kind, number, value, text, data }: Fields): Uint8Array {
  const topic = utf8Bytes(text);
  const out = new Uint8Array(envelopeLength(number, value, topic.length, data.length) + 7).fill(0xaa);
  const half = data.length >> 1;
  const end = writeEnvelope(out, 3, kind, number, value, topic, [
    data.subarray(0, half),
    data.subarray(half),
  ]);
  assert.equal(end, out.length - 4);
  assert.ok(end - 3 <= MAX_ENVELOPE_OVERHEAD_BYTES + topic.length + data.length);
  assert.equal(new DataView(out.buffer).getUint32(3), end - 7);
  const whole = new Uint8Array(end - 3);
  assert.equal(writeEnvelope(whole, 0, kind, number, value, topic, data), whole.length);
  assert.deepEqual(whole, out.subarray(3, end));
  return out.subarray(7, end);
}

function decode(bytes: Uint8Array): Fields | undefined {
  const decoder = new EnvelopeDecoder();
  const shifted = concatBytes(Uint8Array.of(1, 2, 3), bytes, Uint8Array.of(255, 255));
  if (!decoder.decode(shifted, 3, 3 + bytes.length)) return undefined;
  const { kind, number, value, text, data } = decoder;
  assert.ok(kind !== 0 && decoder.textEquals(text) && decoder.dataBytes === data.length);
  return { kind, number, value, text: new TextDecoder().decode(text), data };
}

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }));
const envelopes: fc.Arbitrary<Fields> = fc.record({
  kind: fc.constantFrom(...Object.values(EnvelopeKind)),
  number: uint32,
  value: uint32,
  text: fc.string({ maxLength: 20, unit: "grapheme" }),
  data: fc.uint8Array({ maxLength: 300 }),
}).map((fields) => {
  const has = (...kinds: EnvelopeKind[]) => kinds.includes(fields.kind);
  const { payload, close, streamOpen, streamData, streamCredit, streamReset } = EnvelopeKind;
  return {
    kind: fields.kind,
    number: has(payload, close) ? 0 : fields.number,
    value: has(streamCredit, streamReset) ? fields.value : 0,
    text: has(payload, close, streamOpen) ? fields.text : "",
    data: has(payload, streamOpen, streamData) ? fields.data : new Uint8Array(0),
  };
});

Deno.test("writeEnvelope() writes what the generated schema writes, and EnvelopeDecoder reads it", () => {
  fc.assert(fc.property(envelopes, (fields) => {
    const bytes = encode(fields);
    assert.deepEqual(bytes, encodeMessage(EnvelopeSchema, { kind: oneof(fields) }));
    assert.deepEqual(decode(bytes), fields);
  }));
});

Deno.test("EnvelopeDecoder skips unknown fields of every type, and merges a message that comes in parts", () => {
  const unknown = [[0x78, 0x80, 1], [0x79, ...Array(8).fill(1)], [0x7a, 2, 1, 1], [0x7d, 1, 1, 1, 1], [
    0x7b,
    0x73,
    0x08,
    1,
    0x74,
    0x7c,
  ]].map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(envelopes, fc.array(fc.constantFrom(...unknown)), envelopes, (fields, more, other) => {
      const bytes = concatBytes(...more, encode(other), encode(fields), ...more);
      const oracle = decodeMessage(EnvelopeSchema, bytes);
      const decoded = decode(bytes);
      assert.ok(decoded && oracle);
      assert.deepEqual(
        encodeMessage(EnvelopeSchema, { kind: oneof(decoded) }),
        encodeMessage(EnvelopeSchema, oracle),
      );
    }),
  );
  // Unknown fields inside the message of a kind.
  const inner = concatBytes(Uint8Array.of(0x0a, 1, 0x61), ...unknown, Uint8Array.of(0x12, 1, 7));
  const decoded = decode(concatBytes(Uint8Array.of(0x22, inner.length), inner));
  assert.deepEqual([decoded?.text, decoded?.data], ["a", Uint8Array.of(7)]);
});

Deno.test("EnvelopeDecoder rejects an envelope that is cut off at any byte", () => {
  fc.assert(fc.property(envelopes, (fields) => {
    const bytes = encode(fields);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decode(bytes.subarray(0, length)), undefined);
    }
  }));
});

Deno.test("EnvelopeDecoder takes no bytes that the generated schema rejects, and reads the same from all others", () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x08, 0x10, 0x12, 0x0a, 0x22, 0x2a, 0x32, 1, 2, 3, 4));
  const noise = fc.array(byte, { maxLength: 24 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(noise, (bytes) => {
      const decoded = decode(bytes);
      const oracle = decodeMessage(EnvelopeSchema, bytes);
      // A topic that is no UTF-8 is found by whoever reads the topic.
      if (decoded === undefined || decoded.text.includes("\ufffd")) return;
      assert.ok(oracle, "the schema rejects it");
      assert.deepEqual(
        encodeMessage(EnvelopeSchema, { kind: oneof(decoded) }),
        encodeMessage(EnvelopeSchema, oracle),
      );
    }),
    { numRuns: 3_000 },
  );
});
