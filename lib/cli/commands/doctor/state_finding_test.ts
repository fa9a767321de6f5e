import assert from "node:assert/strict";
import { createScratch, expectRun, labTest, mountSmallDisk } from "../../../../tests/lab/mod.ts";
import { SqliteStateStore } from "../../../host/mod.ts";
import { stateFinding, stateTrouble } from "./state_finding.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weft-doctor-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("stateTrouble() judges directories without making them", () =>
  withFolder(async (folder) => {
    assert.equal(await stateTrouble(folder, false), undefined);
    assert.equal(await stateTrouble(`${folder}/a/b`, false), undefined);
    await Deno.writeTextFile(`${folder}/file`, "");
    assert.match((await stateTrouble(`${folder}/file`, false))?.detail ?? "", /no directory/);
    assert.match((await stateTrouble(`${folder}/file/x`, false))?.detail ?? "", /directory/i);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
  }));

Deno.test("stateTrouble() opens the database as a start would, and says what mends it", () =>
  withFolder(async (folder) => {
    const path = `${folder}/weft.db`;
    SqliteStateStore.open(folder).close();
    assert.equal(await stateTrouble(folder, false), undefined);
    const cases: readonly (readonly [string, () => Promise<void>, RegExp, RegExp])[] = [
      [
        "others may write",
        () => Deno.chmod(folder, 0o777),
        /other users can write/,
        /chown -R .* chmod -R go-rwx/,
      ],
      ["damage", () => Deno.truncate(path, 2_048), /damaged/, /weft restore --force/],
      [
        "a foreign file",
        () => Deno.writeTextFile(path, "hello ".repeat(100)),
        /damaged|not one of weft/,
        /restore|another directory/,
      ],
    ];
    const good = await Deno.readFile(path);
    for (const [what, damage, detail, hint] of cases) {
      await damage();
      const finding = stateFinding(folder, await stateTrouble(folder, false));
      assert(finding.kind === "problem", what);
      assert.match(finding.detail, detail, what);
      assert.match(finding.hint, hint, what);
      await Deno.chmod(folder, 0o700);
      await Deno.writeFile(path, good);
    }
    using _held = SqliteStateStore.open(folder);
    assert.equal(await stateTrouble(folder, false), undefined, "an agent that starts is no trouble");
  }));

labTest(
  "stateTrouble() names a file system that is mounted read-only",
  ["linux", "root", "mount"],
  async () => {
    await using scratch = await createScratch("doctor-read-only");
    await using disk = await mountSmallDisk(`${scratch.path}/disk`, 1 << 20);
    SqliteStateStore.open(`${disk.path}/state`).close();
    await expectRun(["mount", "-o", "remount,ro", disk.path]);
    for (const name of ["state", "new"]) {
      const finding = stateFinding(name, await stateTrouble(`${disk.path}/${name}`, false));
      assert(finding.kind === "problem");
      assert.match(finding.detail, /read-only/i, name);
      assert.match(finding.hint, /dmesg/, name);
    }
  },
);
