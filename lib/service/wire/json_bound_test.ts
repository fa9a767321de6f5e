import assert from "node:assert/strict";
import { utf8Bytes } from "../../base/mod.ts";
import { plain } from "./wire_value.ts";
import { decodeValue } from "./wire_value.ts";
import { Encoding } from "../../proto/mod.ts";
import {
  DEFAULT_MAX_STRUCTURED_BYTES,
  isBoundedJson,
  jsonMemoryBytes,
  MAX_DEPTH,
  MAX_OBJECTS,
} from "./json_bound.ts";

const LONG = "x".repeat(24 * 1_024);

function isBounded(value: unknown): boolean {
  return isBoundedJson(utf8Bytes(typeof value === "string" ? value : JSON.stringify(value)));
}

Deno.test("isBoundedJson() counts objects and depth, and nothing inside of texts", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}"${LONG}"${"]".repeat(depth)}`;
  assert.ok(isBounded(nested(MAX_DEPTH)));
  assert.ok(!isBounded(nested(MAX_DEPTH + 1)));
  assert.ok(isBounded(Array(MAX_OBJECTS).fill({})));
  assert.ok(!isBounded(Array(MAX_OBJECTS + 1).fill({})));
  const texts = ['{"[{,', '\\"{{', "\\", '\\\\"'].map((text) => text + "{[,".repeat(50_000));
  const bytes = utf8Bytes(JSON.stringify(texts));
  assert.ok(isBoundedJson(bytes));
  assert.equal(jsonMemoryBytes(bytes), bytes.length + 4 * 64);
  assert.equal(jsonMemoryBytes(utf8Bytes("[1]")), 24);
  assert.ok(isBounded("[".repeat(100)), "what is short is not looked at");
});

Deno.test("decodeValue() reads ordinary records of 1 MiB, and refuses what was made to take long", () => {
  const records = Array.from({ length: 9_000 }, (_, i) => ({
    id: i,
    name: `user ${i}`,
    email: `user-${i}@example.org`,
    score: i * 1.5,
    tags: ["a", "b"],
  }));
  const bytes = utf8Bytes(JSON.stringify(records)).subarray(0, DEFAULT_MAX_STRUCTURED_BYTES);
  const read = (text: Uint8Array) => decodeValue(plain(Encoding.JSON, text));
  assert.deepEqual(read(bytes), records);
  const shapes = Array.from({ length: 90_000 }, (_, i) => `{"${i.toString(36)}":0}`).join(",");
  const tooMany = { code: "PayloadTooLarge" };
  assert.throws(() => read(utf8Bytes(`[${shapes}]`)), tooMany);
  assert.throws(() => read(utf8Bytes("[".repeat(500_000) + "]".repeat(500_000))), tooMany);
});
