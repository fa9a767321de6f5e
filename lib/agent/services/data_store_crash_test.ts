import assert from "node:assert/strict";
import { announcedRandom, integerBetween, IS_THOROUGH, runAndKill } from "../../../tests/lab/mod.ts";
import { storeProgram } from "./testing/killed_store.ts";

const KILLS = IS_THOROUGH ? 1_000 : 20;
const WRITERS = 8;

/** Counts up eight entries at once, moves between two more, and says each time what was answered. */
const WRITER = `
  await engine.create({ name: "counts", key: "id", index: ["n"] });
  await engine.create({ name: "accounts", key: "id", index: [] });
  const text = "x".repeat(1500);
  const value = async (collection, key) => (await engine.get(collection, [key]))[0]?.value ?? { id: key, n: 0 };
  const count = async (id) => {
    for (let { n } = await value("counts", id);; n++) {
      const put = { kind: "put", collection: "counts", value: { id, n: n + 1, text } };
      await engine.commit({ reads: [], writes: [put] });
      say(id + " " + (n + 1));
    }
  };
  const move = async () => {
    for (;;) {
      const [a, b] = [await value("accounts", "a"), await value("accounts", "b")];
      const writes = [{ ...a, n: a.n - 1 }, { ...b, n: b.n + 1 }];
      const put = (value) => ({ kind: "put", collection: "accounts", value });
      await engine.commit({ reads: [], writes: writes.map(put), id: "move-" + (b.n + 1) });
      say("b " + (b.n + 1));
    }
  };
  for (let i = 0; i < ${WRITERS}; i++) count("k" + i);
  move();
`;

Deno.test(`collections lose nothing that was answered when their process is killed, ${KILLS} times`, async () => {
  const random = announcedRandom("WEFT_DATA_CRASH_SEED");
  using program = storeProgram(WRITER);
  const answered = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    await runAndKill(program.script, [program.stateDir], integerBetween(random, 1, 150), (line) => {
      const [key = "", n = ""] = line.split(" ");
      answered.set(key, Number(n));
    });
    const engine = program.open();
    const entries = await engine.list("counts", { limit: 100 });
    for (const { key, value } of entries) {
      const [stored, said] = [Number(value["n"]), answered.get(key) ?? 0];
      assert.ok(stored >= said, `kill ${kill}: ${key} was answered at ${said}, and is at ${stored}`);
      // At most the one that was under way.
      assert.ok(stored <= said + 1, `kill ${kill}: ${key} is at ${stored}, and was written up to ${said}`);
      answered.set(key, stored);
    }
    const [a, b] = (await engine.get("accounts", ["a", "b"])).map((entry) => Number(entry?.value["n"] ?? 0));
    assert.equal((a ?? 0) + (b ?? 0), 0, "a transaction is torn");
    assert.ok((b ?? 0) >= (answered.get("b") ?? 0));
    // Under its id it is known to have happened, and the next one is not.
    if (b) assert.equal(await engine.transaction(`move-${b}`), "committed");
    assert.equal(await engine.transaction(`move-${(b ?? 0) + 1}`), undefined);
    answered.set("b", b ?? 0);
    const { revision } = await engine.describe("counts");
    const last = await engine.changes("counts", Math.max(0, revision - 5), 10);
    if (entries.length > 0) assert.equal(last.at(-1)?.revision, revision);
    await engine.close();
  }
  assert.ok((answered.get("k0") ?? 0) > 0);
});
