/**
 * The steps of a release, in their order: first everything that can fail and hurts nobody, then what others see. A version
 * of the package can never be taken back, so it comes behind a draft that holds all files, and the draft becomes public
 * last: whatever fails, no release is announced that is not whole. Every step may be repeated.
 * @module
 */

import { binaryPath, compile, COMPILER_VARIABLE } from "./compile.ts";
import { hasProgram, outputOf, ROOT, run, Skipped } from "./command.ts";
import { SUMS_FILE, writeCheckSums } from "./check_sums.ts";
import {
  archiveName,
  BILL_FILE,
  billOfMaterials,
  debName,
  homebrewFormula,
  MACHINES,
  makeArchive,
  makeDeb,
  makeRpm,
  nixExpression,
  rpmName,
} from "./packaging/mod.ts";
import { smokeTest } from "./smoke.ts";
import { type Target, targetOf, TARGETS } from "./targets.ts";

/** Where the files of a release are made. */
const DIST = `${ROOT}dist`;

/** What steps are told. */
export interface ReleaseOptions {
  /** Such as `v1.4.0`; undefined when nothing is released. */
  readonly tag?: string | undefined;
  /** The target to compile for; this machine's unless told. */
  readonly target?: string | undefined;
  /** Where the binary goes; `dist` unless told. */
  readonly out?: string | undefined;
}

/** One step. */
export interface Step {
  readonly name: string;
  readonly what: string;
  /** Whether others see it, and it can't be taken back. */
  readonly isPublic: boolean;
  /** @returns what came of it @throws Skipped where this machine can't, Error when it fails */
  run(options: ReleaseOptions): Promise<string>;
}

/** All of them. */
export const STEPS: readonly Step[] = [
  { name: "version", what: "the tag is the version in deno.json", isPublic: false, run: checkVersion },
  { name: "gate", what: "lint and every test", isPublic: false, run: runGate },
  { name: "compile", what: "the binary of one target", isPublic: false, run: compileTarget },
  { name: "smoke", what: "this machine's binary works", isPublic: false, run: trySmoke },
  { name: "archives", what: "each binary with its licence and manual", isPublic: false, run: makeArchives },
  { name: "packages", what: "deb and rpm of each binary for Linux", isPublic: false, run: makePackages },
  { name: "bill", what: `what it is made of: dist/${BILL_FILE}`, isPublic: false, run: writeBill },
  { name: "sums", what: `dist/${SUMS_FILE}`, isPublic: false, run: sumUp },
  {
    name: "recipes",
    what: "dist/weft.rb and dist/weft.nix, by the sums",
    isPublic: false,
    run: writeRecipes,
  },
  { name: "package", what: "the package can be published", isPublic: false, run: tryPackage },
  { name: "draft", what: "a draft of the release, with all files", isPublic: true, run: draftRelease },
  { name: "publish", what: "the package on JSR", isPublic: true, run: publishPackage },
  { name: "image", what: "the image of a rootless node", isPublic: true, run: publishImage },
  { name: "announce", what: "the draft becomes the release", isPublic: true, run: announceRelease },
];

/** @returns the version in deno.json */
export async function packageVersion(): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).version;
}

async function checkVersion({ tag }: ReleaseOptions): Promise<string> {
  const version = await packageVersion();
  if (tag === undefined) throw new Skipped(`no tag is given; deno.json says ${version}`);
  if (tag !== `v${version}`) throw new Error(`The tag is ${tag}, and deno.json says ${version}`);
  return `${tag} is the version in deno.json`;
}

async function runGate(): Promise<string> {
  await run([`${ROOT}.ci/run`]);
  return "lint and tests have passed";
}

async function compileTarget({ target: triple, out: path }: ReleaseOptions): Promise<string> {
  const target = targetOf(triple);
  const out = path ?? binaryPath(target);
  await compile(target, out);
  const { size } = await Deno.stat(new URL(out, `file://${ROOT}`));
  return `${out} has ${(size / 1e6).toFixed(1)} MB`;
}

async function trySmoke({ target: triple }: ReleaseOptions): Promise<string> {
  const target = targetOf(triple);
  const program = binaryPath(target);
  try {
    await Deno.stat(program);
  } catch {
    throw new Skipped(
      `there is no dist/${target.file}; the step compile makes it, by ${COMPILER_VARIABLE} where Deno's can't be had`,
    );
  }
  // Artifacts of a workflow come without it.
  if (Deno.build.os !== "windows") await Deno.chmod(program, 0o755);
  // Another compiler's runtime may be older than the one that serves the page.
  const hasPage = Deno.env.get(COMPILER_VARIABLE) === undefined;
  await smokeTest(await packageVersion(), program, { hasPage });
  const page = hasPage
    ? "one has served its page"
    : `its page was not tried, for ${COMPILER_VARIABLE} is set`;
  return `two nodes of dist/${target.file} have met, and ${page}`;
}

async function makeArchives({ tag }: ReleaseOptions): Promise<string> {
  const version = await packageVersion();
  const made: string[] = [];
  for (const target of await targetsAtHand(tag)) made.push(await makeArchive(target, DIST, version));
  return made.map((path) => `made ${path.slice(ROOT.length)}`).join("\n");
}

async function makePackages({ tag }: ReleaseOptions): Promise<string> {
  const version = await packageVersion();
  const tools = await Promise.all(["dpkg-deb", "rpmbuild"].map(hasProgram));
  if (tools.includes(false)) throw new Skipped("it needs dpkg-deb and rpmbuild (packages dpkg and rpm)");
  const made: string[] = [];
  for (const { triple, file } of await targetsAtHand(tag)) {
    if (!triple.endsWith("-linux-gnu")) continue;
    const machine = triple.startsWith("aarch64") ? "arm64" : "x64";
    const given = { program: `${DIST}/${file}`, version, machine, folder: DIST } as const;
    made.push(await makeDeb(given), await makeRpm(given));
  }
  if (made.length === 0) throw new Skipped("dist has no binary for Linux");
  return made.map((path) => `made ${path.slice(ROOT.length)}`).join("\n");
}

async function writeBill(): Promise<string> {
  await Deno.mkdir(DIST, { recursive: true });
  const text = await billOfMaterials(await packageVersion());
  await Deno.writeTextFile(`${DIST}/${BILL_FILE}`, text);
  return `${JSON.parse(text).components.length} components are in dist/${BILL_FILE}`;
}

async function writeRecipes(): Promise<string> {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = Deno.env.toObject();
  if (server === undefined || repository === undefined) {
    throw new Skipped("GITHUB_SERVER_URL and GITHUB_REPOSITORY do not say where the release will be");
  }
  const sums = await Deno.readTextFile(`${DIST}/${SUMS_FILE}`).catch(() => "");
  const place = {
    homepage: `${server}/${repository}`,
    version: await packageVersion(),
    sumOf(file: string): string {
      const line = sums.split("\n").find((each) => each.endsWith(`  ${file}`));
      if (line === undefined) throw new Error(`dist/${SUMS_FILE} does not have ${file}`);
      return line.slice(0, 64);
    },
  };
  await Deno.writeTextFile(`${DIST}/weft.rb`, homebrewFormula(place));
  await Deno.writeTextFile(`${DIST}/weft.nix`, nixExpression(place));
  return "made dist/weft.rb\nmade dist/weft.nix";
}

/** The targets whose binaries are in dist. @throws Skipped without any, Error when a release lacks one */
async function targetsAtHand(tag: string | undefined): Promise<readonly Target[]> {
  await Deno.mkdir(DIST, { recursive: true });
  const files = [...Deno.readDirSync(DIST)].map(({ name }) => name);
  const missing = TARGETS.filter(({ file }) => !files.includes(file)).map(({ file }) => file);
  if (tag !== undefined && missing.length > 0) throw new Error(`Missing in dist: ${missing.join(", ")}`);
  if (missing.length === TARGETS.length) throw new Skipped("dist has no binary");
  return TARGETS.filter(({ file }) => files.includes(file));
}

async function sumUp({ tag }: ReleaseOptions): Promise<string> {
  await targetsAtHand(tag);
  return (await writeCheckSums(DIST)).trimEnd();
}

async function tryPackage(): Promise<string> {
  await run([Deno.execPath(), "publish", "--dry-run"]);
  return "nothing is uncommitted, and the types are fast";
}

async function draftRelease({ tag }: ReleaseOptions): Promise<string> {
  const named = await publicTag(tag);
  const files = releaseFiles(await packageVersion()).map((file) => `dist/${file}`);
  const state = await releaseState(named);
  if (state === "public") return `${named} is public already`;
  if (state === "draft") await run(["gh", "release", "upload", named, "--clobber", ...files]);
  else await run(["gh", "release", "create", named, "--draft", "--verify-tag", "--generate-notes", ...files]);
  return `${named} is a draft`;
}

/** What a release consists of. */
function releaseFiles(version: string): readonly string[] {
  return [
    ...TARGETS.map(({ file }) => file),
    ...TARGETS.map((target) => archiveName(target, version)),
    ...MACHINES.flatMap((machine) => [debName(version, machine), rpmName(version, machine)]),
    ...[BILL_FILE, SUMS_FILE, "weft.rb", "weft.nix"],
  ];
}

async function publishPackage({ tag }: ReleaseOptions): Promise<string> {
  const named = await publicTag(tag);
  // A version that is there already is left as it is.
  await run([Deno.execPath(), "publish"]);
  return `${named} is on JSR`;
}

async function publishImage({ tag }: ReleaseOptions): Promise<string> {
  const named = await publicTag(tag);
  const { GITHUB_REPOSITORY: repository } = Deno.env.toObject();
  if (repository === undefined || !await hasProgram("docker")) {
    throw new Error("The image needs the program docker, and GITHUB_REPOSITORY for its name");
  }
  await Deno.mkdir(`${DIST}/image/state`, { recursive: true });
  for (const [machine, file] of [["amd64", "weft-linux-x64"], ["arm64", "weft-linux-arm64"]]) {
    await Deno.copyFile(`${DIST}/${file}`, `${DIST}/image/weft-${machine}`);
  }
  const image = `ghcr.io/${repository.toLowerCase()}`;
  await run([
    ...["docker", "buildx", "build", "--platform", "linux/amd64,linux/arm64", "--push", "--provenance=true"],
    ...["--tag", `${image}:${named.slice(1)}`, "--tag", `${image}:latest`],
    ...["--file", "scripts/release/packaging/Dockerfile", "dist"],
  ]);
  return `${image}:${named.slice(1)} is there`;
}

async function announceRelease({ tag }: ReleaseOptions): Promise<string> {
  const named = await publicTag(tag);
  await run(["gh", "release", "edit", named, "--draft=false"]);
  return `${named} is public`;
}

/** @returns the tag of a release that others are to see @throws Error when it is none */
async function publicTag(tag: string | undefined): Promise<string> {
  if (tag === undefined) throw new Error("A step that others see needs --tag");
  await checkVersion({ tag });
  if (!await hasProgram("gh")) throw new Error("A step that others see needs the program gh");
  return tag;
}

async function releaseState(tag: string): Promise<"none" | "draft" | "public"> {
  try {
    const { isDraft } = JSON.parse(await outputOf(["gh", "release", "view", tag, "--json", "isDraft"]));
    return isDraft ? "draft" : "public";
  } catch {
    return "none";
  }
}
