import assert from "node:assert/strict";
import { createScratch, findProgram, labTest, run } from "../lab/mod.ts";
import { TARGETS } from "../../scripts/release/targets.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What is no part of the package. */
const NO_PART = /(^|\/)(\.\w|docs\/|tests\/|scripts\/|dist\/|node_modules\/)|_test\.ts$|\/testing\//;

labTest("deno publish accepts the package beside the files of a release, and takes none of them", [
  "git",
], async () => {
  await using scratch = await createScratch("publish");
  const tree = `${scratch.path}/weft`;
  await copyTree(tree);
  // What compiling and the tests leave behind.
  await Deno.mkdir(`${tree}/dist`);
  for (const { file } of TARGETS) await Deno.writeTextFile(`${tree}/dist/${file}`, "a binary");
  await Deno.writeTextFile(`${tree}/dist/SHA256SUMS`, "");
  await Deno.writeTextFile(`${tree}/weft`, "a binary");

  // Types are the linter's business; whether they are fast is looked at all the same.
  const publish = () =>
    run([Deno.execPath(), "publish", "--dry-run", "--no-check"], { cwd: tree, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await publish();
  const text = stdout + stderr;
  assert.equal(code, 0, text);
  const files = [...text.matchAll(/file:\/\/(\S+) \(/g)].map(([, path = ""]) => path.slice(tree.length + 1));
  const { exports } = JSON.parse(await Deno.readTextFile(`${tree}/deno.json`));
  const entries = Object.values<string>(exports).map((path) => path.replace("./", ""));
  for (
    const file of [
      "deno.json",
      "LICENSE",
      "README.md",
      ...entries,
      "lib/agent/mod.ts",
      "lib/test_mesh/mod.ts",
    ]
  ) {
    assert.ok(files.includes(file), file);
  }
  assert.deepEqual(files.filter((file) => NO_PART.test(file) || file === "weft"), []);

  await Deno.writeTextFile(`${tree}/uncommitted.ts`, "");
  const refused = await publish();
  assert.notEqual(refused.code, 0);
  assert.match(refused.stdout + refused.stderr, /uncommitted/i);
});

/** Makes a repository of all files of this tree that are not ignored, committed. */
async function copyTree(to: string): Promise<void> {
  const git = async (...args: readonly string[]): Promise<string> => {
    const identity = [
      "-c",
      "user.name=weft",
      "-c",
      "user.email=weft@localhost",
      "-c",
      "commit.gpgsign=false",
    ];
    const { code, stdout, stderr } = await run([findProgram("git") ?? "git", ...identity, ...args]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const listed = await git("-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard");
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    const path = `${to}/${file}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${ROOT}${file}`, path).catch((error) => {
      // Deleted, and not yet committed.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  await git("-C", to, "init", "--quiet");
  await git("-C", to, "add", "--all");
  await git("-C", to, "commit", "--quiet", "--message", "everything");
}
