import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../../net/mod.ts";
import {
  InvalidSelectorError,
  MAX_SELECTOR_DEPTH,
  MAX_SELECTOR_LENGTH,
  Selector,
  type SelectorSubject,
} from "./selector.ts";

const address = (text: string): IpAddress => IpAddress.parse(text) ?? assert.fail(text);
const db: SelectorSubject = {
  name: "db-1",
  labels: { role: "db", tier: "", "example.org/zone": "eu/1", in: "x" },
  addresses: [address("10.200.3.7"), address("fd00::7")],
  services: ["orders", "$registry/list"],
  roles: ["leader", "member"],
};
const bare: SelectorSubject = { name: "bare", labels: new Map(), addresses: [], services: [], roles: [] };

/** Text, canonical text, whether it means db, whether it means bare. */
const selectors: readonly (readonly [string, string, boolean, boolean])[] = [
  ["*", "*", true, true],
  ["!*", "!*", false, false],
  ["role=db", "role=db", true, false],
  [" role == db\n", "role=db", true, false],
  ["role!=db", "role!=db", false, true],
  ["role in (web, db)", "role in (web, db)", true, false],
  ["role in(web,db,web)", "role in (web, db)", true, false],
  ["role in (db)", "role=db", true, false],
  ["role notin (web, db)", "role notin (web, db)", false, true],
  ["role notin (web)", "role!=web", true, true],
  ["role", "role", true, false],
  ["!role", "!role", false, true],
  ["! role", "!role", false, true],
  ["constructor", "constructor", false, false],
  [`tier=""`, `tier=""`, true, false],
  [`role="db"`, "role=db", true, false],
  ["example.org/zone=eu/1", "example.org/zone=eu/1", true, false],
  ["in", "in", true, false],
  ["in in (x, y)", "in in (x, y)", true, false],
  ["name=db-1", "name=db-1", true, false],
  ["name!=db-1", "name!=db-1", false, true],
  ["name in (bare, db-1)", "name in (bare, db-1)", true, true],
  ["10.200.3.0/24", "10.200.3.0/24", true, false],
  ["10.200.3.9/24", "10.200.3.0/24", true, false],
  ["10.200.3.7", "10.200.3.7", true, false],
  ["10.200.3.7/32", "10.200.3.7", true, false],
  ["10.200.4.0/24", "10.200.4.0/24", false, false],
  ["FD00:0::/64", "fd00::/64", true, false],
  ["fd00::7", "fd00::7", true, false],
  ["!fd00::8", "!fd00::8", true, true],
  ["0.0.0.0/0", "0.0.0.0/0", true, false],
  ["10.0.0.0/8=x", "10.0.0.0/8=x", false, false],
  ["service:orders", "service:orders", true, false],
  ["service:$registry/list", "service:$registry/list", true, false],
  ["!service:users", "!service:users", true, true],
  ["role:leader", "role:leader", true, false],
  ["role=leader", "role=leader", false, false],
  ["role=db, tier", "role=db && tier", true, false],
  ["role=db&&name=db-2", "role=db && name=db-2", false, false],
  ["role=web || role=db, tier", "role=web || role=db && tier", true, false],
  ["(role=web || role=db), !tier", "(role=web || role=db) && !tier", false, false],
  ["(a || (b || (c))) && ((*))", "(a || b || c) && *", false, false],
  ["!(role=web || role=db)", "!(role=web || role=db)", false, true],
  ["!(role)", "!role", false, true],
  ["!(role=db)", "!(role=db)", false, true],
  ["!(!(role))", "!(!role)", true, false],
];
for (const [text, written, isDb, isBare] of selectors) {
  Deno.test(`Selector reads ${JSON.stringify(text)}`, () => {
    const selector = Selector.parse(text);
    assert.equal(selector.toString(), written);
    assert.equal(Selector.parse(written).toString(), written);
    assert.equal(selector.matches(db), isDb);
    assert.equal(selector.matches({ ...db, labels: new Map(Object.entries(db.labels)) }), isDb);
    assert.equal(selector.matches(bare), isBare);
  });
}

/** Text, problem, position, and a word of the hint. */
const bad: readonly (readonly [string, RegExp, number, RegExp])[] = [
  ["", /\* is missing, at the end/, 0, /role=web/],
  ["  ", /is missing/, 2, /role=web/],
  ["role=", /a value is missing, at the end/, 5, /""/],
  ["role=, a", /"," stands where a value should, at character 6/, 5, /""/],
  ["role=*", /"\*" stands where a value/, 5, /""/],
  ["role=web db", /"db" stands where &&, \|\|, or the end should/, 9, /role/],
  ["role in web", /"web" stands where "\(" should/, 8, /role in/],
  ["role in ()", /"\)" stands where a value/, 9, /""/],
  ["role in (a b)", /"b" stands where "," or "\)"/, 11, /role/],
  ["role in (a", /"," or "\)" is missing/, 10, /role/],
  ["a &&", /is missing/, 4, /role/],
  ["a,,b", /"," stands where a label/, 2, /role/],
  ["|| a", /stands where a label/, 0, /role/],
  ["a | b", /"\|" has no meaning here/, 2, /role/],
  ["a; b", /";" has no meaning/, 1, /role/],
  ["a=\u{1F600}", /"\u{1F600}" has no meaning/u, 2, /role/],
  ["a\u00a0", /has no meaning/, 1, /role/],
  ["(a", /"\)" is missing/, 2, /role/],
  ["a)", /"\)" stands where/, 1, /role/],
  ["()", /"\)" stands where/, 1, /role/],
  ["!!a", /"!" stands where/, 1, /role/],
  ["!role=web", /"!" stands before a comparison/, 5, /role!=web/],
  ["name", /"name" alone says nothing/, 0, /name=db-1/],
  ["!name", /"name" alone says nothing/, 1, /name=db-1/],
  ["name=DB", /"DB" is no name of a node/, 5, /lower-case/],
  [`name=""`, /"" is no name of a node/, 5, /lower-case/],
  ["name=db-*", /"db-" is no name/, 5, /lower-case/],
  ["10.200.3.0/33", /is no address and no block/, 0, /10.200.3.0\/24/],
  ["!10.200.3.256", /is no address and no block/, 1, /10.200.3.0\/24/],
  ["10.200.3", /is no address and no block/, 0, /10.200.3.0\/24/],
  ["fd00::/129", /is neither an address nor service:… nor role:…/, 0, /role=web/],
  ["fd00::1=x", /"fd00::1" is no key of a label/, 0, /role=web/],
  ["service:", /names no service/, 0, /service:orders/],
  ["service:a//b", /names no service/, 0, /service:orders/],
  ["service:a=b", /"service:a" is no key/, 0, /role=web/],
  ["role:Leader", /names no role/, 0, /role:leader/],
  ["-a", /is no key of a label/, 0, /role=web/],
  [`"a"`, /"a" stands where a label/, 0, /role=web/],
  [`a="b c"`, /has no meaning here/, 2, /role=web/],
  ["a=" + "x".repeat(64), /is no value of a label/, 2, /63/],
  ["x".repeat(64), /is no key of a label/, 0, /role=web/],
];
for (const [text, problem, position, hint] of bad) {
  Deno.test(`Selector refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.equal(Selector.tryParse(text), undefined);
    assert.throws(() => Selector.parse(text), (error) => {
      assert.ok(error instanceof InvalidSelectorError);
      assert.equal(error.code, "InvalidSelector");
      assert.match(error.message, problem);
      assert.equal(error.position, position);
      assert.match(error.hint ?? "", hint);
      return true;
    });
  });
}

Deno.test("Selector takes what is 16 deep and what is 1,024 long, and no more", () => {
  const nested = (depth: number): string => "!(".repeat(depth) + "a" + ")".repeat(depth);
  assert.ok(Selector.parse(nested(MAX_SELECTOR_DEPTH)).matches(bare) === false);
  assert.throws(() => Selector.parse(nested(MAX_SELECTOR_DEPTH + 1)), /more than 16 parentheses/);
  // Beside each other they are not in each other.
  assert.ok(Selector.parse(Array(40).fill("(a)").join("||")));
  assert.ok(Selector.parse("a" + " ".repeat(MAX_SELECTOR_LENGTH - 1)));
  assert.throws(() => Selector.parse("a" + " ".repeat(MAX_SELECTOR_LENGTH)), /longer than 1024/);
  assert.throws(() => Selector.parse("a" + ",a".repeat(500)), /longer than 1024/);
  assert.throws(() => Selector.parse("(".repeat(1_000_000)), /longer than 1024/);
});

const key = fc.constantFrom("role", "tier", "in", "notin", "example.org/zone", "a", "10.0.0.0/8");
const value = fc.constantFrom("db", "web", `""`, "eu/1", "in", "1.5");
const spaces = fc.constantFrom("", " ", "\n\t");
const simple = fc.oneof(
  fc.constantFrom("*", "10.200.3.0/24", "fd00::/8", "::ffff:1:2", "fd00::7", "service:orders", "role:leader"),
  fc.constantFrom("role", "tier", "in", "notin", "example.org/zone"),
);
const comparison = fc.oneof(
  fc.tuple(key, spaces, fc.constantFrom("=", "==", "!="), spaces, value).map((parts) => parts.join("")),
  fc.tuple(key, fc.constantFrom(" in ", " notin("), fc.array(value, { minLength: 1, maxLength: 3 }))
    .map(([key, sign, values]) => `${key}${sign}${sign.endsWith("(") ? "" : "("}${values.join(" , ")})`),
  fc.constantFrom("name=db-1", "name!=web", "name in (a,b)"),
);
const { expression } = fc.letrec<{ expression: string; chain: string; group: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    simple,
    comparison,
    simple.map((text) => `!${text}`),
    tie("chain"),
    tie("group"),
  ),
  chain: fc.tuple(tie("expression"), spaces, fc.constantFrom(",", "&&", "||"), tie("expression"))
    .map((parts) => parts.join("")),
  group: fc.tuple(fc.constantFrom("(", "!(", "( "), tie("expression"), spaces)
    .map(([open, inner, space]) => `${open}${inner}${space})`),
}));

Deno.test("Selector.toString() is read back as the same selector, which means the same", () => {
  fc.assert(
    fc.property(expression, (text) => {
      const selector = Selector.tryParse(text);
      fc.pre(selector !== undefined || text.length < 300);
      assert.ok(selector !== undefined, text);
      const again = Selector.parse(selector.toString());
      assert.equal(again.toString(), selector.toString());
      for (const subject of [db, bare]) assert.equal(again.matches(subject), selector.matches(subject));
    }),
    { numRuns: 500 },
  );
});

function errorOf(text: string): unknown {
  try {
    return Selector.parse(text);
  } catch (error) {
    return error;
  }
}

Deno.test("Selector.tryParse() never throws, and agrees with parse()", () => {
  const pieces = fc.constantFrom(
    ...'ab=!()*,|&": /1.'.split(""),
    " in ",
    "&&",
    "||",
    "name",
    "service:",
    "ä",
  );
  const text = fc.oneof(
    fc.string({ unit: fc.nat(0x1ff).map((code) => String.fromCharCode(code)) }),
    fc.array(pieces, { maxLength: 30 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (text) => {
      const selector = Selector.tryParse(text);
      if (selector === undefined) assert.ok(errorOf(text) instanceof InvalidSelectorError);
      else assert.equal(Selector.parse(selector.toString()).toString(), selector.toString());
    }),
    { numRuns: 500 },
  );
});

Deno.test("Selector: the opposite means all others", () => {
  fc.assert(fc.property(expression, (text) => {
    const selector = Selector.tryParse(text);
    const opposite = Selector.tryParse(`!(${text})`);
    if (selector === undefined || opposite === undefined) return;
    for (const subject of [db, bare]) assert.notEqual(opposite.matches(subject), selector.matches(subject));
  }));
});

Deno.test("Selector.parse() reads groups and networks in policies alone, where by themselves they mean nobody", () => {
  for (const text of ["group:front", "!network:blue && role=web"]) {
    assert.equal(Selector.tryParse(text), undefined);
    const selector = Selector.parse(text, { isOfPolicy: true });
    assert.equal(selector.toString(), text);
    assert.equal(selector.matches({ ...db, labels: { role: "api" } }), false);
  }
  assert.throws(() => Selector.parse("group:a/b", { isOfPolicy: true }), /"group:a\/b" names no group/);
});
