import assert from "node:assert/strict";
import fc from "fast-check";
import { DomainName } from "./domain_name.ts";
import { anyName, nameOf } from "./testing/samples.ts";

const good: readonly (readonly [string, string, number])[] = [
  [".", ".", 0],
  ["weft.internal", "weft.internal.", 2],
  ["Web-1.Weft.Internal.", "Web-1.Weft.Internal.", 3],
  ["_http._tcp.web", "_http._tcp.web.", 3],
  ["*.apps.weft.internal.", "*.apps.weft.internal.", 4],
  ["a\\.b.c", "a\\.b.c.", 2],
  ["a\\032b\\\\.c", "a\\032b\\\\.c.", 2],
  ["x".repeat(63), `${"x".repeat(63)}.`, 1],
];
for (const [text, written, labels] of good) {
  Deno.test(`DomainName.parse() reads ${text.slice(0, 30)}`, () => {
    const name = nameOf(text);
    assert.equal(name.toString(), written);
    assert.equal(name.labelCount, labels);
  });
}

const bad = [
  "",
  "..",
  ".a",
  "a..b",
  "a.b..",
  "x".repeat(64),
  `${"a.".repeat(127)}b`,
  "a b",
  "ä",
  "\\",
  "a\\",
  "\\256",
  "\\1",
  "a\nb",
  "x".repeat(5000),
];
for (const text of bad) {
  Deno.test(`DomainName.parse() refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.equal(DomainName.parse(text), undefined);
  });
}

Deno.test("DomainName.parse() takes 255 bytes and no more", () => {
  assert.equal(nameOf("a.".repeat(127)).wire.length, 255);
  assert.equal(DomainName.parse("a.".repeat(128)), undefined);
});

Deno.test("DomainName.toString() is read back as the same name", () => {
  fc.assert(fc.property(anyName, (name) => {
    assert.deepEqual(nameOf(name.toString()).wire, name.wire);
  }));
});

Deno.test("DomainName.equals() compares without regard to ASCII case, and only that", () => {
  assert(nameOf("WEB.weft").equals(nameOf("web.WEFT")));
  // [ is { with the bit of case cleared
  assert(!nameOf("a\\[b").equals(nameOf("a\\{b")));
  assert(!nameOf("ab.c").equals(nameOf("a.bc")));
});

Deno.test("DomainName.isWithin() holds for the name and what is above it", () => {
  const zone = nameOf("weft.internal");
  assert(zone.isWithin(zone));
  assert(nameOf("A.Weft.Internal").isWithin(zone));
  assert(zone.isWithin(DomainName.root));
  assert(!nameOf("xweft.internal").isWithin(zone));
  assert(!nameOf("internal").isWithin(zone));
  // The same letters, but no label ends before them.
  assert(!nameOf("a\\.weft.internal").isWithin(zone));
});

Deno.test("DomainName.child(), join() and ancestor() are inverse", () => {
  const zone = nameOf("weft.internal");
  const web = zone.child("web");
  assert.equal(web?.toString(), "web.weft.internal.");
  assert.equal(web?.firstLabel, "web");
  assert(web?.ancestor(1).equals(zone));
  assert.equal(web?.ancestor(3).toString(), ".");
  assert.equal(zone.child("a.b"), undefined);
  assert.equal(zone.child(""), undefined);
  assert.equal(nameOf("a.".repeat(121)).join(zone), undefined);
});
