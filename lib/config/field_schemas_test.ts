import assert from "node:assert/strict";
import { FIELD_ENTRIES, schemaOf } from "./fields.ts";
import { InvalidConfigError, parseAgentOptions } from "./layers.ts";
import { parseOffer } from "./compound_options.ts";

const offers: readonly (readonly [string, unknown])[] = [
  ["80", { port: 80, hostname: "127.0.0.1", targetPort: 80 }],
  ["80=3000", { port: 80, hostname: "127.0.0.1", targetPort: 3000 }],
  ["80=192.0.2.9:3000", { port: 80, hostname: "192.0.2.9", targetPort: 3000 }],
  ["80=Database:5432", { port: 80, hostname: "database", targetPort: 5432 }],
  ["80=[::1]:3000", { port: 80, hostname: "::1", targetPort: 3000 }],
  ["80=3000 for role=web", { port: 80, hostname: "127.0.0.1", targetPort: 3000, allow: "role=web" }],
  [
    "443 for  role in (web,api) || Team=A",
    { port: 443, hostname: "127.0.0.1", targetPort: 443, allow: "role in (web,api) || Team=A" },
  ],
];
for (const [text, expected] of offers) {
  Deno.test(`parseOffer() reads ${text}`, () => assert.deepEqual(parseOffer(text), expected));
}

for (
  const text of [
    "",
    "0",
    "65536",
    "80=",
    "80=0",
    "80=a",
    "80=:1",
    "80=3000:3",
    "80=a:b:1",
    "80=[::1:1",
    "80=[1]:1",
    "-1",
    "80 for ",
    "80 for a\nb",
  ]
) {
  Deno.test(`parseOffer() refuses ${JSON.stringify(text)}`, () => assert.equal(parseOffer(text), undefined));
}

Deno.test("the option offers reads text, lists, and what was read before; a port is offered once", () => {
  const [one] = parseAgentOptions({ offers: "80=3000" }).offers;
  assert.deepEqual(one, { port: 80, hostname: "127.0.0.1", targetPort: 3000 });
  const several = parseAgentOptions({ offers: ["80=3000", "443"] as never }).offers;
  assert.deepEqual(several.map(({ port }) => port), [80, 443]);
  assert.deepEqual(parseAgentOptions({ offers: several }).offers, several);
  assert.throws(() => parseAgentOptions({ offers: "80=a:b:c" }), InvalidConfigError);
  assert.throws(() => parseAgentOptions({ offers: "80,80=81" }), InvalidConfigError);
});

Deno.test("schemaOf() makes what reads an option when it is first asked for, and keeps it", () => {
  for (const [name, { schema }] of FIELD_ENTRIES) {
    assert.equal(schemaOf(name), schemaOf(name), name);
    assert.notEqual(schema(), schema(), `${name} was made before`);
  }
});
