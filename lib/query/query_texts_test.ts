import assert from "node:assert/strict";
import { parseQuery } from "./parser.ts";
import { QueryError } from "./query_error.ts";
import { QueryTexts } from "./query_texts.ts";

const text = (i: number) => `select a from t where b = ${i}`;

Deno.test("a text that is asked for again is the same query, until others have come in between", () => {
  const texts = new QueryTexts(3);
  const first = texts.parse(text(1));
  assert.deepEqual(first, parseQuery(text(1)));
  for (const i of [2, 3]) texts.parse(text(i));
  assert.equal(texts.parse(text(1)), first);
  for (const i of [4, 5]) texts.parse(text(i));
  assert.equal(texts.parse(text(1)), first, "it was asked for last");
  for (const i of [6, 7, 8]) texts.parse(text(i));
  assert.notEqual(texts.parse(text(1)), first);
});

Deno.test("texts that are kept have so many characters together, and a longer one none", () => {
  const texts = new QueryTexts(100, 2 * text(1).length);
  const first = texts.parse(text(1));
  const long = `${text(1)} or b = 2 or b = 3 or b = 4 or b = 5`;
  assert.notEqual(texts.parse(long), texts.parse(long));
  texts.parse(text(2));
  assert.equal(texts.parse(text(1)), first);
  texts.parse(text(3));
  texts.parse(text(4));
  assert.notEqual(texts.parse(text(1)), first);
  assert.throws(() => texts.parse("select"), QueryError);
});
