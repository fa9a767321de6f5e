import assert from "node:assert/strict";
import { createScratch, labTest, skippedLine } from "../../tests/lab/mod.ts";
import { PACKAGE_FOLDERS } from "../house/layers.ts";
import { SUMS_FILE, writeCheckSums } from "./check_sums.ts";
import { ROOT, Skipped } from "./command.ts";
import { bundleProgram, WORKERS } from "./bundle.ts";
import { compile, compileArgs, COMPILER_VARIABLE, embedOptions } from "./compile.ts";
import { packageVersion, STEPS } from "./mod.ts";
import { smokeTest } from "./smoke.ts";
import { targetOf } from "./targets.ts";

const step = (name: string) => {
  const found = STEPS.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
};

Deno.test("STEPS have what others see at the end, and what can't be taken back behind a draft", () => {
  const seen = STEPS.map(({ isPublic }) => isPublic);
  assert.deepEqual(seen, seen.toSorted((a, b) => Number(a) - Number(b)));
  assert.deepEqual(STEPS.filter(({ isPublic }) => isPublic).map(({ name }) => name), [
    "draft",
    "publish",
    "image",
    "announce",
  ]);
});

Deno.test("the step version wants the tag that deno.json says", async () => {
  const version = await packageVersion();
  assert.match(await step("version").run({ tag: `v${version}` }), /is the version/);
  for (const tag of [version, "v0.0.0", `v${version}-1`, ""]) {
    await assert.rejects(step("version").run({ tag }), /The tag is .*deno\.json says/, tag);
  }
  await assert.rejects(step("version").run({}), Skipped);
});

Deno.test("steps that others see refuse to run without the right tag", async () => {
  for (const { name, isPublic, run } of STEPS) {
    if (!isPublic) continue;
    await assert.rejects(run({}), /needs --tag/, name);
    await assert.rejects(run({ tag: "v0.0.0" }), /deno\.json says/, name);
  }
});

Deno.test("a step by a wrong name is refused, and nothing is run", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/release.ts", "anounce"],
    cwd: ROOT,
  }).output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /no step anounce: version, gate, /);
});

labTest("the draft is made once, filled again, and left alone when it is public", ["linux"], async () => {
  await using scratch = await createScratch("release");
  const log = `${scratch.path}/log`;
  const gh = `${scratch.path}/gh`;
  await Deno.writeTextFile(
    gh,
    `#!/bin/sh\necho "$*" >> ${log}\n[ "$2" != view ] || cat ${scratch.path}/state\n`,
  );
  await Deno.chmod(gh, 0o755);
  const tag = `v${await packageVersion()}`;
  const draft = async (state: string): Promise<string> => {
    if (state !== "") await Deno.writeTextFile(`${scratch.path}/state`, state);
    await Deno.writeTextFile(log, "");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "scripts/release.ts", "--tag", tag, "draft"],
      cwd: ROOT,
      env: { PATH: `${scratch.path}:${Deno.env.get("PATH")}` },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return (await Deno.readTextFile(log)).split("\n").filter((line) => /create|upload|edit/.test(line))
      .join();
  };
  assert.match(
    await draft(""),
    new RegExp(`^release create ${tag} --draft --verify-tag .* dist/${SUMS_FILE} .*$`),
  );
  assert.match(
    await draft('{"isDraft":true}'),
    new RegExp(`^release upload ${tag} --clobber dist/weft-linux-x64`),
  );
  for (const file of ["weft_0.1.0_amd64.deb", "weft-0.1.0-macos-arm64.tar.gz", "weft.cdx.json", "weft.nix"]) {
    assert.ok((await draft("")).includes(` dist/${file}`), file);
  }
  assert.equal(await draft('{"isDraft":false}'), "");
});

Deno.test("writeCheckSums() writes what sha256sum reads, and the same when repeated", async () => {
  await using scratch = await createScratch("sums");
  await assert.rejects(writeCheckSums(scratch.path), /nothing to sum up/);
  await Deno.writeTextFile(`${scratch.path}/b`, "abc");
  await Deno.writeTextFile(`${scratch.path}/a`, "");
  // FIPS 180-4's examples.
  const expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n";
  assert.equal(await writeCheckSums(scratch.path), expected);
  assert.equal(await writeCheckSums(scratch.path), expected);
  assert.equal(await Deno.readTextFile(`${scratch.path}/${SUMS_FILE}`), expected);
});

labTest("the binary embeds the bundle with the workers, and no package", ["linux"], async () => {
  await using scratch = await createScratch("embedded");
  const directory = `${scratch.path}/program`;
  const program = await bundleProgram(ROOT, directory);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...compileArgs(embedOptions(directory), program, targetOf(), `${scratch.path}/weft`)],
    cwd: ROOT,
    // What is embedded does not depend on the runtime that it is put behind, which can't be had everywhere.
    env: { NO_COLOR: "1", DENORT_BIN: "/bin/true" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  for (const [name] of PACKAGE_FOLDERS) assert.doesNotMatch(text, new RegExp(`[ ─]${name}/`));
  assert.doesNotMatch(text, /npm|registry/);
  const names = [...Deno.readDirSync(directory)].filter(({ isFile }) => isFile).map(({ name }) => name);
  for (const path of WORKERS) assert.ok(names.includes(path.slice(path.lastIndexOf("/") + 1)), path);
  for (const name of names) assert.ok(text.includes(`─ ${name} `), `${name} is not embedded`);
});

labTest(
  "the bundle has nothing of tests, and no thread and no command of it reads what it may need later, or loads what Node.js's modules have in common",
  [
    "linux",
  ],
  async () => {
    await using scratch = await createScratch("bundle");
    await bundleProgram(ROOT, scratch.path);
    await refuseTests(scratch.path);
    const main = await Deno.readTextFile(`${scratch.path}/main.js`);
    const [, commands = ""] = /import\(String\("\.\/(weft-\w+\.js)"\)\)/.exec(main) ?? [];
    for (const path of ["main.js", commands, ...WORKERS]) {
      const module = `${scratch.path}/${path.replace(/\.ts$/, ".js")}`;
      const loaded = await importedBy(module);
      const own = loaded.filter((name) => name.startsWith("/"));
      assert.deepEqual((await readFor(module)).sort(), [module, ...own].sort(), `what ${path} reads`);
      assert.deepEqual(loaded.filter((name) => name.startsWith("node:")), [], path);
    }
  },
);

Deno.test("smokeTest() passes on the sources", async () => {
  await smokeTest(await packageVersion());
});

const noCompiler = Deno.env.get(COMPILER_VARIABLE) === undefined
  ? `${COMPILER_VARIABLE} names no compiler, and Deno's own has to be fetched`
  : undefined;
const SMOKE = "compile() makes a binary that passes smokeTest(), and any other program fails it";
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the runner's output
if (noCompiler !== undefined) console.log(skippedLine(SMOKE, noCompiler));
Deno.test({
  name: SMOKE,
  ignore: noCompiler !== undefined,
  async fn() {
    await using scratch = await createScratch("binary");
    const out = `${scratch.path}/weft`;
    await compile(targetOf(), out);
    await smokeTest(await packageVersion(), out, { hasPage: false });
    await assert.rejects(smokeTest("0.0.0", out), /--version says/);
  },
});

/** Refuses a bundle that was made of tests, or of packages that CONTRIBUTING.md has for tests and tools alone. */
async function refuseTests(directory: string): Promise<void> {
  const table = await Deno.readTextFile(`${ROOT}CONTRIBUTING.md`);
  const rows = table.split("\n").filter((line) => /^\| `.*\| (?:tests|`deno task \w+`) +\|/.test(line));
  const packages = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name)
  );
  assert.ok(packages.includes("fast-check") && packages.includes("playwright-core"));
  const made = new Set<string>();
  for await (const { name } of Deno.readDir(directory)) {
    if (!name.endsWith(".js")) continue;
    // The bundler says of each module where it was.
    const text = await Deno.readTextFile(`${directory}/${name}`);
    for (const [, path = ""] of text.matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm)) made.add(path);
  }
  assert.ok([...made].some((path) => path.includes("/hono/")) && made.has("main.ts"), "there are no paths");
  const wrong = [...made].filter((path) =>
    /_test\.ts$|\/testing\/|^(?:tests|scripts)\//.test(path) ||
    packages.some((name) => path.includes(`/${name}/`))
  );
  assert.deepEqual(wrong, []);
}

/** @returns the paths of the modules that Deno reads before it runs one of a bundle */
async function readFor(path: string): Promise<string[]> {
  const args = ["info", "--json", "--no-config", path];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const { modules }: { modules: readonly { readonly local?: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return modules.flatMap(({ local }) => local ?? []);
}

/** @returns the names of all that a module of a bundle imports, and what that imports, at its beginning */
async function importedBy(path: string, seen = new Set<string>()): Promise<readonly string[]> {
  const text = await Deno.readTextFile(path);
  for (const [, name = ""] of text.matchAll(/^(?:import|export|\}) ?(?:[^"\n]* from )?"([^"]+)"/gm)) {
    const known = name.startsWith(".") ? new URL(name, `file://${path}`).pathname : name;
    if (seen.has(known)) continue;
    seen.add(known);
    if (name.startsWith(".")) await importedBy(known, seen);
  }
  return [...seen];
}
