import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { randomUint32, SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { JsonValue } from "../../query/mod.ts";
import type { Commit, CommitPlace, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";
import type { ReplicatedEngine } from "./mod.ts";

const SEEDS = Number(
  Deno.env.get("WEFT_REPLICAS_SEEDS") ?? (Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 2),
);
const FIRST_SEED = Number(Deno.env.get("WEFT_REPLICAS_SEED") ?? 1);
const STEPS = 250;
const LOOK_EACH = 5;
/** Few of each, so that they meet. */
const [COLLECTIONS, KEYS, IDS, ORIGINS] = [["tea", "cups"], ["1", "a/\u{10ffff}", "{ä"], ["i", "j", "'"], [
  "",
  "ann",
]];
const VALUES: readonly JsonValue[] = [
  ...[0, -0, 1e308, 5e-324, 2 ** 53, true, null, "a\0b", "\ud800", "'", [], [1], {}],
  JSON.parse('{"__proto__":1,"":{"n":[]}}'),
];
const QUEUE = { name: "mails", maxAttempts: 2, leaseMs: 400, maxLeaseMs: 900, backoffMs: 50 };

Deno.test(`copies of one log are the same, also of nodes that were started again, ${SEEDS} seeds`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await run(seed);
});

async function run(seed: number) {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  const folders = [0, 1].map(() => Deno.makeTempDirSync({ prefix: "weft-data-" }));
  const open = (at: number) =>
    openReplica(log.connect(timers), timers, { clock, random, copy: new MemoryCopy(folders[at]) });
  const engines = [open(0), open(1)];
  const work = new Work(random);
  try {
    for (const name of COLLECTIONS) await engines[0]?.create({ name, key: "id", index: [] });
    for (let step = 0; step < STEPS; step++) {
      if (work.draw(15) === 0) {
        await engines[1]?.close();
        engines[1] = open(1);
      }
      clock.advance(work.draw(4) === 0 ? work.draw(600) : 0);
      const note = `seed ${seed}, step ${step}`;
      const told = await work.take(engines[work.draw(2)] as ReplicatedEngine).catch((error) => {
        assert.ok(error instanceof DataError && error.code !== "Failed", `${note}: ${error}`);
      });
      if (step % LOOK_EACH > 0) continue;
      for (const engine of engines) await engine.revision("tea").catch(() => {});
      assert.deepEqual(dump(folders[1]), dump(folders[0]), `${note}: ${told}`);
    }
  } finally {
    for (const engine of engines) await engine.close();
    for (const folder of folders) Deno.removeSync(folder, { recursive: true });
  }
}

/** Whatever a node's copy has, but the numbers by which it tells queues apart. */
function dump(folder: string | undefined) {
  using database = new DatabaseSync(`${folder}/copy.db`, { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return tables.map(({ name }) => {
    const rows = database.prepare(`SELECT * FROM "${name}"`).all();
    const isQueues = name === "queues";
    return [
      name,
      rows.map(({ queue: _, number, ...row }) => JSON.stringify(isQueues ? row : { number, ...row })).sort(),
    ];
  });
}

/** Draws what programs ask for, sound and not. */
class Work {
  readonly #random: SeededRandom;
  #leases: string[] = [];
  #revision = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  draw(below: number): number {
    return randomUint32(this.#random) % below;
  }

  /** Asks for something. @returns what that was */
  async take(engine: ReplicatedEngine): Promise<string> {
    const place = this.#of(COLLECTIONS);
    const { queues, prepared } = engine;
    const of = { id: this.#of(IDS), attempt: this.#of(["x", "x", "y"]) };
    const origin = this.#of(ORIGINS);
    const record = { collection: this.#of(COLLECTIONS) };
    const holder = this.#of(["v", "w"]);
    const lease = this.#of(this.#leases) ?? "none";
    const places: CommitPlace[] = COLLECTIONS.map((collection) => ({ collection }));
    switch (this.draw(22)) {
      case 0: {
        if (this.draw(20) === 0) return `drop ${await engine.drop(place)}`;
        const index = this.draw(3) === 0 ? ["n"] : [];
        return `create ${JSON.stringify(await engine.create({ name: place, key: "id", index }))}`;
      }
      case 1: {
        if (this.draw(12) === 0) return `drop ${await queues.drop(QUEUE.name)}`;
        await queues.create({ ...QUEUE, maxBackoffMs: 200, maxLength: 5 + this.draw(5) });
        return "createQueue";
      }
      case 2:
        await prepared.prepare(place, { ...of, origin, record, commit: this.#commit([place]) });
        return "prepare";
      case 3:
        return `finish ${await prepared.finish(place, of, this.#outcome(), this.#of([undefined, origin]))}`;
      case 4:
        return `open ${(await prepared.openRecord(place, { ...of, origin, places })).kind}`;
      case 5:
        return `decide ${await prepared.decide(place, of, origin, this.draw(2) === 0 ? 7 : undefined)}`;
      case 6:
        return `outcome ${await prepared.outcome(place, of)}`;
      case 7:
        await prepared.settle(place, of);
        return "settle";
      case 8: {
        const more = { ...this.draw(2) === 0 && { id: of.id }, ...this.draw(2) === 0 && { orderKey: "k" } };
        const value = { value: this.#of(VALUES), origin, delayMs: this.draw(3) * 100, ...more };
        await queues.push(QUEUE.name, this.draw(3) === 0 ? [value, { ...value, id: `${of.id}2` }] : [value]);
        return "push";
      }
      case 9:
      case 10: {
        const taken = await queues.take(QUEUE.name, { holder, limit: 1 + this.draw(3) });
        this.#leases = [...this.#leases, ...taken.map(({ lease }) => lease)].slice(-6);
        return `take ${taken.length}`;
      }
      case 11: {
        const kind = this.#of(["done", "returned", "failed"] as const);
        const settlement = kind === "failed" ? { kind, lease, error: "no" } : { kind, lease };
        return `settled ${await queues.settle(QUEUE.name, holder, [settlement])}`;
      }
      case 12: {
        if (this.draw(2) === 0) return `renewed ${await queues.renew(QUEUE.name, holder, [lease])}`;
        await queues.keepOnly(QUEUE.name, holder, [lease]);
        return "keepOnly";
      }
      case 13: {
        if (this.draw(2) === 0) return `retried ${await queues.retry(QUEUE.name)}`;
        return `discarded ${await queues.discard(QUEUE.name)}`;
      }
      case 14: {
        const commit = { ...this.#commit(COLLECTIONS), id: of.id, origin };
        return `finished ${JSON.stringify(await queues.commit(QUEUE.name, holder, lease, commit))}`;
      }
      default: {
        const id = this.draw(2) === 0 ? { id: of.id, origin } : {};
        const { revisions } = await engine.commit({ ...this.#commit(COLLECTIONS), ...id });
        this.#revision = Math.max(this.#revision, ...revisions);
        return `commit ${revisions}`;
      }
    }
  }

  #commit(collections: readonly string[]): Commit {
    const some = <T>(most: number, make: () => T) => Array.from({ length: this.draw(most + 1) }, make);
    return {
      reads: some(1, (): ReadMark => ({ ...this.#entry(collections), revision: this.#someRevision() })),
      writes: [this.#write(collections), ...some(2, () => this.#write(collections))],
    };
  }

  #write(collections: readonly string[]): Write {
    const { collection, key } = this.#entry(collections);
    const value = { id: key, n: this.#of(VALUES) };
    const condition = this.draw(3) === 0 ? { ifRevision: this.#someRevision() } : {};
    const kind = this.#of(["put", "put", "post", "patch", "delete"] as const);
    if (kind === "post") return { kind, collection, value };
    if (kind === "put") return { kind, collection, value, ...condition };
    if (kind === "delete") return { kind, collection, key, ...condition };
    return { kind, collection, key, value: { n: this.#of(VALUES) }, ...condition };
  }

  #entry(collections: readonly string[]) {
    return { collection: this.#of(collections), key: this.#of(KEYS) };
  }

  #someRevision(): number {
    return this.draw(3) === 0 ? 0 : Math.max(0, this.#revision - this.draw(4));
  }

  #outcome() {
    return this.#of(["committed", "rolled-back"] as const);
  }

  #of<T>(list: readonly T[]): T {
    return list[this.draw(list.length || 1)] as T;
  }
}
