import assert from "node:assert/strict";
import fc from "fast-check";
import { isPrintable, printableJson, shellWord, showUnprintable } from "./printable.ts";

const UNPRINTABLE: Readonly<Record<string, string>> = {
  "a line feed": "1.0\nforged",
  "a carriage return": "a\rb",
  "an escape": "a\x1b[2J",
  "C1's CSI": "a\x9b31m",
  "DEL": "a\x7f",
  "NUL": "a\0",
  "a right-to-left override": "a\u202egnp.exe",
  "an isolate": "a\u2066b\u2069",
  "an Arabic letter mark": "a\u061cb",
  "a zero-width space": "a\u200bb",
  "a joiner": "a\u200db",
  "a byte order mark": "\ufeffa",
  "a soft hyphen": "a\u00adb",
  "a word joiner": "a\u2060b",
  "a Hangul filler": "a\u3164b",
  "a line separator": "a\u2028b",
  "a tag": "a\u{e0041}b",
  "half of a pair": "a\ud83db",
  "a tower of marks": "a\u0301\u0301\u0301\u0301\u0301",
};

Deno.test("isPrintable() takes what people write", () => {
  for (const text of ["", "math 1.0", "größer, 表, Ελληνικά, עברית", "❤️ ok", "ạ́́", "1 × 2 — 3"]) {
    assert.ok(isPrintable(text), text);
    assert.equal(showUnprintable(text), text);
  }
});

for (const [what, text] of Object.entries(UNPRINTABLE)) {
  Deno.test(`isPrintable() refuses ${what}, and showUnprintable() and printableJson() show it`, () => {
    assert.ok(!isPrintable(text));
    assert.ok(isPrintable(showUnprintable(text)), showUnprintable(text));
    const json = printableJson({ text });
    assert.ok(isPrintable(json), json);
    assert.deepEqual(JSON.parse(json), { text });
  });
}

Deno.test("showUnprintable() and printableJson() give printable text, whatever they are given", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.ok(isPrintable(showUnprintable(text)));
    assert.deepEqual(JSON.parse(printableJson([text], 2)), [text]);
    assert.ok(isPrintable(printableJson(text)));
  }));
  assert.equal(printableJson(undefined), "null");
  assert.equal(printableJson({ a: [1] }, 2), '{\n  "a": [\n    1\n  ]\n}');
});

const shellWords = [
  "",
  "plain",
  "/var/lib/weft",
  "two words",
  "a'b",
  "''",
  "$(id)",
  "`id`",
  "a;id",
  "~root",
  "#no",
  "a\\b",
  '"',
  "!1",
  "*",
  "orders/>",
  "ü",
  "-n",
];

Deno.test("shellWord() makes words that a shell reads back as they were", async () => {
  const script = `printf '%s\\0' ${shellWords.map(shellWord).join(" ")}`;
  const { code, stdout } = await new Deno.Command("sh", { args: ["-c", script], cwd: "/" }).output();
  assert.equal(code, 0);
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), shellWords);
});
