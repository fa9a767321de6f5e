import assert from "node:assert/strict";
import { concatBytes, utf8Bytes } from "../../base/mod.ts";
import { decodeEnvelope, encodeEnvelope, type EnvelopeContent } from "../testing/envelope_oracle.ts";
import { EnvelopeReader } from "./envelope_reader.ts";

const envelopes: EnvelopeContent[] = [
  { case: "ping", value: { number: 0xffff_ffff } },
  { case: "pong", value: { number: 0 } },
  { case: "close", value: { reason: "done" } },
  { case: "payload", value: { topic: "mesh", body: utf8Bytes("body") } },
  { case: "payload", value: { topic: "", body: new Uint8Array(0) } },
  { case: "streamData", value: { stream: 300, data: new Uint8Array(300).fill(1) } },
];

function readAll(reader: EnvelopeReader, piece: Uint8Array): Uint8Array[] {
  reader.append(piece);
  const found: Uint8Array[] = [];
  for (;;) {
    const outcome = reader.next();
    if (outcome === "incomplete") return found;
    assert.equal(outcome, "found");
    const envelope = reader.bytes.slice(reader.start, reader.end);
    assert(decodeEnvelope(envelope)?.case);
    found.push(envelope);
  }
}

Deno.test("EnvelopeReader gives the same envelopes however the stream is cut", () => {
  const encoded = envelopes.map(encodeEnvelope);
  const bytes = concatBytes(...encoded);
  for (let cut = 1; cut <= bytes.length; cut++) {
    const reader = new EnvelopeReader(100);
    const found: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += cut) {
      found.push(...readAll(reader, bytes.subarray(at, at + cut)));
    }
    assert.deepEqual(found, encoded.map((envelope) => envelope.subarray(4)));
  }
});

Deno.test("EnvelopeReader leaves an envelope where it lies when its record holds it whole", () => {
  const ping = encodeEnvelope({ case: "ping", value: { number: 1 } });
  const record = concatBytes(ping, ping, ping.subarray(0, 5));
  const reader = new EnvelopeReader(100);
  reader.append(record);
  for (const end of [ping.length, 2 * ping.length]) {
    assert.equal(reader.next(), "found");
    assert.equal(reader.bytes, record);
    assert.equal(reader.end, end);
  }
  assert.equal(reader.next(), "incomplete");
});

Deno.test("EnvelopeReader rejects a length over its limit before anything else arrives", () => {
  const reader = new EnvelopeReader(100);
  reader.append(Uint8Array.of(0, 0, 2, 101));
  assert.equal(reader.next(), "too-long");
  const other = new EnvelopeReader(100);
  other.append(Uint8Array.of(0, 0, 2, 100));
  assert.equal(other.next(), "incomplete");
});

Deno.test("EnvelopeReader takes a piece only when the one before is used up", () => {
  const reader = new EnvelopeReader(100);
  const ping = encodeEnvelope({ case: "ping", value: { number: 1 } });
  reader.append(concatBytes(ping, ping));
  assert.equal(reader.next(), "found");
  assert.throws(() => reader.append(ping), TypeError);
});
