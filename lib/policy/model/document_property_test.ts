import assert from "node:assert/strict";
import fc from "fast-check";
import { arbitraryPolicySource } from "../testing/arbitrary_policy.ts";
import {
  decodePolicy,
  encodePolicy,
  InvalidPolicyError,
  MAX_POLICY_BYTES,
  readPolicyDocument,
} from "./mod.ts";

Deno.test("A policy as people write it is the same document after its bytes, and after itself", () => {
  fc.assert(
    fc.property(arbitraryPolicySource, (source) => {
      const document = readPolicyDocument(source);
      const bytes = encodePolicy(document);
      assert.deepEqual(decodePolicy(bytes), document);
      assert.deepEqual(readPolicyDocument(structuredClone(document)), document);
      assert.deepEqual(encodePolicy(readPolicyDocument(source)), bytes);
    }),
    { numRuns: 200 },
  );
});

Deno.test("readPolicyDocument() says of every value that is no policy what is wrong, and nothing else", () => {
  const broken = fc.tuple(arbitraryPolicySource, fc.nat(), fc.anything({ maxDepth: 3, withBigInt: true }))
    .map(
      ([source, at, value]) => replaceLeaf(structuredClone(source), at, value),
    );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), broken), (value) => {
      try {
        readPolicyDocument(value);
      } catch (error) {
        assert.ok(error instanceof InvalidPolicyError, `${error}`);
        assert.ok(error.message.length < 4_096, `${error.message.length} characters`);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("decodePolicy() takes no bytes but those that encodePolicy() makes, and throws of none", () => {
  const check = (bytes: Uint8Array): void => {
    const document = decodePolicy(bytes);
    if (document !== undefined) assert.deepEqual(encodePolicy(document), bytes);
  };
  fc.assert(
    fc.property(arbitraryPolicySource, fc.nat(), fc.integer({ min: 0, max: 255 }), (source, at, byte) => {
      const bytes = encodePolicy(readPolicyDocument(source));
      bytes[at % bytes.length] = byte;
      check(bytes);
      check(bytes.subarray(0, at % bytes.length));
    }),
    { numRuns: 300 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 300 });
  fc.assert(fc.property(fc.json(), (text) => check(new TextEncoder().encode(text))), { numRuns: 300 });
});

Deno.test("decodePolicy() does not fall over what is deep or long", () => {
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const rules = `"rules":[{"allow":{"from":"*","to":"*"}}]`;
  for (
    const text of [
      deep,
      `{${rules},"answer":${deep}}`,
      `{"policies":[{"name":"a","priority":${deep},${rules}}]}`,
      `{${rules},"tests":[${deep}]}`,
      `{"rules":[{"qos":{"from":"*","to":"*","dscp":${deep}}}]}`,
      `{${rules},"__proto__":{"names":"hide"}}`,
      " ".repeat(MAX_POLICY_BYTES + 1),
    ]
  ) assert.equal(decodePolicy(new TextEncoder().encode(text)), undefined);
});

/** Puts a value in the place of one part of another. */
function replaceLeaf(holder: unknown, at: number, value: unknown): unknown {
  if (typeof holder !== "object" || holder === null) return value;
  const entries = Object.entries(holder);
  const [key, inner] = entries[at % Math.max(1, entries.length)] ?? [];
  if (key === undefined) return value;
  const isHere = at % 5 === 0;
  Object.assign(holder, { [key]: isHere ? value : replaceLeaf(inner, Math.floor(at / 3) + 1, value) });
  return holder;
}
