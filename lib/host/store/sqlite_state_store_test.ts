import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StateError, utf8Bytes } from "../../base/mod.ts";
import { testStateStore } from "../../base/testing/state_store_suite.ts";
import { SqliteStateStore } from "./sqlite_state_store.ts";

testStateStore("SqliteStateStore", (body) =>
  inScratch((dir) => {
    using store = SqliteStateStore.open(dir);
    body(store);
  }));

function inScratch(body: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync({ prefix: "weft-state-" });
  try {
    body(`${dir}/state`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function assertRefused(open: () => unknown, says: RegExp): void {
  assert.throws(open, (error) => {
    assert(error instanceof StateError, String(error));
    assert.match(error.message, says);
    assert.notEqual(error.hint, undefined);
    return true;
  });
}

Deno.test("SqliteStateStore keeps what was written over a restart, readable by its owner only", () => {
  inScratch((dir) => {
    assert.equal(SqliteStateStore.existsIn(dir), false);
    {
      using store = SqliteStateStore.open(dir);
      store.put("a", "key", utf8Bytes("one"));
      for (const { name } of Deno.readDirSync(dir)) {
        assert.equal((Deno.statSync(`${dir}/${name}`).mode ?? 0) & 0o777, 0o600, name);
      }
      assert.equal((Deno.statSync(dir).mode ?? 0) & 0o777, 0o700);
    }
    assert.equal(SqliteStateStore.existsIn(dir), true);
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["weft.db"]);
    Deno.chmodSync(`${dir}/weft.db`, 0o644);
    using store = SqliteStateStore.open(dir);
    assert.deepEqual(store.get("a", "key"), utf8Bytes("one"));
    assert.equal((Deno.statSync(`${dir}/weft.db`).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("SqliteStateStore.open() refuses a state that is open, until it is closed", () => {
  inScratch((dir) => {
    const store = SqliteStateStore.open(dir);
    assertRefused(() => SqliteStateStore.open(dir), /in use by another agent/);
    assert.throws(() => SqliteStateStore.open(dir), { hint: /`weft status` shows .*`weft down` stops/ });
    store.put("a", "key", utf8Bytes("one"));
    store.close();
    store.close();
    assert.throws(() => store.get("a", "key"), TypeError);
    SqliteStateStore.open(dir).close();
  });
});

Deno.test("SqliteStateStore.open() refuses a damaged state and leaves it as it is", () => {
  inScratch((dir) => {
    {
      using store = SqliteStateStore.open(dir);
      for (let i = 0; i < 100; i++) store.put("a", `key-${i}`, new Uint8Array(500).fill(i));
    }
    const path = `${dir}/weft.db`;
    const good = Deno.readFileSync(path);
    const damages: Record<string, Uint8Array> = {
      "no database": utf8Bytes("This is no database.".repeat(500)),
      "a short file": utf8Bytes("x"),
      "half a header": good.slice(0, 50),
      "a damaged first page": good.map((byte, i) => i > 100 && i < 4096 ? 0xa5 : byte),
      "a damaged later page": good.map((byte, i) => i >= 8192 && i < 8292 ? 0xa5 : byte),
      "a file cut within a page": good.slice(0, good.length - 5000),
      "a file cut between pages": good.slice(0, good.length - 8192),
    };
    for (const [name, bytes] of Object.entries(damages)) {
      Deno.writeFileSync(path, bytes);
      assertRefused(() => SqliteStateStore.open(dir), new RegExp(`${dir}: .*damaged`));
      assert.deepEqual(Deno.readFileSync(path), bytes, name);
    }
    Deno.writeFileSync(path, good);
    using store = SqliteStateStore.open(dir);
    assert.equal(store.entries("a").length, 100);
  });
});

Deno.test("SqliteStateStore.open() refuses a database that is not its own", () => {
  const cases: readonly (readonly [sql: string, says: RegExp])[] = [
    ["CREATE TABLE songs (title TEXT)", /not one of weft/],
    ["PRAGMA application_id = 1; CREATE TABLE songs (title TEXT)", /not one of weft/],
    [`PRAGMA application_id = ${0x77656674}; PRAGMA user_version = 2; CREATE TABLE x (y)`, /newer version/],
  ];
  for (const [sql, says] of cases) {
    inScratch((dir) => {
      Deno.mkdirSync(dir);
      const path = `${dir}/weft.db`;
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
      const bytes = Deno.readFileSync(path);
      assertRefused(() => SqliteStateStore.open(dir), says);
      assert.deepEqual(Deno.readFileSync(path), bytes);
    });
  }
});

Deno.test("SqliteStateStore.open() refuses a directory that is a file", () => {
  inScratch((dir) => {
    Deno.writeTextFileSync(dir, "precious");
    assertRefused(() => SqliteStateStore.open(dir), new RegExp(`${dir}: it is not a directory`));
    assertRefused(() => SqliteStateStore.open(`${dir}/below`), /not a directory/);
    assert.equal(Deno.readTextFileSync(dir), "precious");
  });
});

Deno.test("SqliteStateStore.open() refuses a database that is a link, and leaves alone what it leads to", () => {
  inScratch((dir) => {
    Deno.mkdirSync(dir, { mode: 0o700 });
    const target = `${dir}/precious`;
    Deno.writeTextFileSync(target, "precious", { mode: 0o644 });
    Deno.symlinkSync(target, `${dir}/weft.db`);
    assertRefused(() => SqliteStateStore.open(dir), /a link or no plain file/);
    assert.equal(Deno.readTextFileSync(target), "precious");
    assert.equal((Deno.statSync(target).mode ?? 0) & 0o777, 0o644);
    Deno.removeSync(`${dir}/weft.db`);
    // One that leads nowhere would be made where it leads.
    Deno.symlinkSync(`${dir}/nowhere`, `${dir}/weft.db`);
    assertRefused(() => SqliteStateStore.open(dir), /a link or no plain file/);
    assert.throws(() => Deno.statSync(`${dir}/nowhere`), Deno.errors.NotFound);
  });
});

Deno.test("SqliteStateStore.open() changes no mode before it knows that the file is its own", () => {
  inScratch((dir) => {
    Deno.mkdirSync(dir, { mode: 0o700 });
    Deno.writeTextFileSync(`${dir}/weft.db`, "precious".repeat(50), { mode: 0o644 });
    assertRefused(() => SqliteStateStore.open(dir), /damaged/);
    assert.equal((Deno.statSync(`${dir}/weft.db`).mode ?? 0) & 0o777, 0o644);
  });
});

Deno.test("SqliteStateStore.open() refuses a directory to which others can write", () => {
  for (const mode of [0o777, 0o770, 0o1777, 0o702]) {
    inScratch((dir) => {
      Deno.mkdirSync(dir);
      Deno.chmodSync(dir, mode);
      assertRefused(() => SqliteStateStore.open(dir), /other users can write to it/);
      assert.deepEqual([...Deno.readDirSync(dir)], []);
      Deno.chmodSync(dir, 0o755);
      SqliteStateStore.open(dir).close();
    });
  }
});

const needsRoot = Deno.uid() !== 0;
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
if (needsRoot) console.log("skipped: SqliteStateStore.open() refuses another user's: needs root");

Deno.test({
  name: "SqliteStateStore.open() refuses a directory of another user",
  ignore: needsRoot,
  fn: () =>
    inScratch((dir) => {
      Deno.mkdirSync(dir, { mode: 0o700 });
      Deno.chownSync(dir, 65534, 65534);
      assertRefused(() => SqliteStateStore.open(dir), /another user's/);
    }),
});
