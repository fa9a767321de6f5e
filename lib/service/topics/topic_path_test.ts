import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidTopicError, isBuiltIn, TopicPath, TopicPattern } from "./topic_path.ts";

const good: readonly (readonly [string, string, readonly string[]])[] = [
  ["orders", "mesh:orders", ["orders"]],
  ["orders/created", "mesh:orders/created", ["orders", "created"]],
  ["other:orders/created", "other:orders/created", ["orders", "created"]],
  ["$registry/services", "mesh:$registry/services", ["$registry", "services"]],
  ["..." + "/.a/a./..a", "mesh:.../.a/a./..a", ["...", ".a", "a.", "..a"]],
  ["a.b_c-d$/9", "mesh:a.b_c-d$/9", ["a.b_c-d$", "9"]],
  ["s" + "/s".repeat(15), "mesh:s" + "/s".repeat(15), Array(16).fill("s")],
  ["n:" + "x".repeat(253), "n:" + "x".repeat(253), ["x".repeat(253)]],
  ["x".repeat(250), "mesh:" + "x".repeat(250), ["x".repeat(250)]],
];
for (const [text, whole, segments] of good) {
  Deno.test(`TopicPath.parse() reads ${text.slice(0, 30)}`, () => {
    const path = TopicPath.parse(text);
    assert.equal(path.toString(), whole);
    assert.deepEqual(path.segments, segments);
    assert.equal(path.service, segments[0]);
    assert.equal(path.network, whole.slice(0, whole.indexOf(":")));
  });
}

const bad: readonly (readonly [string, RegExp])[] = [
  ["", /a segment is empty/],
  ["/", /a segment is empty/],
  ["/a", /a segment is empty/],
  ["a/", /a segment is empty/],
  ["a//b", /a segment is empty/],
  [":a", /its network is empty/],
  ["n:", /a segment is empty/],
  ["n:/a", /a segment is empty/],
  ["a:b:c", /"b:c" is no segment/],
  ["my shop:orders", /"my shop" is no name of a network/],
  ["a/b:c", /"a\/b" is no name of a network/],
  ["a b", /"a b" is no segment/],
  ["ä", /is no segment/],
  ["a/*", /"\*" is no segment/],
  ["a/>", /">" is no segment/],
  ["a/{id}", /"\{id\}" is no segment/],
  ["a\0", /is no segment/],
  ["a\n", /is no segment/],
  [".", /"\." is no segment/],
  ["..", /"\.\." is no segment/],
  ["../../etc/passwd", /"\.\." is no segment/],
  ["a/../b", /"\.\." is no segment/],
  ["a/.", /"\." is no segment/],
  ["..:a", /"\.\." is no name of a network/],
  ["s" + "/s".repeat(16), /17 segments and may have 16/],
  ["n:" + "x".repeat(254), /longer than 255/],
  ["x".repeat(251), /longer than 255/],
  ["x".repeat(100_000), /longer than 255/],
];
for (const [text, reason] of bad) {
  Deno.test(`TopicPath.parse() rejects ${JSON.stringify(text.slice(0, 20))}, ${text.length} long`, () => {
    assert.equal(TopicPath.tryParse(text), undefined);
    assert.throws(() => TopicPath.parse(text), (error) => {
      assert.ok(error instanceof InvalidTopicError);
      assert.equal(error.code, "InvalidTopic");
      assert.match(error.message, reason);
      assert.ok(error.message.length < 250);
      assert.ok(error.hint?.includes("network:service/segment"));
      return true;
    });
  });
}

const anyText = fc.oneof(
  fc.string({ unit: fc.nat(0x1ff).map((code) => String.fromCharCode(code)), maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(..."ab$:/*>{}. "), maxLength: 20 }),
);

Deno.test("TopicPath.tryParse() and parse() agree on every text", () => {
  const plain = /^(?:[A-Za-z0-9_.$-]+:)?[A-Za-z0-9_.$-]+(?:\/[A-Za-z0-9_.$-]+){0,15}$/;
  fc.assert(fc.property(anyText, (text) => {
    const path = TopicPath.tryParse(text);
    const climbs = text.split(/[:/]/).some((part) => part === "." || part === "..");
    assert.equal(path !== undefined, plain.test(text) && !climbs);
    if (path === undefined) assert.throws(() => TopicPath.parse(text), InvalidTopicError);
    else assert.equal(TopicPath.parse(path.toString()).toString(), path.toString());
  }));
});

const matches: readonly (readonly [string, string, Record<string, string> | undefined])[] = [
  ["orders/created", "orders/created", {}],
  ["orders/created", "orders", undefined],
  ["orders/created", "orders/created/now", undefined],
  ["orders/created", "orders/Created", undefined],
  ["orders/{id}", "orders/42", { id: "42" }],
  ["{service}/{action}", "$registry/list", { service: "$registry", action: "list" }],
  ["orders/{id}", "orders", undefined],
  ["orders/{id}/paid", "orders/42/sent", undefined],
  ["orders/*", "orders/42", {}],
  ["orders/*", "orders/42/paid", undefined],
  ["*/created", "users/created", {}],
  ["orders/>", "orders", undefined],
  ["orders/>", "orders/42", {}],
  ["orders/{id}/>", "orders/42/a/b/c", { id: "42" }],
  [">", "orders", {}],
  [">", "orders/42", {}],
  [">", "other:orders/42", undefined],
  ["other:>", "other:orders/42", {}],
  ["orders/{constructor}", "orders/42", { constructor: "42" }],
];
for (const [pattern, path, params] of matches) {
  Deno.test(`TopicPattern ${pattern} ${params ? "matches" : "does not match"} ${path}`, () => {
    assert.deepEqual(TopicPattern.parse(pattern).match(TopicPath.parse(path)), params);
  });
}

const badPatterns: readonly (readonly [string, RegExp])[] = [
  ["", /a segment is empty/],
  ["a//b", /a segment is empty/],
  ["a/>/b", /">" stands before its end/],
  ["a/>>", /">>" is no segment/],
  ["a/b*", /"b\*" is no segment/],
  ["a/{}", /is no segment/],
  ["a/{1}", /is no segment/],
  ["a/{__proto__}", /is no segment/],
  ["a/{id}b", /is no segment/],
  ["a/{id}/{id}", /two parameters \{id\}/],
  ["*:a", /"\*" is no name of a network/],
  ["{n}:a", /is no name of a network/],
  ["a" + "/*".repeat(16), /17 segments/],
  ["x".repeat(251), /longer than 255/],
  ["x".repeat(100_000), /longer than 255/],
];
for (const [text, reason] of badPatterns) {
  Deno.test(`TopicPattern.parse() rejects ${JSON.stringify(text.slice(0, 20))}, ${text.length} long`, () => {
    assert.equal(TopicPattern.tryParse(text), undefined);
    assert.throws(() => TopicPattern.parse(text), (error) => {
      assert.ok(error instanceof InvalidTopicError);
      assert.match(error.message, reason);
      return true;
    });
  });
}

Deno.test("TopicPattern.toString() is read back as the same pattern, and every path matches its own", () => {
  fc.assert(fc.property(anyText, (text) => {
    const pattern = TopicPattern.tryParse(text);
    if (pattern !== undefined) {
      const again = TopicPattern.parse(pattern.toString());
      assert.deepEqual([again.network, again.parts], [pattern.network, pattern.parts]);
      assert.equal(again.toString(), pattern.toString());
    }
    const path = TopicPath.tryParse(text);
    if (path !== undefined) assert.deepEqual(pattern?.match(path), {});
  }));
});

Deno.test("TopicPattern.covers() is true where every path of the other pattern matches", () => {
  const cases: readonly [wide: string, narrow: string, covers: boolean][] = [
    ["a/b", "a/b", true],
    ["a/*", "a/b", true],
    ["a/*", "a/{id}", true],
    ["a/b", "a/*", false],
    ["a/>", "a/b/c", true],
    ["a/>", "a/*/>", true],
    ["a/>", "a", false],
    ["a/*", "a/>", false],
    [">", "a/>", true],
    ["a/b", "a/b/c", false],
    ["a/b/c", "a/b", false],
    ["x:a", "a", false],
  ];
  for (const [wide, narrow, covers] of cases) {
    assert.equal(
      TopicPattern.parse(wide).covers(TopicPattern.parse(narrow)),
      covers,
      `${wide} and ${narrow}`,
    );
  }
});

Deno.test("isBuiltIn() knows what every node has, with a network and without", () => {
  const paths = ["$registry", "$registry/list", "mesh:$events/past", "other:$x"];
  assert.deepEqual(paths.filter(isBuiltIn), paths);
  assert.deepEqual(["orders", "orders/$list", "mesh:a$b/$c", "mesh:a/$"].filter(isBuiltIn), []);
});
