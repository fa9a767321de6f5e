import assert from "node:assert/strict";
import fc from "fast-check";
import { readPolicyDocument } from "../../policy/mod.ts";
import { arbitraryPolicySource } from "../../policy/testing/arbitrary_policy.ts";
import { plainJson } from "./hujson.ts";
import {
  importTailscalePolicy,
  POLICY_TEMPLATE,
  PolicyFileError,
  policyText,
  readPolicyFile,
} from "./mod.ts";

const acl = `{
  // Who is who.
  "groups": {"group:dev": ["alice@example.com", "bob@"]},
  "hosts": {"printer": "10.0.0.9"},
  "acls": [{"action": "accept", "src": ["tag:web", "group:dev"], "dst": ["tag:db:5432", "printer:*"],},],
  "grants": [{"src": ["*"], "dst": ["tag:db"], "ip": ["tcp:443", "gre:*"]}],
  "tests": [{"src": "tag:web", "accept": ["tag:db:5432"], "deny": ["tag:db:22"]}],
}`;

Deno.test("policyText() writes every document so that it is read as the same one", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryPolicySource, async (source) => {
      const document = readPolicyDocument(source);
      assert.deepEqual((await readPolicyFile(await policyText(document))).document, document);
    }),
    { numRuns: 100 },
  );
});

Deno.test("readPolicyFile() says of every text that is no policy what is wrong, and where", async () => {
  const check = async (text: string): Promise<void> => {
    try {
      await readPolicyFile(text, "policy.yaml");
    } catch (error) {
      checkError(error, text);
    }
  };
  await fc.assert(fc.asyncProperty(changed(POLICY_TEMPLATE), check), { numRuns: 150 });
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), check), { numRuns: 300 });
  for (const open of ["[", "{a: ", "- ", "? ", "!a "]) await check(open.repeat(2_000));
});

Deno.test("importTailscalePolicy() makes a policy of a file, or says why not", async () => {
  const check = async (text: string): Promise<void> => {
    try {
      const { text: policy } = await importTailscalePolicy(text, "acl.hujson");
      await readPolicyFile(policy);
    } catch (error) {
      checkError(error, text);
    }
  };
  await fc.assert(fc.asyncProperty(changed(acl), check), { numRuns: 300 });
  // Any texts where names stand.
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("*", "@", "tag:", "group:constructor", "printer", "10.0.0.0/8", "::1", "a@b"),
  );
  const lists = fc.array(text, { maxLength: 4 });
  const ports = fc.oneof(text, fc.constantFrom("*", "1-2", "9-1", "0", "70000", "22,", "1,2"));
  const rule = fc.record({
    action: fc.constant("accept"),
    src: lists,
    dst: fc.array(fc.tuple(text, ports).map((parts) => parts.join(":")), { maxLength: 4 }),
    proto: fc.oneof(text, fc.constantFrom("tcp", "icmp", "constructor", "256", "igmp", 6)),
  }, { requiredKeys: ["action", "src", "dst"] });
  const test = fc.record({ src: text, accept: lists, deny: lists });
  const file = fc.record({
    groups: fc.dictionary(text.map((name) => `group:${name}`), lists),
    hosts: fc.dictionary(text, text),
    acls: fc.array(rule, { maxLength: 4 }),
    grants: fc.array(fc.record({ src: lists, dst: lists, ip: fc.array(ports) }), { maxLength: 3 }),
    tests: fc.array(test, { maxLength: 3 }),
  });
  await fc.assert(fc.asyncProperty(file, (value) => check(JSON.stringify(value))), { numRuns: 200 });
});

Deno.test("plainJson() takes comments and commas away, and nothing else", () => {
  const blank = fc.constantFrom("", " ", "\n", '// ] " , }\n', '/* " // ] */', "/**/");
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(blank, { minLength: 1, maxLength: 8 }), (value, blanks) => {
      let at = 0;
      const next = (): string => blanks[at++ % blanks.length] ?? "";
      const write = (one: unknown): string => {
        if (typeof one !== "object" || one === null) return `${next()}${JSON.stringify(one)}${next()}`;
        const parts = Array.isArray(one)
          ? one.map(write)
          : Object.entries(one).map(([key, inner]) =>
            `${next()}${JSON.stringify(key)}${next()}:${write(inner)}`
          );
        const body = `${parts.join(",")}${parts.length > 0 && at % 2 === 0 ? `,${next()}` : ""}`;
        return Array.isArray(one) ? `[${body}${next()}]` : `{${body}${next()}}`;
      };
      const text = write(value);
      assert.deepEqual(JSON.parse(plainJson(text)), JSON.parse(JSON.stringify(value)));
      assert.equal(plainJson(text).length, text.length);
    }),
    { numRuns: 300 },
  );
});

/** A text with a part taken out, and another one in its place. */
function changed(text: string): fc.Arbitrary<string> {
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.constantFrom("*", "&a", "*a", "!", "\n", "\t", "'", '"', "[", "}", "---", "<<: ", "? ", "|", ">", "#"),
  );
  return fc.array(fc.tuple(fc.nat(text.length), fc.nat(6), part), { minLength: 1, maxLength: 3 }).map((all) =>
    all.reduce((now, [at, length, one]) => now.slice(0, at) + one + now.slice(at + length), text)
  );
}

function checkError(error: unknown, text: string): void {
  assert.ok(error instanceof PolicyFileError, `${error} of ${JSON.stringify(text)}`);
  assert.ok(error.message.length < 2_000, error.message);
  if (error.position === undefined) return;
  const lines = text.split("\n");
  assert.ok(error.position.line >= 1 && error.position.line <= lines.length, `${error.message}`);
  assert.ok(error.position.column >= 1, error.message);
}
