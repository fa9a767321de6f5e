import assert from "node:assert/strict";
import { parse } from "yaml";
import { ROOT } from "./command.ts";
import { STEPS } from "./mod.ts";
import { TARGETS } from "./targets.ts";

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

Deno.test("release.yml makes the binary of every target, and tries those that it has machines for", async () => {
  const { binaries, smoke } = await readJobs("release.yml");
  const made = binaries?.strategy?.matrix.include?.map(({ target, name }) => ({
    triple: target,
    file: name,
  }));
  assert.deepEqual(made, TARGETS);
  for (const { name } of smoke?.strategy?.matrix.include ?? []) {
    assert.ok(TARGETS.some(({ file }) => file === name), name);
  }
});

Deno.test("ci.yml and release.yml run what there is", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const name of ["ci.yml", "release.yml"]) {
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
