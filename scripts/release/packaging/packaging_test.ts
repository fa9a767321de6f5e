import assert from "node:assert/strict";
import { createScratch, expectRun, labTest, run, type Scratch } from "../../../tests/lab/mod.ts";
import { PACKAGE_FOLDERS } from "../../house/layers.ts";
import { ROOT } from "../command.ts";
import { targetOf, TARGETS } from "../targets.ts";
import {
  archiveName,
  billOfMaterials,
  homebrewFormula,
  type LinuxPackage,
  makeArchive,
  makeDeb,
  makeRpm,
  nixExpression,
  type ReleasePlace,
} from "./mod.ts";

const PACKAGED = [
  "/usr/bin/weft",
  "/usr/lib/systemd/system/weft.service",
  "/usr/share/bash-completion/completions/weft",
  "/usr/share/doc/weft/README.md",
  "/usr/share/doc/weft/copyright",
  "/usr/share/fish/vendor_completions.d/weft.fish",
];

/** A program of a few bytes in place of a binary; whether a binary works is another matter. */
async function program(scratch: Scratch, name = "weft"): Promise<string> {
  const path = `${scratch.path}/${name}`;
  await Deno.writeTextFile(path, "#!/bin/sh\necho packaged\n", { mode: 0o755 });
  return path;
}

const linuxPackage = async (scratch: Scratch, version: string): Promise<LinuxPackage> => ({
  program: await program(scratch),
  version,
  machine: "x64",
  folder: scratch.path,
});

labTest("makeArchive() has the program, licence, manual and completions, and is the same each time", [
  "linux",
  "zip",
  "unzip",
], async () => {
  await using scratch = await createScratch("archives");
  for (const triple of ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc"]) {
    const target = targetOf(triple);
    await program(scratch, target.file);
    const path = await makeArchive(target, scratch.path, "1.2.3");
    const first = await Deno.readFile(path);
    assert.deepEqual(await Deno.readFile(await makeArchive(target, scratch.path, "1.2.3")), first);
    const isZip = path.endsWith(".zip");
    await expectRun(
      isZip ? ["unzip", "-q", path, "-d", scratch.path] : ["tar", "xzf", path, "-C", scratch.path],
    );
    const folder = path.replace(/\.(zip|tar\.gz)$/, "");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(
      names,
      ["LICENSE", "README.md", "completions", isZip ? "weft.exe" : "weft", "weft.1"].sort(),
    );
    if (!isZip) assert.equal((await run([`${folder}/weft`])).stdout, "packaged\n");
    assert.deepEqual(await Deno.readFile(`${folder}/LICENSE`), await Deno.readFile(`${ROOT}LICENSE`));
  }
});

Deno.test("archiveName() tells the targets apart", () => {
  const names = TARGETS.map((target) => archiveName(target, "1.2.3"));
  assert.equal(new Set(names).size, TARGETS.length);
  assert.equal(names[0], "weft-1.2.3-linux-x64.tar.gz");
  assert.equal(names.at(-1), "weft-1.2.3-windows-x64.zip");
});

labTest("makeDeb() makes a package that dpkg unpacks", ["linux", "dpkg-deb", "gzip"], async () => {
  await using scratch = await createScratch("deb");
  const path = await makeDeb(await linuxPackage(scratch, "1.2.3"));
  assert.match(path, /weft_1\.2\.3_amd64\.deb$/);
  const out = `${scratch.path}/out`;
  await expectRun(["dpkg-deb", "-x", path, out]);
  for (const file of PACKAGED) await Deno.stat(`${out}${file}`);
  assert.equal((await run([`${out}/usr/bin/weft`])).stdout, "packaged\n");
  const unit = await Deno.readTextFile(`${out}/usr/lib/systemd/system/weft.service`);
  assert.match(unit, /^ExecStart=\/usr\/bin\/weft up --state \/var\/lib\/weft$/m);
  const { uid, mode } = await Deno.stat(`${out}/usr/bin`);
  assert.equal((mode ?? 0) & 0o777, 0o755);
  assert.equal(uid, Deno.uid() === 0 ? 0 : Deno.uid());
  assert.match(await expectRun(["dpkg-deb", "-I", path]), /Architecture: amd64\n/);
});

labTest("makeRpm() makes a package with the same files", ["linux", "rpmbuild", "rpm"], async () => {
  await using scratch = await createScratch("rpm");
  // A version before the release sorts below it, in RPM's own way.
  const path = await makeRpm(await linuxPackage(scratch, "1.2.3-rc.1"));
  const files = (await expectRun(["rpm", "-qlp", path])).trim().split("\n");
  for (const file of PACKAGED) assert.ok(files.includes(file), file);
  assert.equal(
    (await expectRun(["rpm", "-qp", "--qf", "%{VERSION} %{ARCH}", path])).trim(),
    "1.2.3~rc.1 x86_64",
  );
});

Deno.test("billOfMaterials() has each package that the program is made of, with its licence, and no other", async () => {
  const text = await billOfMaterials("1.2.3");
  const bill = JSON.parse(text);
  const names: readonly string[] = bill.components.map(({ name }: { name: string }) => name);
  for (const [name, folders] of PACKAGE_FOLDERS) {
    // Types are gone when it runs, and what enters at no folder is for tests.
    const [whole = name] = /^(?:@[^/]+\/)?[^/]+/.exec(name) ?? [];
    assert.equal(names.includes(whole), folders.length > 0 && !name.startsWith("@types/"), name);
  }
  for (const name of ["fast-check", "bittorrent-dht", "assemblyscript"]) {
    assert.ok(!names.includes(name), name);
  }
  const refs = new Set(bill.components.map((each: Record<string, string>) => each["bom-ref"]));
  for (const { ref, dependsOn } of bill.dependencies) {
    assert.ok(ref === "weft" || refs.has(ref), ref);
    for (const each of dependsOn) assert.ok(refs.has(each), each);
  }
  for (const { name, licenses, hashes } of bill.components) {
    assert.match(licenses[0].license?.id ?? licenses[0].expression, /^\(?[A-Za-z0-9]/, name);
    if (name !== "deno") assert.match(hashes[0].content, /^[0-9a-f]{128}$/, name);
  }
  assert.equal(await billOfMaterials("1.2.3"), text);
});

const place: ReleasePlace = {
  homepage: "https://git.example/weft/weft",
  version: "1.2.3",
  sumOf: (file) => file.length.toString(16).padStart(64, "0"),
};

Deno.test("the recipes name every archive of theirs with its sum, and nothing without one", () => {
  for (const recipe of [homebrewFormula, nixExpression]) {
    const text = recipe(place);
    for (const target of TARGETS.filter(({ file }) => !file.endsWith(".exe"))) {
      const file = archiveName(target, "1.2.3");
      assert.ok(text.includes(`"${place.homepage}/releases/download/v1.2.3/${file}"`), file);
      assert.ok(text.includes(`"${place.sumOf(file)}"`), file);
    }
    const without = { ...place, sumOf: (file: string): string => assert.fail(`no sum of ${file}`) };
    assert.throws(() => recipe(without), /no sum of weft-1\.2\.3-/);
  }
});

labTest("Nix reads the expression", ["nix-instantiate"], async () => {
  await using scratch = await createScratch("nix");
  await Deno.writeTextFile(`${scratch.path}/weft.nix`, nixExpression(place));
  const env = {
    HOME: scratch.path,
    NIX_STATE_DIR: `${scratch.path}/var`,
    NIX_STORE_DIR: `${scratch.path}/store`,
  };
  await expectRun(["nix-instantiate", "--parse", `${scratch.path}/weft.nix`], { env });
});

labTest("Ruby reads the formula", ["ruby"], async () => {
  await using scratch = await createScratch("ruby");
  await Deno.writeTextFile(`${scratch.path}/weft.rb`, homebrewFormula(place));
  assert.match(await expectRun(["ruby", "-c", `${scratch.path}/weft.rb`]), /Syntax OK/);
});
