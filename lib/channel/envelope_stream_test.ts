import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, EnvelopeReader } from "./envelope_stream.ts";

const envelopes: Envelope[] = [
  { kind: "ping", number: 0xffff_ffff },
  { kind: "pong", number: 0 },
  { kind: "close", reason: "done" },
  { kind: "payload", message: { topic: "mesh", body: utf8Bytes("body") } },
  { kind: "payload", message: { topic: "", body: new Uint8Array(0) } },
];

function readAll(reader: EnvelopeReader, piece: Uint8Array): (Envelope | undefined)[] {
  reader.append(piece);
  const found: (Envelope | undefined)[] = [];
  for (;;) {
    const bytes = reader.next();
    if (bytes === undefined) return found;
    assert(bytes !== "too-long");
    found.push(decodeEnvelope(bytes));
  }
}

Deno.test("EnvelopeReader gives the same envelopes however the stream is cut", () => {
  const bytes = concatBytes(...envelopes.map(encodeEnvelope));
  for (let cut = 1; cut <= bytes.length; cut++) {
    const reader = new EnvelopeReader(100);
    const found: (Envelope | undefined)[] = [];
    for (let at = 0; at < bytes.length; at += cut) {
      found.push(...readAll(reader, bytes.subarray(at, at + cut)));
    }
    assert.deepEqual(found, envelopes);
  }
});

Deno.test("EnvelopeReader rejects a length over its limit before anything else arrives", () => {
  const reader = new EnvelopeReader(100);
  reader.append(Uint8Array.of(0, 0, 2, 101));
  assert.equal(reader.next(), "too-long");
  const other = new EnvelopeReader(100);
  other.append(Uint8Array.of(0, 0, 2, 100));
  assert.equal(other.next(), undefined);
});

Deno.test("EnvelopeReader takes a piece only when the one before is used up", () => {
  const reader = new EnvelopeReader(100);
  const ping = encodeEnvelope({ kind: "ping", number: 1 });
  reader.append(concatBytes(ping, ping));
  assert(reader.next() instanceof Uint8Array);
  assert.throws(() => reader.append(ping), TypeError);
});

Deno.test("decodeEnvelope() takes nothing that is empty, of an unknown kind, or cut off", () => {
  assert.equal(decodeEnvelope(new Uint8Array(0)), undefined);
  assert.equal(decodeEnvelope(Uint8Array.of(0x7a, 0)), undefined);
  const bytes = encodeEnvelope({ kind: "payload", message: { topic: "mesh", body: utf8Bytes("body") } });
  for (let length = 4; length < bytes.length; length++) {
    assert.equal(decodeEnvelope(bytes.subarray(4, length)), undefined);
  }
});

Deno.test("decodeEnvelope() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeEnvelope(bytes)));
});
