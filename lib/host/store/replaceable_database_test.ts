import assert from "node:assert/strict";
import type { DatabaseFile } from "./sqlite_file.ts";
import { ReplaceableDatabase } from "./replaceable_database.ts";

const FILE: DatabaseFile = {
  name: "copy.db",
  applicationId: 0x77667463,
  schemaVersion: 1,
  schema: "CREATE TABLE t (n INTEGER)",
  isCheckedWhole: false,
};

Deno.test("ReplaceableDatabase: an image of one takes the place of another, and is for its owner alone", async () => {
  const dir = await Deno.makeTempDir({ prefix: "weft-replaceable-" });
  try {
    const [one, other] = ["one", "other"].map((name) => new ReplaceableDatabase(`${dir}/${name}`, FILE));
    assert.ok(one !== undefined && other !== undefined);
    const database = one.open();
    for (let n = 0; n < 1_000; n++) database.prepare("INSERT INTO t VALUES (?)").run(n);
    const before = other.open();
    before.exec("INSERT INTO t VALUES (-1)");
    before.close();
    await other.replace(one.image());
    const after = other.open();
    assert.deepEqual({ ...after.prepare("SELECT COUNT(*) AS n, MIN(n) AS least FROM t").get() }, {
      n: 1_000,
      least: 0,
    });
    assert.equal((await Deno.stat(`${dir}/other/copy.db`)).mode ?? 0 & 0o777, 0o100600);
    database.exec("INSERT INTO t VALUES (1000)");
    after.exec("INSERT INTO t VALUES (1000)");
    database.close();
    after.close();
    const names = Array.from(Deno.readDirSync(`${dir}/other`), ({ name }) => name);
    assert.deepEqual(names.filter((name) => /new|image/.test(name)), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("ReplaceableDatabase: an image of a later version is refused by who does not know it, and opened by who does", async () => {
  const dir = await Deno.makeTempDir({ prefix: "weft-replaceable-" });
  try {
    const current = { ...FILE, newestVersion: 2 };
    const one = new ReplaceableDatabase(`${dir}/one`, current);
    const database = one.open();
    const version = () => database.prepare("PRAGMA user_version").get()?.["user_version"];
    assert.equal(version(), 1, "made anew it is one that former releases read");
    database.exec("BEGIN; PRAGMA user_version = 2; INSERT INTO t VALUES (7); COMMIT");
    for (const [name, file] of [["former", FILE], ["current", current]] as const) {
      const other = new ReplaceableDatabase(`${dir}/${name}`, file);
      other.open().close();
      await other.replace(one.image());
      if (file === FILE) assert.throws(() => other.open(), /newer version/);
      else {
        const opened = other.open();
        assert.equal(opened.prepare("SELECT n FROM t").get()?.["n"], 7);
        opened.close();
      }
    }
    database.close();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
