import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { SeededRandom, unixMillis } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { encodePolicy, MAX_POLICY_BYTES, readPolicyDocument } from "../../policy/mod.ts";
import {
  decodeHead,
  decodeState,
  encodeState,
  headOf,
  joinParts,
  MAX_DEFLATED_BYTES,
  MAX_PART_BYTES,
  packPolicy,
  unpackPolicy,
} from "./policy_entry.ts";

const who = { appliedBy: "ab".repeat(16) as NodeId, appliedAt: unixMillis(1_700_000_000_000) };
const small = readPolicyDocument({
  rules: [{ allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } }],
});

/** Names that compress badly. */
function large(rules: number) {
  const random = new SeededRandom(3);
  const bytes = new Uint8Array(16);
  return readPolicyDocument({
    rules: Array.from({ length: rules }, () => {
      random.fill(bytes);
      return { allow: { from: `name=n${bytes.toHex()}`, to: "role=db", ports: "tcp/80" } };
    }),
  });
}

Deno.test("headOf() and decodeHead() carry a short document in the head, and a long one in parts", () => {
  for (const [document, isInline] of [[small, true], [large(1_000), false]] as const) {
    const packed = packPolicy(document);
    const { body, parts } = headOf(packed, who);
    const head = decodeHead(body) ?? assert.fail();
    assert.equal(head.revision, packed.revision);
    assert.match(head.revision, /^[0-9a-f]{16}$/);
    assert.equal(head.inline !== undefined, isInline);
    assert.equal(head.rules, document.policies[0]?.rules.length);
    assert.equal(head.parts, parts.size);
    assert.ok([...parts.values()].every((part) => part.length <= MAX_PART_BYTES));
    const deflated = joinParts(head, head.inline === undefined ? [...parts.values()] : [head.inline]);
    assert.deepEqual(unpackPolicy(deflated ?? assert.fail(), head.revision), document);
    const [first, ...rest] = parts.values();
    if (first !== undefined) assert.equal(joinParts(head, [...rest, first]), undefined, "in another order");
  }
});

Deno.test("decodeHead() and decodeState() refuse what is cut, flipped or random, and never throw", () => {
  const { body } = headOf(packPolicy(small), who);
  const state = encodeState({ enforced: "00112233445566ff", trial: undefined, since: who.appliedAt });
  for (let length = 0; length < body.length; length++) decodeHead(body.subarray(0, length));
  assert.equal(decodeHead(body.subarray(0, 30)), undefined);
  assert.equal(decodeState(state.subarray(0, 5)), undefined);
  const random = new SeededRandom(9);
  for (let run = 0; run < 5_000; run++) {
    const bytes = run % 2 === 0 ? body.slice() : state.slice();
    const place = new Uint8Array(2);
    random.fill(place);
    const at = (place[0] ?? 0) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << ((place[1] ?? 0) & 7));
    const head = decodeHead(bytes);
    if (head?.inline !== undefined) {
      const deflated = joinParts(head, [head.inline]);
      if (deflated !== undefined) unpackPolicy(deflated, head.revision);
    }
    decodeState(bytes);
    random.fill(bytes);
    assert.equal(decodeHead(bytes), undefined);
    decodeState(bytes);
  }
});

Deno.test("unpackPolicy() reads nothing that is not its revision, no document, or too long when it is inflated", () => {
  const packed = packPolicy(small);
  assert.equal(unpackPolicy(packed.deflated, "0".repeat(16)), undefined);
  assert.equal(unpackPolicy(packed.deflated.subarray(0, 20), packed.revision), undefined);
  const bomb = deflateRawSync(new Uint8Array(8 * MAX_POLICY_BYTES));
  assert.ok(bomb.length < MAX_DEFLATED_BYTES);
  assert.equal(unpackPolicy(bomb, packed.revision), undefined);
});

Deno.test("packPolicy() refuses what entries have no room for", () => {
  // 20 random bytes a rule are left when it is compressed: 10,000 rules have room.
  const most = packPolicy(large(10_000));
  assert.ok(most.deflated.length > 128 << 10 && most.deflated.length <= MAX_DEFLATED_BYTES);
  const random = new SeededRandom(4);
  const bytes = new Uint8Array(440);
  const groups = Object.fromEntries(
    Array.from({ length: 1_024 }, (_, i) => {
      random.fill(bytes);
      return [`g${i}`, `name in (${bytes.toHex().match(/.{40}/g)?.map((text) => `n${text}`).join(", ")})`];
    }),
  );
  const document = readPolicyDocument({ groups, rules: [{ allow: { from: "group:g1", to: "role=db" } }] });
  assert.ok(encodePolicy(document).length < MAX_POLICY_BYTES);
  assert.throws(() => packPolicy(document), { code: "PolicyTooLarge", message: /of at most 393216/ });
});
