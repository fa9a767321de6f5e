import assert from "node:assert/strict";

const MODULE = JSON.stringify(new URL("./process_arguments.ts", import.meta.url).href);
/** Hides its tokens, and prints who shows them, what the system shows, and what it was started with itself. */
const PROGRAM = `
  const { hideTokens } = await import(${MODULE});
  const shown = hideTokens(Deno.args).map(({ program }) => program);
  let words = "";
  try { words = Deno.readTextFileSync("/proc/self/cmdline"); } catch { /* it may not look */ }
  console.log(JSON.stringify({ shown, words, args: Deno.args }));
`;
const TOKEN = "weft1-abcDEF_123-4";

interface Outcome {
  readonly shown: readonly string[];
  readonly words: string;
  readonly args: readonly string[];
}

async function runProgram(options: {
  readonly permission: string;
  readonly args: readonly string[];
  readonly wrap?: (line: readonly string[]) => readonly string[];
}): Promise<Outcome> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, PROGRAM);
    const { permission, args, wrap = (line) => line } = options;
    const line = [Deno.execPath(), "run", "--quiet", "--no-prompt", permission, path, ...args];
    const [program = "", ...rest] = wrap(line);
    const { stdout } = await new Deno.Command(program, { args: [...rest], stderr: "inherit" }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(path);
  }
}

const isLinux = Deno.build.os === "linux";

for (
  const args of [["--join", TOKEN, "--name", "x"], [`--join=${TOKEN}`], ["--join", `weft --join ${TOKEN}`]]
) {
  Deno.test({
    name: `hideTokens() takes the token out of what ps shows of ${args[0]} ${args.length}`,
    ignore: !isLinux,
    async fn() {
      const { shown, words, args: kept } = await runProgram({ permission: "-A", args });
      assert.deepEqual(shown, []);
      assert.ok(!words.includes("abcDEF"), words);
      assert.ok(words.includes("--join"), "the rest stays");
      assert.deepEqual(kept, args, "the program itself still has it");
    },
  });
}

Deno.test({
  name: "hideTokens() tells of programs that have started this one and show the token",
  ignore: !isLinux,
  async fn() {
    const wrap = (line: readonly string[]) => ["bash", "-c", '"$@"; true', "bash", ...line];
    const { shown, words } = await runProgram({ permission: "-A", args: ["--join", TOKEN], wrap });
    assert.deepEqual(shown, ["bash"]);
    assert.ok(!words.includes("abcDEF"), words);
  },
});

Deno.test("hideTokens() says so where it may not change the arguments", async () => {
  const { shown } = await runProgram({ permission: "--allow-read", args: ["--join", TOKEN] });
  assert.deepEqual(shown, ["weft"]);
});

Deno.test("hideTokens() looks at nothing when there is no token", async () => {
  const { shown } = await runProgram({ permission: "--allow-read", args: ["--join", "-"] });
  assert.deepEqual(shown, []);
});
