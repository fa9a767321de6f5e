import assert from "node:assert/strict";
import { SeededRandom } from "../base/mod.ts";
import { AnswerTable } from "./answer_table.ts";
import { QuestionKey } from "./question_key.ts";

function keyOf(text: string): QuestionKey {
  const key = new QuestionKey();
  const bytes = new TextEncoder().encode(text);
  key.bytes.set(bytes);
  key.length = bytes.length;
  // Few hashes, so that they meet.
  key.hash = (bytes.at(-1) ?? 0) % 7;
  return key;
}

Deno.test("AnswerTable keeps what a map keeps, until it is full", () => {
  const bytes = new Uint8Array(1 << 14);
  const table = new AnswerTable(bytes);
  const oracle = new Map<string, string>();
  const random = new SeededRandom(5);
  const drawn = new Uint8Array(20);
  let cleared = 0;
  for (let i = 0; i < 3000; i++) {
    random.fill(drawn);
    const text = `key ${(drawn[0] ?? 0) * 8 + (drawn[1] ?? 0) % 8}`;
    const key = keyOf(text);
    const isThere = table.find(key);
    assert.equal(isThere, oracle.has(text));
    if (isThere) {
      assert.equal(bytes.slice(table.foundAt, table.foundAt + table.foundBytes).toHex(), oracle.get(text));
      continue;
    }
    const response = drawn.slice(0, 12 + i % 8);
    table.put(key, response);
    if (table.size === 1) {
      if (oracle.size > 0) cleared++;
      oracle.clear();
    }
    oracle.set(text, response.toHex());
    assert.equal(table.size, oracle.size);
  }
  assert(cleared > 0);
  table.clear();
  assert.equal(table.size, 0);
  for (const text of oracle.keys()) assert.equal(table.find(keyOf(text)), false);
});

Deno.test("AnswerTable does not keep what is no message or larger than itself", () => {
  const bytes = new Uint8Array(100);
  const table = new AnswerTable(bytes);
  table.put(keyOf("short"), new Uint8Array(11));
  table.put(keyOf("long"), new Uint8Array(100));
  assert.equal(table.size, 0);
});
