import assert from "node:assert/strict";
import {
  createScratch,
  labTest,
  loopbackArgs,
  run,
  thisMachine,
  thoroughIf,
  weftCommand,
  WeftNode,
} from "../lab/mod.ts";

/** How each shell is asked what it would offer for a line; `LINE` is a word for each word, the last unfinished. */
const DRIVERS: Readonly<Record<string, (words: readonly string[]) => readonly string[]>> = {
  bash: (words) => [
    "bash",
    "--norc",
    "-c",
    `source <(weft completions bash); compopt() { echo "$2"; }; COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
     COMP_WORDS=("$@"); last="\${COMP_WORDS[$# - 1]}"; _weft weft "\${last##*=}" ""; printf '%s\\n' "\${COMPREPLY[@]}"`,
    "bash",
    ...words,
  ],
  zsh: (words) => [
    "zsh",
    "-f",
    "-c",
    `compdef() {}; compset() {}; _describe() { print -rl -- "\${(P@)2}" }; _files() { print default }
     source <(weft completions zsh); words=("$@"); CURRENT=$#; PREFIX="\${words[-1]}"; _weft`,
    "zsh",
    ...words,
  ],
  fish: (words) => [
    "fish",
    "--no-config",
    "-c",
    `weft completions fish | source; complete -C "$argv"`,
    ...words,
  ],
};

for (const [shell, driver] of Object.entries(DRIVERS)) {
  labTest(`${shell}: completions know members, tokens and values, and are silent without an agent`, [
    shell,
    "bash",
    ...thoroughIf(shell !== "bash"),
  ], async () => {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await createScratch(`completion-${shell}`));
    // The program as it would be on the PATH.
    const line = weftCommand().map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(`${path}/weft`, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    const ask = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await run(["timeout", "30", ...driver(["weft", ...words])], {
        env: { PATH: `${path}:${Deno.env.get("PATH")}`, HOME: path, NO_COLOR: "1" },
      });
      assert.equal(stderr, "");
      assert(code === 0 || code === 1, `${code}`);
      return stdout.split("\n").filter((each) => each !== "");
    };
    const isOffered = async (word: string, ...words: readonly string[]) => {
      const offered = await ask(...words);
      assert(offered.some((each) => each.replace(/[:\t].*/, "") === word), `${words}: ${offered}`);
      return offered;
    };

    const stateDir = `${path}/lead`;
    assert.deepEqual(await ask("ping", "--state", stateDir, ""), []);
    const lead = stack.use(new WeftNode(thisMachine, { name: "lead", stateDir, args: loopbackArgs() }));
    await lead.startLeader();
    const [token] = JSON.parse(await lead.expectCommand("token", "list", "--json"));

    const members = await isOffered("lead", "ping", "--state", stateDir, "");
    if (shell !== "bash") assert.match(members[0] ?? "", /^lead[:\t]leader, 10\.200\.0\.1$/);
    await isOffered("lead", "leader", "promote", "-s", stateDir, "l");
    const tokens = await isOffered(token.id, "token", "revoke", "--state", stateDir, "");
    assert(!tokens.join().includes("weft1-"));
    const commands = await isOffered("revoke", "token", "re");
    if (shell !== "bash") assert.match(commands.join(), /[:\t]let nobody join/);
    await isOffered("--watch", "status", "--w");
    await isOffered("portable", "up", "--dataplane", "p");
    if (shell === "fish") {
      await Deno.writeTextFile(`${path}/some.yaml`, "");
      await isOffered(`${path}/some.yaml`, "up", "--config", `${path}/so`);
    } else await isOffered("default", "up", "--config", "");
  });
}
