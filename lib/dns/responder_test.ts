import assert from "node:assert/strict";
import fc from "fast-check";
import { addressRecord } from "./network_names.ts";
import { FLAG } from "./message.ts";
import { decodeMessage } from "./message_decoder.ts";
import { ipOf, nameOf } from "./testing/samples.ts";
import { RECORD_RANK } from "./zone.ts";

import { type Ask, decoded, edns, everything, query, ResponderHarness } from "./testing/responder_harness.ts";
Deno.test("Responder answers with authority and the question's own spelling", () => {
  const response = new ResponderHarness().answer("WeB-1.weft.INTERNAL");
  assert.equal(response.id, 0x1234);
  assert.equal(response.flags, FLAG.QR | FLAG.AA | FLAG.RD);
  assert.equal(response.questions[0]?.name.toString(), "WeB-1.weft.INTERNAL.");
  assert.equal(response.answers[0]?.name.toString(), "WeB-1.weft.INTERNAL.");
  assert.equal(response.edns, undefined);
});

const codes: readonly (readonly [string, string, Ask, number])[] = [
  ["a name outside", "example.com", {}, 5],
  ["a name that is not there", "nobody.weft.internal", {}, 3],
  ["another class", "web-1.weft.internal", { class: 3 }, 5],
  ["any class", "web-1.weft.internal", { class: 255 }, 5],
  ["a transfer", "weft.internal", { type: "AXFR" }, 5],
  ["an incremental transfer", "weft.internal", { type: "IXFR" }, 5],
  ["a meta type", "weft.internal", { type: "TYPE250" }, 4],
  ["OPT as a type", "weft.internal", { type: "OPT" }, 1],
  ["an update", "weft.internal", { opcode: 5 }, 4],
  ["a later EDNS", "web-1.weft.internal", { edns: edns(1232, 1) }, 16],
];
for (const [what, name, options, code] of codes) {
  Deno.test(`Responder answers ${what} with the code ${code}`, () => {
    const response = new ResponderHarness().answer(name, options);
    assert.equal(response.responseCode, code);
    assert.equal(response.answers.length, 0);
    assert.equal(response.opcode, options.opcode ?? 0);
  });
}

Deno.test("Responder answers EDNS with EDNS, version 0, and copies DO", () => {
  const wants = { ...edns(4096), wantsDnssec: true };
  const response = new ResponderHarness().answer("web-1.weft.internal", { edns: wants });
  assert.deepEqual(response.edns, { version: 0, payloadBytes: 1232, wantsDnssec: true });
  const late = new ResponderHarness().answer("web-1.weft.internal", { edns: edns(512, 9) });
  assert.equal(late.edns?.version, 0);
});

Deno.test("Responder sends no more than the client takes, and sets TC", () => {
  const harness = new ResponderHarness();
  const name = nameOf("many.weft.internal");
  const many = Array.from({ length: 60 }, (_, i) => addressRecord(name, ipOf(`10.200.9.${i + 1}`), 300));
  harness.authority.setGroup("many", RECORD_RANK.member, many);
  const sizes: readonly (readonly [Ask, boolean])[] = [
    [{}, true],
    [{ edns: edns(100) }, true],
    [{ edns: edns(1232) }, false],
    [{ edns: edns(65_535) }, false],
    [{ transport: "tcp" }, false],
  ];
  for (const [options, isCut] of sizes) {
    const response = harness.answer("many.weft.internal", options);
    assert.equal((response.flags & FLAG.TC) !== 0, isCut);
    assert.equal(response.answers.length, isCut ? 0 : 60);
  }
  assert.equal(harness.counters.get("truncated"), 2);
  harness.authority.setGroup(
    "more",
    RECORD_RANK.member,
    many.map((each, i) => ({ ...each, data: Uint8Array.of(10, 1, 1, i) })),
  );
  assert.equal(harness.answer("many.weft.internal", { edns: edns(65_535) }).answers.length, 0);
  assert.equal(harness.answer("many.weft.internal", { transport: "tcp" }).answers.length, 120);
});

Deno.test("Responder answers malformed queries with FORMERR and their id, and counts why", () => {
  const harness = new ResponderHarness();
  const loop = Uint8Array.fromHex("abcd0100000100000000000" + "0c00c00010001");
  const outcome = harness.responder.handleQuery(harness.now, loop, "udp", "x");
  assert(outcome.kind === "response");
  assert.equal(outcome.bytes.toHex(), "abcd81010000000000000000");
  assert.equal(harness.counters.get("malformed-name"), 1);
  const two = Uint8Array.fromHex("abcd01000002000000000000");
  harness.responder.handleQuery(harness.now, two, "udp", "x");
  assert.equal(harness.counters.get("malformed-questions"), 1);
  const none = Uint8Array.fromHex("abcd01000000000000000000");
  const answered = harness.responder.handleQuery(harness.now, none, "udp", "x");
  assert(answered.kind === "response" && decoded(answered.bytes).responseCode === 1);
});

Deno.test("Responder drops responses and what is shorter than a header", () => {
  const harness = new ResponderHarness();
  for (
    const [bytes, counter] of [[query("a.b", { flags: FLAG.QR }), "dropped-response"], [
      new Uint8Array(11),
      "dropped-short",
    ]] as const
  ) {
    assert.equal(harness.responder.handleQuery(harness.now, bytes, "udp", "x").kind, "dropped");
    assert.equal(harness.counters.get(counter), 1);
  }
});

Deno.test("Responder never throws, and its responses can be decoded", () => {
  const harness = new ResponderHarness(everything);
  const good = query("web-1.weft.internal", { edns: edns(1232) });
  const check = (bytes: Uint8Array): void => {
    const outcome = harness.responder.handleQuery(harness.now, bytes, "udp", "x");
    if (outcome.kind === "response") assert(typeof decodeMessage(outcome.bytes) === "object");
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), check));
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (changes) => {
    const bytes = good.slice();
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    check(bytes);
  }));
});
