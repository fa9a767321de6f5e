import assert from "node:assert/strict";
import { parse } from "yaml";
import { run, skippedLine } from "../../tests/lab/mod.ts";
import { ROOT } from "./command.ts";
import { STEPS } from "./mod.ts";
import { TARGETS } from "./targets.ts";

const WORKFLOWS = ["ci.yml", "nightly.yml", "release.yml"];

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include?: readonly Readonly<Record<string, string>>[] } };
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

const readJobs = async (name: string): Promise<Readonly<Record<string, Job>>> =>
  parse(await Deno.readTextFile(`${ROOT}.github/workflows/${name}`)).jobs;

/** The release's steps that a job takes, in its order. */
function stepsOf(job: Job | undefined): readonly string[] {
  return (job?.steps ?? []).flatMap(({ run = "" }) =>
    [...run.matchAll(/\btask release((?: --\w+ \S+(?: matrix\.\w+ \}\})?)*)((?: [a-z]+)*)/g)]
      .flatMap(([, , names = ""]) => names.trim().split(" "))
  );
}

Deno.test("release.yml takes every step once, in order, and those that others see in the last job", async () => {
  const jobs = await readJobs("release.yml");
  const { gate, binaries, smoke, publish, ...others } = jobs;
  assert.deepEqual(Object.keys(others), []);
  const taken = [gate, binaries, smoke, publish].flatMap(stepsOf);
  assert.deepEqual(taken, STEPS.map(({ name }) => name));
  assert.deepEqual(publish?.needs, ["gate", "smoke"]);
  assert.equal(smoke?.needs, "binaries");
  for (const [name, job] of Object.entries(jobs)) {
    assert.equal(job.permissions?.contents, name === "publish" ? "write" : undefined, name);
    const isPublic = STEPS.filter((step) => step.isPublic).some((step) => stepsOf(job).includes(step.name));
    assert.equal(isPublic, name === "publish", name);
  }
});

Deno.test("release.yml makes the binary of every target, and tries each on a machine of its kind", async () => {
  const { binaries, smoke } = await readJobs("release.yml");
  const made = binaries?.strategy?.matrix.include?.map(({ target, name }) => ({
    triple: target,
    file: name,
  }));
  assert.deepEqual(made, TARGETS);
  const tried = smoke?.strategy?.matrix.include?.map(({ name }) => name);
  assert.deepEqual(tried?.toSorted(), TARGETS.map(({ file }) => file).sort());
});

Deno.test("every action is pinned to a commit, with the version that it is", async () => {
  for (const name of WORKFLOWS) {
    const text = await Deno.readTextFile(`${ROOT}.github/workflows/${name}`);
    for (const [line] of text.matchAll(/uses:.*/g)) {
      assert.match(line, /^uses: [\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
  }
});

Deno.test("the workflows run what there is", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const name of WORKFLOWS) {
    for (const job of Object.values(await readJobs(name))) {
      for (const { run = "", uses } of job.steps) {
        assert.notEqual(run === "", uses === undefined, "a step runs or uses something");
        for (const [, task = ""] of run.matchAll(/deno@2\.9\.6 task (\S+)/g)) assert.ok(task in tasks, task);
        for (const [, file = ""] of run.matchAll(/(\.ci\/\S+)/g)) await Deno.stat(`${ROOT}${file}`);
      }
      for (const taken of stepsOf(job)) assert.ok(STEPS.some((step) => step.name === taken), taken);
    }
  }
});

const VALIDATOR = ["npx", "--yes", "--prefer-offline", "--package=@action-validator/cli@0.6.0"];
const validate = (...args: readonly string[]) =>
  run([...VALIDATOR, "--package=@action-validator/core@0.6.0", "action-validator", ...args], {
    cwd: ROOT,
    // Without a network it is to fail at once.
    env: { npm_config_fetch_retries: "0", npm_config_fetch_timeout: "10000" },
  });
const isAtHand = await validate().then(({ stdout, stderr }) => /Usage/.test(stdout + stderr), () => false);
const VALID = "the workflows are as GitHub's schema and their globs want";
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the runner's output
if (!isAtHand) console.log(skippedLine(VALID, "needs npx and the package @action-validator/cli"));
Deno.test({
  name: VALID,
  ignore: !isAtHand,
  async fn() {
    const broken = await Deno.makeTempDir();
    try {
      for (const name of WORKFLOWS) {
        const text = await Deno.readTextFile(`${ROOT}.github/workflows/${name}`);
        // The validator's schema is older than this permission.
        await Deno.writeTextFile(`${broken}/${name}`, text.replace(/^ +attestations: write\n/m, ""));
        const { code, stdout, stderr } = await validate(`${broken}/${name}`);
        assert.equal(code, 0, stdout + stderr);
      }
      await Deno.writeTextFile(
        `${broken}/broken.yml`,
        "on: push\njobs:\n  one:\n    steps: [{ runs: true }]\n",
      );
      assert.notEqual((await validate(`${broken}/broken.yml`)).code, 0);
    } finally {
      await Deno.remove(broken, { recursive: true });
    }
  },
});
