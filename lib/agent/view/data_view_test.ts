import assert from "node:assert/strict";
import { SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { CallError, peerId, type ServiceReport } from "../../service/mod.ts";
import { DataView } from "./data_view.ts";

type Answer = () => unknown;

/** A mesh that offers what it is told, and answers so. */
class DataFixture {
  readonly clock = new VirtualClock();
  readonly offered = new Map<string, { readonly owners: readonly string[]; readonly isHealthy?: boolean }>();
  readonly answers = new Map<string, Answer>();
  /** The paths that were asked, in order. */
  readonly asked: string[] = [];
  underWay = 0;
  mostUnderWay = 0;
  readonly view = new DataView({
    clock: this.clock,
    timers: new VirtualTimers(this.clock),
    random: new SeededRandom(1),
    services: () =>
      [...this.offered].map(([path, { owners, isHealthy = true }]) =>
        ({
          path,
          providers: owners.map((name) => ({ name, id: peerId(name), isHealthy, state: "running" })),
        }) as unknown as ServiceReport
      ),
    request: async (path) => {
      this.asked.push(path);
      this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
      await settled();
      this.underWay--;
      const answer = this.answers.get(path.slice(0, path.lastIndexOf("/")));
      if (answer === undefined) {
        throw new CallError({ code: "Unreachable", message: "gone", retryable: false, executed: false });
      }
      return answer();
    },
  });

  keep(path: string, state: unknown, owner = "web-1"): void {
    this.offered.set(path, { owners: [owner] });
    this.answers.set(path, () => state);
  }

  /** Asked once more, some seconds later. */
  async look() {
    this.clock.advance(60_000);
    this.view.view();
    for (let quiet = 0, asked = -1; quiet < 30; quiet = asked === this.asked.length ? quiet + 1 : 0) {
      asked = this.asked.length;
      await settled();
    }
    return this.view.view();
  }
}

const settled = () => Promise.resolve();

Deno.test("collections and queues are shown as their keepers say, by name", async () => {
  const fixture = new DataFixture();
  fixture.keep("data/orders", {
    ...{ name: "orders", key: "id", index: ["status"], count: 3, revision: 9, write: "role=web" },
    schema: { version: 2, jsonSchema: {} },
  });
  fixture.keep("queue/mails", { waiting: 3, leased: 1, dead: 2, maxLength: 10, push: "role=web" });
  fixture.keep("data/carts", { name: "carts", key: "id", index: [], count: 0, revision: 0 }, "db-1");
  fixture.keep("math", {});
  assert.deepEqual(fixture.view.view().collections.map(({ name, state }) => [name, state]), [
    ["carts", "asked"],
    ["orders", "asked"],
  ]);
  const { collections, queues } = await fixture.look();
  const at = fixture.clock.wall();
  assert.deepEqual(collections, [
    { name: "carts", owners: ["db-1"], state: "kept", at, entries: 0, revision: 0, key: "id", index: [] },
    {
      ...{ name: "orders", owners: ["web-1"], state: "kept", at, entries: 3, revision: 9, key: "id" },
      ...{ index: ["status"], write: "role=web", schemaVersion: 2 },
    },
  ]);
  assert.deepEqual(queues, [
    { name: "mails", owners: ["web-1"], state: "kept", at, waiting: 3, leased: 1, dead: 2, maxLength: 10 },
  ]);
});

Deno.test("what is away keeps its last figures, and who may not know is told nothing", async () => {
  const fixture = new DataFixture();
  const orders = { name: "orders", key: "id", index: [], count: 3, revision: 9 };
  fixture.keep("data/orders", orders);
  fixture.keep("data/bills", {});
  fixture.answers.set("data/bills", () => {
    throw new CallError({ code: "Refused", message: "no", retryable: false, executed: false });
  });
  const before = await fixture.look();
  assert.deepEqual(before.collections.map(({ name, state, entries }) => [name, state, entries]), [
    ["bills", "refused", undefined],
    ["orders", "kept", 3],
  ]);
  fixture.answers.delete("data/orders");
  const [, after] = (await fixture.look()).collections;
  assert.deepEqual([after?.state, after?.entries, after?.at], ["away", 3, before.collections[1]?.at]);
  // Nobody is asked who does not answer anyway.
  fixture.offered.set("data/orders", { owners: ["web-1"], isHealthy: false });
  fixture.asked.length = 0;
  const [, unhealthy] = (await fixture.look()).collections;
  assert.equal(unhealthy?.state, "away");
  assert.deepEqual(fixture.asked.filter((path) => path.startsWith("data/orders")), []);
  fixture.offered.delete("data/orders");
  assert.deepEqual((await fixture.look()).collections.map(({ name }) => name), ["bills"]);
});

Deno.test("keepers are asked in their time, a few at once, and what they say is bounded", async () => {
  const fixture = new DataFixture();
  for (let i = 0; i < 600; i++) {
    fixture.keep(`queue/q${i}`, { waiting: -1, leased: 1e300, dead: "many", maxLength: 7 });
  }
  fixture.keep("data/x", {
    ...{ name: "x", key: "k".repeat(500), index: Array(99).fill("i"), count: 0.5, revision: {} },
    ...{ read: 7, write: "w".repeat(300), schema: { version: "1" } },
  });
  const { collections, queues } = await fixture.look();
  assert.equal(queues.length, 512);
  assert.deepEqual(Object.keys(queues[0] ?? {}).sort(), ["at", "maxLength", "name", "owners", "state"]);
  assert.deepEqual(Object.keys(collections[0] ?? {}).sort(), ["at", "index", "name", "owners", "state"]);
  assert.equal(collections[0]?.index?.length, 16);
  assert.ok(fixture.mostUnderWay <= 8, `${fixture.mostUnderWay} at once`);
  const asked = fixture.asked.length;
  fixture.clock.advance(20_000);
  fixture.view.view();
  await settled();
  assert.equal(fixture.asked.length, asked, "513 are asked every 26 s");
});
