import assert from "node:assert/strict";
import fc from "fast-check";
import { blankText } from "./typescript_text.ts";

const cases: readonly (readonly [what: string, source: string, code: string])[] = [
  ["a line comment", "a; // b 'c\nd;", "a;        \nd;"],
  ["a block comment over lines", "a; /* b\n*/ c;", "a;     \n   c;"],
  ["a string, but not its quotes", "f('a', \"b\");", "f(' ', \" \");"],
  ["an escaped quote", "f('a\\'b', c);", "f('    ', c);"],
  ["comment signs in a string", "f('//', \"/*\"); a;", "f('  ', \"  \"); a;"],
  ["quotes in a comment", "// don't\na; /* \" */ b;", "        \na;         b;"],
  ["a template", "f(`a b`); c;", "f(`   `); c;"],
  ["a template, but not its expressions", "`a ${b} c ${d.e}`; f;", "`  ${b}   ${d.e}`; f;"],
  ["a template within a template", "`a${`b${c}d`}e`; f;", "` ${` ${c} `} `; f;"],
  ["braces in an expression of a template", "`a${{ b: {} }.b}c`; d;", "` ${{ b: {} }.b} `; d;"],
  ["an escaped template", "`a\\`b\\${c}`; d;", "`         `; d;"],
  ["a regular expression", "x = /['\"`]/g; y;", "x = /     /g; y;"],
  ["a slash in a class of a regular expression", "x = /[/'\\]]/; y;", "x = /      /; y;"],
  ["a regular expression after a word", "return /'/; y;", "return / /; y;"],
  ["nothing of a division", "a / b; c / d; (e) / f; g[0] / h;", "a / b; c / d; (e) / f; g[0] / h;"],
];
for (const [what, source, expected] of cases) {
  Deno.test(`blankText() blanks ${what}`, () => assert.equal(blankText(source).code, expected));
}

Deno.test("blankText() gives comments with their places", () => {
  const source = "a; // b\n/** c */ d; '// e'";
  const { comments } = blankText(source);
  assert.deepEqual(comments.map(({ text }) => text), ["// b", "/** c */"]);
  for (const { start, end, text } of comments) assert.equal(source.slice(start, end), text);
});

Deno.test("blankText() keeps length and lines of any text", () => {
  const arbitraryText = fc.array(fc.constantFrom(..."/*'\"`${}\\\n a[]()".split(""), "return ", "${"), {
    maxLength: 40,
  });
  fc.assert(fc.property(arbitraryText, (pieces) => {
    const text = pieces.join("");
    const { code } = blankText(text);
    assert.equal(code.length, text.length);
    assert.equal(code.split("\n").length, text.split("\n").length);
  }));
});
