import assert from "node:assert/strict";
import { MAX_KEY_BYTES } from "./bounds.ts";
import { cloneDocument, keyText } from "./documents.ts";

Deno.test("cloneDocument() gives what JSON says the same of, and shares nothing with it", () => {
  const text = '{"a":[1,{"b":[null,true,"x"]}],"__proto__":{"c":{"d":2}},"e":{},"f":[]}';
  const value = JSON.parse(text);
  const clone = cloneDocument(value);
  assert.equal(JSON.stringify(clone), text);
  assert.equal(Object.getPrototypeOf(clone), Object.prototype);
  const shared = [value, value.a, value.a[1], value.a[1].b, value.e, value.f];
  const all = new Set<unknown>();
  JSON.stringify(clone, (_, inner) => {
    all.add(inner);
    return inner;
  });
  for (const one of shared) assert.ok(!all.has(one));
  assert.ok(!all.has(Object.getOwnPropertyDescriptor(value, "__proto__")?.value));
});

Deno.test("keyText() counts bytes of UTF-8, which a text's length does not tell", () => {
  for (const [character, bytes] of [["a", 1], ["ä", 2], ["€", 3], ["𝄞", 4]] as const) {
    const longest = character.repeat(Math.floor(MAX_KEY_BYTES / bytes));
    assert.equal(keyText(longest), longest);
    assert.throws(() => keyText(longest + character), { code: "InvalidKey" });
  }
});
