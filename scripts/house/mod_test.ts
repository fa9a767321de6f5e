import assert from "node:assert/strict";
import { checkHouse, formatViolation, SourceFile } from "./mod.ts";

const DOC = "/**\n * A part.\n * @module\n */\n\n";

/** Checks a small project. What every project needs is added: docs of modules, and a face for each folder. */
function check(sources: Record<string, string>): string[] {
  const files = new Map<string, string>();
  for (const path of Object.keys(sources)) {
    const folder = /^lib\/[^/]+\//.exec(path)?.[0];
    if (folder !== undefined) files.set(`${folder}mod.ts`, DOC);
  }
  for (const [path, text] of Object.entries(sources)) {
    files.set(
      path,
      path.endsWith(".ts") && !text.includes("@module") && !text.startsWith("bare:") ? DOC + text : text,
    );
  }
  return checkHouse([...files].map(([path, text]) => new SourceFile(path, text.replace(/^bare:/, ""))))
    .map((violation) => `${violation.path}: ${violation.isWarning ? "warning " : ""}${violation.rule}`);
}

const importing = (specifier: string): string => `import { a } from "${specifier}";\n`;
const machinePath = `/${"work"}/main/x`;
const unfinished = ["TO", "DO"].join("");
const consoleAssert = ["console", "assert"].join(".");

const accepted: Record<string, Record<string, string>> = {
  "imports that go down": {
    "lib/net/trie.ts": importing("../base/mod.ts"),
    "lib/noise/handshake.ts": importing("../crypto/mod.ts"),
    "lib/wireguard/device.ts": importing("../noise/mod.ts") + importing("../net/mod.ts") +
      importing("./peer.ts"),
    "lib/wireguard/peer.ts": "",
    "lib/dataplane/plane.ts": importing("../wireguard/mod.ts") + importing("../transport/mod.ts"),
    "lib/agent/agent.ts": importing("../dataplane/mod.ts") + importing("../mesh/mod.ts"),
    "lib/cli/run.ts": importing("../agent/mod.ts"),
    "main.ts": importing("./lib/cli/mod.ts"),
  },
  "tests and scripts that import anything": {
    "lib/base/bytes_test.ts": importing("../agent/deep.ts") + importing("fast-check") + importing("zod"),
    "scripts/demo.ts": importing("../lib/agent/deep.ts") + importing("yaml"),
    "tests/mesh/lab.ts": importing("../../lib/agent/deep.ts") + importing("fast-check"),
    "lib/agent/deep.ts": "",
  },
  "what tests share, which needs no face": {
    "lib/base/testing/samples.ts": importing("../../agent/deep.ts") + importing("fast-check"),
    "lib/base/bytes_test.ts": importing("./testing/samples.ts"),
    "lib/agent/deep.ts": "",
  },
  "imports that are only written about": {
    "lib/base/bytes.ts": '// import { a } from "../agent/mod.ts";\nconst b = `import { a } from "zod";`;\n',
  },
  "a data file of any place": {
    "lib/cli/version.ts": 'import a from "../../deno.json" with { type: "json" };\n',
  },
  "the system's words outside of code": {
    "lib/mesh/node.ts":
      '// Date.now() is for others\nconst key = Symbol.for("Deno.customInspect");\nconst t = timers.setTimer;\n',
  },
  "the system's words where they belong": {
    "lib/host/clock.ts": "const now = Date.now();\nsetTimeout(now);\nDeno.exit();\n" +
      importing("node:sqlite"),
    "lib/mesh/node_test.ts": "Deno.test(Date.now());\n" + importing("node:assert/strict"),
    "lib/crypto/x25519.ts": importing("node:crypto"),
    "scripts/demo.ts": "Deno.exit(Date.now());\n",
  },
  "packages at their folders": {
    "lib/crypto/aead.ts": importing("@noble/ciphers/chacha.js"),
    "lib/proto/gen/a_pb.ts": importing("@bufbuild/protobuf/codegenv2"),
    "lib/status/app.ts": importing("hono"),
  },
  "a date that is given": { "lib/mesh/node.ts": "const date = new Date(wall);\n" },
  "what a generator wrote": {
    "lib/proto/gen/some-file_pb.ts": `bare:export const a = 1;\n${"\n".repeat(700)}`,
  },
  "a shebang and a lint directive before the module's comment": {
    "scripts/demo.ts": `#!/usr/bin/env deno\n// deno-lint-ignore-file no-console\n${DOC}`,
  },
  "docstrings in every position": {
    "lib/base/a.ts": "/** One. */\nexport const a = 1;\n/**\n * Two.\n */\nexport abstract class B {}\n\n" +
      "/** Three. */\nexport function c(a: 1): 1;\nexport function c(a: 2): 2;\nexport function c(a: 1 | 2) {}\n" +
      "/** Four. */\nconst d = 1;\nexport { d };\nexport { e } from './e.ts';\nexport type { f } from './e.ts';\n" +
      "/** Five. */\nexport type G = 1;\nconst text = `\nexport const h = 1;\n`;\n",
    "lib/base/e.ts": "",
  },
  "a path that only looks like a machine's": {
    "README.md": "https://example.com/work/x and ./work/ and /var/lib/weft and file-work/root/x",
  },
  "a diamond of imports": {
    "lib/base/a.ts": importing("./b.ts") + importing("./c.ts"),
    "lib/base/b.ts": importing("./d.ts"),
    "lib/base/c.ts": importing("./d.ts"),
    "lib/base/d.ts": "",
  },
};
for (const [what, sources] of Object.entries(accepted)) {
  Deno.test(`checkHouse() accepts ${what}`, () => assert.deepEqual(check(sources), []));
}

const rejected: Record<string, readonly [Record<string, string>, ...string[]]> = {
  "an import that goes up": [
    { "lib/net/a.ts": importing("../wireguard/mod.ts") },
    "lib/net/a.ts: import-direction",
  ],
  "the ground that imports": [
    { "lib/base/a.ts": importing("../net/mod.ts") },
    "lib/base/a.ts: import-direction",
  ],
  "neighbours above the ground": [
    { "lib/net/a.ts": importing("../crypto/mod.ts") },
    "lib/net/a.ts: import-direction",
  ],
  "protocols that import each other": [
    { "lib/mesh/a.ts": importing("../channel/mod.ts") },
    "lib/mesh/a.ts: import-direction",
  ],
  "a type that is imported upwards": [
    { "lib/base/a.ts": 'import type { A } from "../net/mod.ts";\n' },
    "lib/base/a.ts: import-direction",
  ],
  "a re-export over lines from above": [
    { "lib/base/a.ts": 'export {\n  a,\n  b,\n} from "../net/mod.ts";\n' },
    "lib/base/a.ts: import-direction",
  ],
  "a dynamic import and a bare one from above": [
    {
      "lib/base/a.ts": 'const a = await import("../net/mod.ts");\n',
      "lib/net/b.ts": 'import "../ipam/mod.ts";\n',
    },
    "lib/base/a.ts: import-direction",
    "lib/net/b.ts: import-direction",
  ],
  "a data plane that knows the mesh": [
    { "lib/dataplane/a.ts": importing("../mesh/mod.ts") },
    "lib/dataplane/a.ts: import-direction",
  ],
  "lib that imports the entry": [
    { "lib/cli/a.ts": importing("../../mod.ts") },
    "lib/cli/a.ts: import-direction",
  ],
  "a product that imports a test or a script": [
    {
      "lib/base/a.ts": importing("./b_test.ts"),
      "main.ts": importing("./scripts/demo.ts"),
    },
    "lib/base/a.ts: import-direction",
    "main.ts: import-direction",
  ],
  "a folder without a layer": [{ "lib/attic/mod.ts": DOC }, "lib/attic/mod.ts: import-direction"],
  "an import that goes around a folder's face": [
    { "lib/net/a.ts": importing("../base/bytes.ts"), "mod.ts": importing("./lib/net/a.ts") },
    "lib/net/a.ts: import-face",
    "mod.ts: import-face",
  ],
  "an import that goes around a room's face": [
    {
      "lib/mesh/mod.ts": DOC + importing("./roster/index.ts"),
      "lib/mesh/roster/mod.ts": DOC,
      "lib/mesh/roster/index.ts": importing("../limits.ts"),
      "lib/mesh/limits.ts": "",
      "lib/mesh/gossip/mod.ts": DOC + importing("../roster/index.ts"),
      "lib/mesh/gossip/push.ts": importing("../roster/mod.ts"),
    },
    "lib/mesh/gossip/mod.ts: import-face",
    "lib/mesh/mod.ts: import-face",
  ],
  "two files that import each other": [
    { "lib/base/a.ts": importing("./b.ts"), "lib/base/b.ts": importing("./a.ts") },
    "lib/base/b.ts: import-cycle",
  ],
  "a long way round, and by types": [
    {
      "lib/base/a.ts": importing("./b.ts"),
      "lib/base/b.ts": importing("./c.ts"),
      "lib/base/c.ts": 'import type { A } from "./a.ts";\n',
    },
    "lib/base/c.ts: import-cycle",
  ],
  "a file that imports itself": [{ "lib/base/a.ts": importing("./a.ts") }, "lib/base/a.ts: import-cycle"],
  "a package outside of its folder": [
    { "lib/mesh/a.ts": importing("@noble/hashes/blake2.js"), "mod.ts": importing("zod") },
    "lib/mesh/a.ts: package",
    "mod.ts: package",
  ],
  "a package that nobody placed": [{ "lib/cli/a.ts": importing("left-pad") }, "lib/cli/a.ts: package"],
  "a package with a name that only begins alike": [
    { "lib/cli/a.ts": importing("commander2") },
    "lib/cli/a.ts: package",
  ],
  "a package past the import map": [
    { "lib/config/a.ts": importing("npm:zod@4"), "scripts/b.ts": importing("https://example.com/a.ts") },
    "lib/config/a.ts: package",
    "scripts/b.ts: package",
  ],
  "the tests' package outside of tests": [
    { "lib/net/a.ts": importing("fast-check"), "scripts/b.ts": importing("fast-check") },
    "lib/net/a.ts: package",
    "scripts/b.ts: package",
  ],
  "Node.js in a pure folder": [
    { "lib/mesh/a.ts": importing("node:crypto"), "lib/crypto/b.ts": importing("node:fs") },
    "lib/crypto/b.ts: purity",
    "lib/mesh/a.ts: purity",
  ],
  "a file name in another case": [
    { "lib/base/twoWords.ts": "", "scripts/two-words.ts": "", "tests/Two_test.ts": "" },
    "lib/base/twoWords.ts: file-name",
    "scripts/two-words.ts: file-name",
    "tests/Two_test.ts: file-name",
  ],
  "a file name that says nothing": [
    Object.fromEntries(
      ["utils", "helpers", "common", "types", "manager", "byte_utils", "test_helper"].map((name) => [
        `lib/base/${name}.ts`,
        "",
      ]),
    ),
    ...["byte_utils", "common", "helpers", "manager", "test_helper", "types", "utils"].map((name) =>
      `lib/base/${name}.ts: file-name`
    ),
  ],
  "a folder without a face": [{ "lib/mesh/gossip/rumor.ts": "" }, "lib/mesh/gossip/mod.ts: folder-face"],
  "a module without its comment": [
    { "lib/base/a.ts": "bare:const a = 1;\n", "scripts/b.ts": "bare:const a = 1;\n" + DOC },
    "lib/base/a.ts: module-doc",
    "scripts/b.ts: module-doc",
  ],
  "a module whose comment only mentions the tag": [
    { "lib/base/a.ts": "bare:/** It has no @module. */\n" },
    "lib/base/a.ts: module-doc",
  ],
  "exports without docstrings": [
    { "lib/base/a.ts": "export const a = 1;\nexport type B = 1;\nconst c = 1;\nexport { c };\n" },
    "lib/base/a.ts: export-doc",
    "lib/base/a.ts: export-doc",
    "lib/base/a.ts: export-doc",
  ],
  "a plain comment in a docstring's place": [
    { "lib/base/a.ts": "// One.\nexport async function a() {}\n" },
    "lib/base/a.ts: export-doc",
  ],
  "a docstring that belongs to another": [
    { "lib/base/a.ts": "/** One. */\nconst a = 1;\nexport interface B {}\n" },
    "lib/base/a.ts: export-doc",
  ],
  "an example that proves nothing": [
    { "lib/base/a.ts": `/**\n * ${consoleAssert}(true);\n */\nexport const a = 1;\n` },
    "lib/base/a.ts: example",
  ],
  "a machine's path in any text": [
    {
      "README.md": `See ${machinePath}.`,
      ".ci/run": `cd ${machinePath}`,
      "lib/base/a.ts": `const a = "${machinePath}";\n`,
    },
    ".ci/run: machine-path",
    "README.md: machine-path",
    "lib/base/a.ts: machine-path",
  ],
  "work that is left": [{ "lib/base/a.ts": `// ${unfinished}: all\n` }, "lib/base/a.ts: unfinished"],
  "state of a module": [
    { "lib/base/a.ts": "let a = 1;\n/** B. */\nexport let b = 2;\n" },
    "lib/base/a.ts: module-state",
    "lib/base/a.ts: module-state",
  ],
};
for (const [what, [sources, ...expected]] of Object.entries(rejected)) {
  Deno.test(`checkHouse() rejects ${what}`, () => assert.deepEqual(check(sources), expected));
}

const impureWords = [
  "Deno.env",
  "Deno?.env",
  "Date.now()",
  "new Date()",
  "Temporal.Now.instant()",
  "performance.now()",
  "setTimeout(f)",
  "setInterval(f)",
  "setImmediate(f)",
  "Math.random()",
  "crypto.getRandomValues(a)",
  "crypto.randomUUID()",
  "console.log(a)",
  "`${Date.now()}`",
];
for (const word of impureWords) {
  Deno.test(`checkHouse() rejects ${word} in a pure folder`, () => {
    assert.deepEqual(check({ "lib/mesh/a.ts": `const a = ${word};\n` }), ["lib/mesh/a.ts: purity"]);
  });
}

Deno.test("checkHouse() warns past 400 lines and fails past 600", () => {
  const ofLines = (lines: number) => ({ "lib/base/a.ts": DOC + "\n".repeat(lines - 5) });
  assert.deepEqual(check(ofLines(400)), []);
  assert.deepEqual(check(ofLines(401)), ["lib/base/a.ts: warning file-length"]);
  assert.deepEqual(check(ofLines(600)), ["lib/base/a.ts: warning file-length"]);
  assert.deepEqual(check(ofLines(601)), ["lib/base/a.ts: file-length"]);
});

Deno.test("formatViolation() leads to the very line", () => {
  const text =
    `${DOC}import { a } from "./b.ts";\n\nimport {\n  c,\n} from "../net/mod.ts";\n\nDate.now();\n`;
  const files = [new SourceFile("lib/base/mod.ts", text)];
  assert.deepEqual(checkHouse(files).map(formatViolation), [
    "lib/base/mod.ts:10: import-direction: lib/base may not import lib/net",
    "lib/base/mod.ts:12: purity: lib/base is pure: take what Date.now gives as an argument or port",
  ]);
});
