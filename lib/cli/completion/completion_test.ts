import assert from "node:assert/strict";
import { SamplePorts } from "../testing/sample_ports.ts";
import { makeProgram } from "../weft.ts";
import { answerText, readTyped } from "./answer.ts";
import { expected, type ValueKind } from "./expected.ts";
import { KnownValues } from "./known_values.ts";
import { type Shell, SHELLS } from "./scripts.ts";

const program = makeProgram({ ports: new SamplePorts(), exitCode: 0 });

/** What is asked of an agent, in the words that stand for it. */
async function next(line: string) {
  const words = line.split(" ");
  const asked: (readonly [ValueKind, Readonly<Record<string, string>>])[] = [];
  const { candidates, paths } = await expected(
    program,
    { words: words.slice(0, -1), current: words.at(-1) ?? "" },
    (settings) => ({
      of: (kind) => {
        asked.push([kind, settings]);
        return Promise.resolve([{ word: `some-${kind}`, description: "" }]);
      },
    }),
  );
  return { words: candidates.map(({ word }) => word), paths, asked };
}

const kinds: readonly (readonly [line: string, kind: ValueKind])[] = [
  ["ping ", "members"],
  ["ping w", "members"],
  ["peer rm ", "members"],
  ["peer delete --revoke-token ", "members"],
  ["peer hub ", "members"],
  ["peer add x --hub ", "members"],
  ["peer approve ", "waiting"],
  ["label ", "members"],
  ["label web-1 ", "labels"],
  ["label web-1 a=b ", "labels"],
  ["leader promote ", "members"],
  ["token revoke ", "tokens"],
  ["service show ", "services"],
  ["service pause math --node ", "members"],
  ["service pause math --node=", "members"],
  ["call ", "actions"],
  ["call math/add --node ", "members"],
  ["publish ", "topics"],
  ["subscribe --past ", "topics"],
  ["dns rm ", "addedNames"],
  ["network show ", "networks"],
  ["network rm ", "networks"],
  ["endpoint add ", "networks"],
  ["endpoint list ", "networks"],
  ["endpoint rm ", "endpoints"],
  ["endpoint rm blue ", "endpointNames"],
  ["endpoint move blue/web-1 --to ", "members"],
  ["network create blue --gateway ", "members"],
  ["dns query ", "names"],
  ["policy explain ", "members"],
  ["policy explain web-1 ", "members"],
  ["policy rollback ", "revisions"],
  ["grant add --offer ", "services"],
  ["grant add web-1 --publish ", "topics"],
];
for (const [line, kind] of kinds) {
  Deno.test(`expected() knows that ${kind} come after \`weft ${line}\``, async () => {
    const { asked, words } = await next(line);
    assert.deepEqual(asked, [[kind, {}]]);
    assert(words.some((word) => word.endsWith(`some-${kind}`)));
  });
}

const others: readonly (readonly [line: string, words: readonly string[], paths?: string])[] = [
  ["--log-level ", ["debug", "info", "warn", "error"]],
  ["up --dns=", ["--dns=auto", "--dns=on", "--dns=off"]],
  ["peer add x --endpoint ", []],
  ["peer add x --dns ", ["--wireguard"]],
  ["call math/add --mode ", ["round-robin"]],
  ["dns query web-1 ", ["A", "AAAA"]],
  ["completions ", [...SHELLS]],
  ["network create blue --type ", ["vxlan", "vlan"]],
  ["network create blue --underlay ", ["mesh", "plain"]],
  ["network create blue --cidr ", []],
  ["help token ", ["create", "list", "revoke"]],
  ["status ", ["token"]],
  ["status -", ["--json", "--watch"]],
  ["--join-file ", [], "files"],
  ["status --config=", [], "files"],
  ["status -s ", [], "directories"],
  ["call math/add -- -", []],
];
for (const [line, words, paths] of others) {
  Deno.test(`expected() answers \`weft ${line}\` without an agent`, async () => {
    const answer = await next(line);
    assert.deepEqual(answer.asked, []);
    assert.equal(answer.paths, paths);
    assert.deepEqual(words.filter((word) => !answer.words.includes(word)), []);
    if (words.length === 0) assert.deepEqual(answer.words, []);
  });
}

Deno.test("expected() asks the agent that the line names, and offers no option twice", async () => {
  assert.deepEqual((await next("--state /a ping ")).asked, [["members", { state: "/a" }]]);
  assert.deepEqual((await next("ping -s/a ")).asked, [["members", { state: "/a" }]]);
  assert.deepEqual((await next("ping --config=c ")).asked, [["members", { config: "c" }]]);
  assert(!(await next("status --json --")).words.includes("--json"));
  assert((await next("--leader --label a=b --")).words.includes("--label"));
});

Deno.test("readTyped() and answerText() hand bash no word that means something else to it", () => {
  const typed = (line: string, last: string) => readTyped("bash", `${line}\0${last}\0`);
  const candidates = ["web-1", "we b", "we$(id)", "we'x", 'we"y', "we;z"].map((word) => ({
    word,
    description: "",
  }));
  const answer = (line: string, last: string) =>
    answerText("bash", { candidates }, typed(line, last)).split("\n").slice(1, -1);
  assert.deepEqual(answer("weft ping we", "we"), [
    "web-1",
    "we\\ b",
    "we\\$\\(id\\)",
    "we\\'x",
    'we\\"y',
    "we\\;z",
  ]);
  assert.deepEqual(answer("weft ping 'we", "we"), ["web-1", "we b", "we;z"]);
  assert.deepEqual(answer("weft ping --node=we", "we"), []);
  assert.deepEqual(typed("weft  --state='/a b' ping \"we", "we"), {
    words: ["--state=/a b", "ping"],
    current: "we",
    quote: '"',
    replaced: 2,
  });
});

Deno.test("answerText() leaves out what is not one printable line, and shows descriptions as one", () => {
  const candidates = [
    { word: "web\n-1", description: "" },
    { word: "web:1", description: "role\n\x1b[31m a:b" },
  ];
  const typed = { words: [], current: "web", quote: "", replaced: 3 } as const;
  const lines = (shell: Shell) => answerText(shell, { candidates }, typed);
  assert.equal(lines("zsh"), "words\nweb\\:1:role[31m a:b\n");
  assert.equal(lines("fish"), "words\nweb:1\trole[31m a:b\n");
});

Deno.test("KnownValues finds nothing, and soon, where no agent answers", async () => {
  const path = await Deno.makeTempDir();
  try {
    assert.deepEqual(await new KnownValues(() => Promise.resolve(`${path}/none`)).of("members", []), []);
    assert.deepEqual(await new KnownValues(() => Promise.reject(new Error())).of("members", []), []);
    // One that hangs takes connections, and says nothing.
    using listener = Deno.listen({ transport: "unix", path: `${path}/control.sock` });
    const held = listener.accept();
    const begin = performance.now();
    assert.deepEqual(await new KnownValues(() => Promise.resolve(path)).of("members", []), []);
    assert(performance.now() - begin < 2_000);
    (await held).close();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
