/**
 * Policies in the form that people write, for properties of readers and codecs.
 * @module
 */

import fc from "fast-check";
import type { PolicySource } from "../model/mod.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}[a-z0-9]$/);
const key = fc.constantFrom("role", "tier", "site/rack", "a.b_c", "in1");
const leaf = fc.oneof(
  fc.constant("*"),
  fc.tuple(key, fc.constantFrom("=", "==", "!="), fc.oneof(word, fc.constant('""'))).map((parts) =>
    parts.join("")
  ),
  fc.tuple(key, fc.constantFrom(" in ", " notin "), fc.array(word, { minLength: 1, maxLength: 4 })).map((
    [name, sign, values],
  ) => `${name}${sign}(${values.join(",")})`),
  key,
  key.map((name) => `!${name}`),
  word.map((name) => `name=${name}`),
  word.map((path) => `service:${path}`),
  fc.constantFrom("10.0.0.0/8", "10.200.0.1", "fd00::/64", "::1", "role:leader", "group:g0", "network:blue"),
);
const selectorText = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf,
    fc.tuple(tie("text"), fc.constantFrom(" && ", " || ", ", "), tie("text")).map((parts) => parts.join("")),
    tie("text").map((text) => `!(${text})`),
    tie("text").map((text) => ` ( ${text} )`),
  ),
})).text;
const selector = fc.oneof(selectorText, fc.array(selectorText, { minLength: 1, maxLength: 3 }));
const target = fc.oneof(
  selectorText,
  fc.constantFrom("service:orders", " service:orders/refund ", "service:a.b/$c"),
  fc.constantFrom("topic:metrics/>", "topic:group:x", "topic:*/cpu"),
);
const port = fc.integer({ min: 0, max: 65_535 });
const portRange = fc.tuple(port, port).map(([a, b]) => a < b ? `${a}-${b}` : a === 0 ? "0" : `${a}`);
const ports = fc.oneof(
  fc.tuple(
    fc.constantFrom("tcp", "udp", "sctp"),
    fc.array(portRange, { minLength: 1, maxLength: 4 }),
  ).map(([protocol, ranges]) => `${protocol}/${ranges.join(",")}`),
  fc.constantFrom("tcp", "udp", "icmp", "tcp/*"),
);
const what = fc.oneof(
  fc.record({ ports: fc.oneof(ports, fc.array(ports, { minLength: 1, maxLength: 4 })), to: selector }),
  fc.record({ ports: portRange, protocol: fc.constantFrom("tcp", "udp", "sctp"), to: selector }),
  fc.record({ protocol: fc.constantFrom("47", "0", "255", "58", "ethertype:0x88b5", "call"), to: selector }),
  fc.record({ protocol: fc.constant("tcp"), sourcePorts: fc.oneof(port, portRange), to: selector }),
  fc.record({ to: fc.oneof(target, fc.array(target, { minLength: 1, maxLength: 4 })) }),
);
const match = fc.tuple(fc.record({ from: selector }), what).map(([from, rest]) => ({ ...from, ...rest }));
const rate = fc.constantFrom("100mbit", "12MB", "500/s", "0.5mbit");
const burst = fc.constantFrom("256KB", "100");
const rule = fc.oneof(
  fc.record({ allow: match }),
  fc.tuple(match, fc.record({ answer: fc.constantFrom("drop", "reject") }, { requiredKeys: [] }))
    .map(([some, more]) => ({ deny: { ...some, ...more } })),
  fc.tuple(match, fc.constantFrom("name=inspect-1", "service:audit", "group:g0"))
    .map(([some, via]) => ({ redirect: { ...some, via } })),
  fc.tuple(match, fc.record({ rate, burst }, { requiredKeys: ["rate"] }))
    .map(([some, more]) => ({ limit: { ...some, ...more } })),
  fc.tuple(match, fc.record({ dscp: fc.constantFrom<string | number>("ef", "af21", 63, "7", 0), rate }))
    .map(([some, more]) => ({ qos: { ...some, ...more } })),
);
const rules = fc.array(rule, { minLength: 1, maxLength: 5 });
const policy = fc.record({
  name: word,
  id: fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/),
  network: word,
  priority: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  rules,
}, { requiredKeys: ["name", "rules"] });
const attempts = fc.oneof(
  fc.string(),
  fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 3 }),
);
const test = fc.tuple(
  fc.record({ from: fc.string(), network: word }, { requiredKeys: ["from"] }),
  fc.oneof(fc.record({ accept: attempts }), fc.record({ accept: attempts, deny: attempts })),
).map(([who, what]) => ({ ...who, ...what }));
const groups = fc.dictionary(
  fc.oneof(word, fc.constantFrom("10", "9", "constructor", "hasownproperty")),
  fc.constantFrom("role=web", ["*", "name=a"], "10.0.0.0/8"),
).map((some) => ({ ...some, g0: "role=db" }));

/** Documents that `readPolicyDocument` takes, in all their forms. */
export const arbitraryPolicySource: fc.Arbitrary<PolicySource> = fc.record({
  policies: fc.uniqueArray(policy, { maxLength: 3, selector: ({ name, id }) => id ?? name }).filter((some) =>
    new Set(some.map(({ name }) => name)).size === some.length &&
    new Set(some.map(({ id, name }) => id ?? name)).size === some.length &&
    some.every(({ name, id }) => name !== "default" && id !== "default")
  ),
  rules,
  groups,
  tests: fc.array(test, { maxLength: 3 }),
  answer: fc.constantFrom("drop", "reject"),
  names: fc.constantFrom("show", "hide"),
}, { requiredKeys: ["rules", "groups"] }) as fc.Arbitrary<PolicySource>;
