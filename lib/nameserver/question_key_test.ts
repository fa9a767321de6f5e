import assert from "node:assert/strict";
import fc from "fast-check";
import { millis, SeededRandom } from "../base/mod.ts";
import {
  type Asker,
  Authority,
  CLASS_IN,
  decodeMessage,
  dnsCounters,
  DomainName,
  encodeMessage,
  FLAG,
  Forwarder,
  parseRecord,
  RECORD_RANK,
  Responder,
} from "../dns/mod.ts";
import { QuestionKey } from "./question_key.ts";

const zone = DomainName.parse("weft.internal") ?? assert.fail();
const authority = new Authority({ origins: [zone], server: zone, serial: 1 });
for (let i = 0; i < 60; i++) {
  const record = parseRecord(zone, { name: "a", type: "A", data: `10.0.0.${i}` });
  assert("data" in record);
  authority.setGroup(`${i}`, RECORD_RANK.custom, [record]);
}
const counters = dnsCounters();
const forwarder = new Forwarder<Asker<number>>({ routes: [], counters, random: new SeededRandom(1) });
const responder = new Responder<number>({ authority, forwarder, counters });

/** Few names and many spellings, so that keys meet. */
const anyQuery = fc.record({
  id: fc.nat(0xffff),
  flags: fc.constantFrom(0, FLAG.RD, FLAG.RD | FLAG.AD, FLAG.CD),
  name: fc.constantFrom("a.weft.internal", "A.weft.internal", "a.WEFT.Internal", "b.weft.internal", "."),
  type: fc.constantFrom(1, 28, 255),
  edns: fc.option(
    fc.record({
      version: fc.constantFrom(0, 0, 0, 1),
      payloadBytes: fc.constantFrom(0, 512, 600, 1232, 4096),
      wantsDnssec: fc.boolean(),
    }),
    { nil: undefined },
  ),
}).map(({ id, flags, name, type, edns }) =>
  encodeMessage({
    id,
    flags,
    opcode: 0,
    responseCode: 0,
    questions: [{ name: DomainName.parse(name) ?? zone, type, class: CLASS_IN }],
    answers: [],
    authority: [],
    additional: [],
    edns,
  })
);

/** @returns the key of a query that lies between other bytes, or undefined when it is not plain */
function keyOf(query: Uint8Array, around = 7): string | undefined {
  const memory = new Uint8Array(query.length + 2 * around).fill(0x61);
  memory.set(query, around);
  const key = new QuestionKey();
  return key.read(memory, around, query.length) ? key.bytes.slice(0, key.length).toHex() : undefined;
}

/** @returns the response without its id and in lower case */
function answerTo(query: Uint8Array): string {
  const outcome = responder.handleQuery(millis(0), query, "udp", 0);
  assert(outcome.kind === "response");
  const question = decodeMessage(query);
  assert(typeof question === "object");
  const end = 12 + (question.questions[0]?.name.wire.length ?? 0);
  const bytes = outcome.bytes.slice(2);
  for (let i = 10; i < end - 2; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x41 && byte <= 0x5a) bytes[i] = byte + 0x20;
  }
  return bytes.toHex();
}

Deno.test("QuestionKey.read() gives the same key only to queries with the same answer but for id and spelling", () => {
  const answers = new Map<string, string>();
  let met = 0;
  fc.assert(
    fc.property(anyQuery, (query) => {
      const key = keyOf(query);
      if (key === undefined) return;
      const known = answers.get(key);
      if (known !== undefined) met++;
      const answer = answerTo(query);
      assert.equal(answer, known ?? answer);
      answers.set(key, answer);
    }),
    { numRuns: 2000 },
  );
  assert(met > 500, `${met} keys met`);
});

Deno.test("QuestionKey.read() takes only what the decoder takes, and looks at no byte beyond", () => {
  fc.assert(
    fc.property(
      anyQuery,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.nat(),
      (query, changes, cut) => {
        const bytes = query.slice(0, query.length - (cut % 3));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        if (keyOf(bytes) === undefined) return;
        const message = decodeMessage(bytes);
        assert(typeof message === "object", String(message));
        assert.equal(message.questions.length, 1);
        assert.equal(message.answers.length + message.authority.length + message.additional.length, 0);
      },
    ),
    { numRuns: 3000 },
  );
});

const plain = "abcd 0100 0001 0000 0000 000";
const unusual: readonly (readonly [string, string])[] = [
  ["a response", "abcd 8100 0001 0000 0000 0000 0161 00 0001 0001"],
  ["an update", "abcd 2900 0001 0000 0000 0000 0161 00 0001 0001"],
  ["a compressed name", `${plain}0 c00c 0001 0001`],
  ["two additional records", `${plain}2 0161 00 0001 0001`],
  ["bytes behind the end", `${plain}0 0161 00 0001 0001 00`],
  ["OPT that is announced and not there", `${plain}1 0161 00 0001 0001`],
  ["an option that runs past the end", `${plain}1 0161 00 0001 0001 00 0029 0200 00000000 0004 000a0001`],
  ["a later EDNS", `${plain}1 0161 00 0001 0001 00 0029 0200 00010000 0000`],
  ["a record that is not OPT", `${plain}1 0161 00 0001 0001 00 00fa 0200 00000000 0000`],
];
for (const [what, hex] of unusual) {
  Deno.test(`QuestionKey.read() leaves ${what} to others`, () => {
    assert.equal(keyOf(Uint8Array.fromHex(hex.replaceAll(" ", ""))), undefined);
  });
}

Deno.test("QuestionKey.read() passes over options", () => {
  const bare = `${plain}1 0161 00 0001 0001 00 0029 0200 00000000`;
  const hex = [`${bare} 0000`, `${bare} 000c 000a 0008 0102030405060708`].map((text) =>
    text.replaceAll(" ", "")
  );
  const [without, withCookie] = hex.map((text) => keyOf(Uint8Array.fromHex(text)));
  assert(without !== undefined);
  assert.equal(without, withCookie);
});
