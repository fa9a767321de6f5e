import assert from "node:assert/strict";
import { createScratch, labTest, mountSmallDisk } from "../../tests/lab/mod.ts";
import { prepareSecretFile, writeWhole } from "./whole_file.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("prepareSecretFile() leaves nothing before it is written, and then a file of its owner", async () => {
  await using scratch = await createScratch("secret-file");
  const path = `${scratch.path}/secret`;
  const file = await prepareSecretFile(path);
  assert.deepEqual(namesIn(scratch.path), []);
  await file.write("secret");
  assert.deepEqual(namesIn(scratch.path), ["secret"]);
  assert.equal(await Deno.readTextFile(path), "secret");
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("prepareSecretFile() overwrites nothing, also what has come since", async () => {
  await using scratch = await createScratch("secret-file");
  const path = `${scratch.path}/secret`;
  const file = await prepareSecretFile(path);
  await Deno.writeTextFile(path, "precious");
  await assert.rejects(file.write("secret"), Deno.errors.AlreadyExists);
  await assert.rejects(prepareSecretFile(path), Deno.errors.AlreadyExists);
  await assert.rejects(prepareSecretFile(`${scratch.path}/none/secret`), Deno.errors.NotFound);
  assert.equal(await Deno.readTextFile(path), "precious");
  assert.deepEqual(namesIn(scratch.path), ["secret"]);
});

Deno.test("writeWhole() replaces a file when it is told to, and no device", async () => {
  await using scratch = await createScratch("whole-file");
  const path = `${scratch.path}/report`;
  await Deno.writeTextFile(path, "former");
  await writeWhole(path, "new", { replaces: true });
  assert.equal(await Deno.readTextFile(path), "new");
  await Deno.symlink("/dev/null", `${scratch.path}/null`);
  await writeWhole(`${scratch.path}/null`, "new", { replaces: true });
  assert.ok((await Deno.lstat(`${scratch.path}/null`)).isSymlink);
  assert.deepEqual(namesIn(scratch.path), ["null", "report"]);
});

labTest("writeWhole() leaves nothing of a file that finds no room", ["linux", "root", "mount"], async () => {
  await using scratch = await createScratch("whole-file-full");
  await using disk = await mountSmallDisk(`${scratch.path}/disk`, 64 << 10);
  const path = `${disk.path}/report`;
  await Deno.writeTextFile(path, "former");
  for (const [name, replaces] of [["other", false], ["report", true]] as const) {
    const written = writeWhole(`${disk.path}/${name}`, new Uint8Array(1 << 20), { replaces });
    await assert.rejects(written, /No space left/);
  }
  assert.equal(await Deno.readTextFile(path), "former");
  assert.deepEqual(namesIn(disk.path), ["report"]);
});
