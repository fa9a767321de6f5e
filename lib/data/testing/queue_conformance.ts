/**
 * What every engine of queues does, as tests.
 * @module
 */

import assert from "node:assert/strict";
import type { JsonValue } from "../../query/mod.ts";
import { MAX_BATCH, MAX_ID_LENGTH, MAX_MESSAGE_BYTES } from "../bounds.ts";
import type { DataEngine } from "../engine.ts";
import type { Delivery, NewMessage, QueueEngine, QueueSpec, Settlement } from "../queue_engine.ts";
import { fails } from "./conformance.ts";

/** Opens an engine without queues, and after `close` the same one again. */
export interface QueueEngineSample extends AsyncDisposable {
  open(): Promise<DataEngine & { readonly queues: QueueEngine }>;
  /** Lets time pass for the engine, by waiting where it runs by a real clock. */
  pass(ms: number): Promise<void>;
}

/** Short times, for engines that run by a real clock. */
const LEASE_MS = 400;
const BACKOFF_MS = 100;
const MAILS: QueueSpec = {
  name: "mails",
  maxAttempts: 3,
  leaseMs: LEASE_MS,
  maxLeaseMs: 1_000,
  backoffMs: BACKOFF_MS,
  maxBackoffMs: 400,
  maxLength: 20,
};
/** Beyond any rounding of times. */
const MORE_MS = 150;

/** What a test has of an engine. */
interface Tested {
  readonly engine: DataEngine & { readonly queues: QueueEngine };
  readonly queues: QueueEngine;
  readonly pass: (ms: number) => Promise<void>;
  /** Closes it, and opens it again. */
  again(): Promise<Tested>;
}

/**
 * Tests what all engines promise.
 * @param name of the engine
 * @param isDurable whether it can be opened again
 * @param register of a test that the machine may lack something for
 */
export function testQueueEngine(
  name: string,
  sample: () => Promise<QueueEngineSample>,
  isDurable = true,
  register: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  const test = (what: string, run: (tested: Tested) => Promise<void>) =>
    register(`${name}: ${what}`, async () => {
      await using opened = await sample();
      let engine = await opened.open();
      const tested = (): Tested => ({
        engine,
        queues: engine.queues,
        pass: (ms) => opened.pass(ms),
        again: async () => {
          await engine.close();
          engine = await opened.open();
          return tested();
        },
      });
      try {
        await tested().queues.create(MAILS);
        await run(tested());
      } finally {
        await engine.close();
      }
    });

  test("messages are taken in the order of their pushes, each once, and are gone when done", async ({ queues }) => {
    const numbers = await push(queues, "a", { to: "b" }, ["c"], null, 5);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    const [first, second] = await take(queues, "w1", 2);
    assert.deepEqual([first?.value, second?.value], ["a", { to: "b" }]);
    assert.deepEqual([first?.number, first?.attempt], [numbers[0], 1]);
    assert.ok(first !== undefined && first.leaseMs > 0 && first.leaseMs <= LEASE_MS, `${first?.leaseMs}`);
    const rest = await take(queues, "w2", 10);
    assert.deepEqual(rest.map(({ value }) => value), [["c"], null, 5]);
    assert.deepEqual(await take(queues, "w2", 10), []);
    assert.deepEqual(counts(await queues.describe("mails")), { waiting: 0, leased: 5, dead: 0 });
    assert.deepEqual(await done(queues, "w1", first, second), [true, true]);
    assert.deepEqual(await done(queues, "w1", first), [false], "once");
    assert.deepEqual(await done(queues, "w1", ...rest), [false, false, false], "only its holder settles");
    assert.deepEqual(await done(queues, "w2", ...rest), [true, true, true]);
    assert.deepEqual(counts(await queues.describe("mails")), { waiting: 0, leased: 0, dead: 0 });
  });

  test("under an id a message is pushed once, also when it is gone", async ({ queues }) => {
    const [first] = await queues.push("mails", [{ value: 1, id: "mail-1" }]);
    const [again] = await queues.push("mails", [{ value: 2, id: "mail-1" }]);
    assert.deepEqual(again, { number: first?.number, isRepeated: true });
    const taken = await take(queues, "w", 5);
    assert.deepEqual(taken.map(({ value, id }) => [value, id]), [[1, "mail-1"]]);
    await done(queues, "w", ...taken);
    assert.equal((await queues.push("mails", [{ value: 3, id: "mail-1" }]))[0]?.isRepeated, true);
    assert.deepEqual(await take(queues, "w", 5), []);
    await queues.create({ ...MAILS, name: "others" });
    assert.equal((await queues.push("others", [{ value: 1, id: "mail-1" }]))[0]?.isRepeated, false);
  });

  test("an id that a database does not keep as it is, is none", async ({ queues }) => {
    for (const id of ["a\0b", "\ud800", "", "a".repeat(MAX_ID_LENGTH + 1)]) {
      await fails("InvalidKey", queues.push("mails", [{ value: 1, id }]));
    }
    await push(queues, 1);
    await done(queues, "w", ...await take(queues, "w"));
  });

  test("a lease that is not renewed ends, and whoever has lost it changes nothing", async ({ queues, engine, pass }) => {
    await engine.create({ name: "sent", key: "id", index: [] });
    await push(queues, 1);
    const [lost] = await take(queues, "w1");
    await pass(LEASE_MS + MORE_MS);
    const [now] = await take(queues, "w2");
    assert.deepEqual([now?.value, now?.attempt], [1, 2]);
    assert.notEqual(now?.lease, lost?.lease);
    assert.deepEqual(await queues.renew("mails", "w1", [lost?.lease ?? ""]), [false]);
    assert.deepEqual(await done(queues, "w1", lost), [false]);
    assert.deepEqual(await failed(queues, "w1", lost), [false]);
    await fails("LeaseLost", queues.commit("mails", "w1", lost?.lease ?? "", commitOf("c1")));
    assert.deepEqual(await engine.get("sent", ["c1"]), [undefined]);
    assert.deepEqual(await done(queues, "w2", now), [true]);
    assert.deepEqual(await take(queues, "w1"), []);
  });

  test("a lease that is renewed goes on, but not for ever", async ({ queues, pass }) => {
    await push(queues, 1);
    const [taken] = await take(queues, "w1");
    const lease = taken?.lease ?? "";
    for (let i = 0; i < 2; i++) {
      await pass(LEASE_MS / 2 + MORE_MS);
      assert.deepEqual(await queues.renew("mails", "w1", [lease]), [true], `${i}`);
      assert.deepEqual(await take(queues, "w2"), []);
    }
    await pass(LEASE_MS);
    await queues.renew("mails", "w1", [lease]);
    await pass(MORE_MS);
    assert.equal((await take(queues, "w2"))[0]?.attempt, 2, "maxLeaseMs");
  });

  test("what fails comes again after a while, longer each time, and is dead in the end", async ({ queues, pass }) => {
    const [number] = await push(queues, "poison");
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [taken] = await take(queues, "w");
      assert.equal(taken?.attempt, attempt);
      assert.deepEqual(await failed(queues, "w", taken), [true]);
      assert.deepEqual(await take(queues, "w"), [], "not at once");
      const due = await queues.untilDueMs("mails");
      if (attempt < 3) {
        assert.ok(due !== undefined && due > 0 && due <= BACKOFF_MS * 2 ** (attempt - 1), `${due}`);
      }
      await pass(BACKOFF_MS * 2 ** (attempt - 1) + MORE_MS);
    }
    assert.deepEqual(await take(queues, "w"), []);
    assert.deepEqual(counts(await queues.describe("mails")), { waiting: 0, leased: 0, dead: 1 });
    const [letter] = await queues.deadLetters("mails", { limit: 10 });
    assert.deepEqual(
      [letter?.number, letter?.value, letter?.attempts, letter?.error],
      [number, "poison", 3, "no luck"],
    );
    assert.deepEqual(await queues.deadLetters("mails", { after: number ?? 0, limit: 10 }), []);
    assert.equal(await queues.retry("mails", [(number ?? 0) + 1]), 0);
    assert.equal(await queues.retry("mails", [number ?? 0]), 1);
    const [again] = await take(queues, "w");
    assert.deepEqual([again?.number, again?.attempt], [number, 1]);
    const final: Settlement = { kind: "failed", lease: again?.lease ?? "", error: "never", isFinal: true };
    assert.deepEqual(await queues.settle("mails", "w", [final]), [true]);
    assert.equal((await queues.deadLetters("mails", { limit: 10 }))[0]?.error, "never");
    assert.equal(await queues.discard("mails"), 1);
    assert.deepEqual(counts(await queues.describe("mails")), { waiting: 0, leased: 0, dead: 0 });
  });

  test("a worker that says nothing for as many times as there are is a dead letter's reason, too", async ({ queues, pass }) => {
    await push(queues, 1);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal((await take(queues, "w"))[0]?.attempt, attempt);
      await pass(LEASE_MS + MORE_MS);
    }
    assert.deepEqual(await take(queues, "w"), []);
    assert.match((await queues.deadLetters("mails", { limit: 1 }))[0]?.error ?? "", /lease/);
  });

  test("what was not begun comes again at once, and does not count", async ({ queues }) => {
    await push(queues, 1, 2);
    const [first, second] = await take(queues, "w", 2);
    await queues.settle("mails", "w", [{ kind: "returned", lease: first?.lease ?? "" }]);
    const [again] = await take(queues, "v");
    assert.deepEqual([again?.value, again?.attempt], [1, 1]);
    // What an answer has carried that never arrived.
    await queues.keepOnly("mails", "w", []);
    await queues.keepOnly("mails", "v", [again?.lease ?? ""]);
    assert.deepEqual((await take(queues, "v", 5)).map(({ value, attempt }) => [value, attempt]), [[2, 1]]);
    assert.deepEqual(await done(queues, "w", second), [false]);
    assert.deepEqual(await done(queues, "v", again), [true]);
  });

  test("a delayed message waits for its time, and others overtake it", async ({ queues, pass }) => {
    await queues.push("mails", [{ value: "late", delayMs: 500 }, { value: "now" }]);
    const [now, ...others] = await take(queues, "w", 5);
    assert.deepEqual([now?.value, others.length], ["now", 0]);
    await done(queues, "w", now);
    const due = await queues.untilDueMs("mails");
    assert.ok(due !== undefined && due > 0 && due <= 500, `${due}`);
    await pass(500 + MORE_MS);
    assert.deepEqual((await take(queues, "w", 5)).map(({ value }) => value).at(0), "late");
  });

  test("messages of one order key come one at a time and in their order, whatever becomes of them", async ({ queues, pass }) => {
    const keyed = (value: JsonValue, orderKey: string): NewMessage => ({ value, orderKey });
    await queues.push("mails", [keyed("a1", "a"), keyed("a2", "a"), keyed("b1", "b"), keyed("a3", "a")]);
    const [a1, b1, ...none] = await take(queues, "w", 10);
    assert.deepEqual([a1?.value, b1?.value, a1?.orderKey, none.length], ["a1", "b1", "a", 0]);
    await failed(queues, "w", a1);
    assert.deepEqual(await take(queues, "w", 10), [], "the next one waits for the first to come again");
    await pass(BACKOFF_MS + MORE_MS);
    const [again] = await take(queues, "w", 10);
    assert.deepEqual([again?.value, again?.attempt], ["a1", 2]);
    await done(queues, "w", again);
    const [a2] = await take(queues, "w", 10);
    assert.equal(a2?.value, "a2");
    await queues.settle("mails", "w", [{
      ...{ kind: "failed", error: "no", isFinal: true },
      lease: a2?.lease ?? "",
    }]);
    const [a3] = await take(queues, "w", 10);
    assert.equal(a3?.value, "a3", "a dead letter holds up nobody");
    await queues.retry("mails");
    assert.deepEqual(await take(queues, "w", 10), [], "and waits for who has its key now");
    await done(queues, "w", a3);
    assert.equal((await take(queues, "w", 10))[0]?.value, "a2");
  });

  test("writes and the end of a delivery happen together, or not at all", async ({ queues, engine }) => {
    await engine.create({ name: "sent", key: "id", index: [] });
    await push(queues, 1, 2);
    const [first, second] = await take(queues, "w", 2);
    const lease = first?.lease ?? "";
    const answer = await queues.commit("mails", "w", lease, commitOf("c1"));
    assert.equal(answer.isRepeated, false);
    assert.equal((await engine.get("sent", ["c1"]))[0]?.revision, answer.revisions[0]);
    assert.deepEqual(await done(queues, "w", first), [false], "it has ended");
    assert.equal((await queues.commit("mails", "w", lease, commitOf("c1"))).isRepeated, true);
    await fails(
      "Conflict",
      queues.commit("mails", "w", second?.lease ?? "", {
        ...commitOf("c2"),
        reads: [{ collection: "sent", key: "c1", revision: 0 }],
      }),
    );
    await fails("LeaseLost", queues.commit("mails", "v", second?.lease ?? "", commitOf("c3")));
    assert.deepEqual(await engine.get("sent", ["c2", "c3"]), [undefined, undefined]);
    assert.deepEqual(await done(queues, "w", second), [true], "it is still there");
  });

  test("an end that writes nothing takes nobody's id", async ({ queues, engine }) => {
    await engine.create({ name: "sent", key: "id", index: [] });
    await push(queues, 1, 2);
    const [first, second] = await take(queues, "w", 2);
    const empty = { id: "later", reads: [], writes: [] };
    await queues.commit("mails", "w", first?.lease ?? "", empty);
    assert.equal((await engine.commit(commitOf("later"))).isRepeated, false);
    await queues.commit("mails", "w", second?.lease ?? "", empty);
    assert.equal((await engine.commit(commitOf("later"))).isRepeated, true, "it is known still");
    await fails("LeaseLost", queues.commit("mails", "w", second?.lease ?? "", empty));
    assert.deepEqual(counts(await queues.describe("mails")), { waiting: 0, leased: 0, dead: 0 });
  });

  test("a queue holds so many messages, and a message so many bytes", async ({ queues }) => {
    await queues.push("mails", Array.from({ length: 20 }, (_, value) => ({ value })));
    await fails("QueueFull", push(queues, 20));
    const [taken] = await take(queues, "w");
    await fails("QueueFull", push(queues, 20));
    await done(queues, "w", taken);
    await push(queues, 20);
    await queues.create({ ...MAILS, maxLength: 30 });
    await fails("TooLarge", push(queues, "x".repeat(MAX_MESSAGE_BYTES)));
    await fails("TooLarge", push(queues, ...Array.from({ length: MAX_BATCH + 1 }, () => 1)));
    await fails("InvalidValue", push(queues, Number.NaN));
    await fails("InvalidValue", push(queues, undefined as unknown as null));
    await fails("InvalidKey", queues.push("mails", [{ value: 1, id: "" }]));
    await fails("InvalidKey", queues.push("mails", [{ value: 1, orderKey: "x".repeat(600) }]));
    await fails("QueueFull", push(queues, ...Array.from({ length: 11 }, () => 1)));
    assert.equal((await queues.describe("mails")).waiting, 20, "all or none");
  });

  test("whoever pushes as much as it can leaves room for the next one, and programs of the owner have all of it", async ({ queues }) => {
    const fill = async (origin: string) => {
      let pushed = 0;
      const filling = (async () => {
        for (;; pushed++) await queues.push("mails", [{ value: pushed, origin }]);
      })();
      await fails("QueueFull", filling);
      return pushed;
    };
    assert.deepEqual([await fill("greedy"), await fill("other"), await fill("third")], [10, 5, 3]);
    const taken = await take(queues, "w", 4);
    await done(queues, "w", ...taken);
    assert.equal(await fill("greedy"), 0, "it has more than is free");
    assert.equal(await fill("other"), 1);
    assert.equal(await fill(""), 5, "all that is left");
  });

  test("a queue that is not there fails, a dropped one is forgotten with its ids", async ({ queues }) => {
    await fails("UnknownQueue", queues.push("none", [{ value: 1 }]));
    await fails("UnknownQueue", queues.take("none", { holder: "w", limit: 1 }));
    await fails("InvalidQueue", queues.create({ ...MAILS, name: "no name" }));
    await fails("InvalidQueue", queues.create({ ...MAILS, maxAttempts: 0 }));
    await queues.push("mails", [{ value: 1, id: "one" }]);
    assert.deepEqual((await queues.queues()).map(({ name }) => name), ["mails"]);
    assert.equal(await queues.drop("mails"), true);
    assert.equal(await queues.drop("mails"), false);
    assert.deepEqual(await queues.queues(), []);
    await queues.create(MAILS);
    assert.equal((await queues.push("mails", [{ value: 2, id: "one" }]))[0]?.isRepeated, false);
    assert.deepEqual((await take(queues, "w", 5)).map(({ value }) => value), [2]);
  });

  test("who follows a queue hears when something is ready", async ({ queues }) => {
    let heard = 0;
    const end = queues.follow("mails", () => heard++);
    await push(queues, 1);
    assert.ok(await within(() => heard > 0));
    const [taken] = await take(queues, "w");
    heard = 0;
    await queues.settle("mails", "w", [{ kind: "returned", lease: taken?.lease ?? "" }]);
    assert.ok(await within(() => heard > 0));
    end();
  });

  test("what was pushed, leased and dead when it was closed is so when it is opened again", async (tested) => {
    if (!isDurable) return;
    await tested.queues.create({ ...MAILS, push: "role=web", work: "role=mailer" });
    await push(tested.queues, "dead", "leased", "waiting");
    const [dead, leased] = await take(tested.queues, "w", 2);
    const final: Settlement = { kind: "failed", lease: dead?.lease ?? "", error: "never", isFinal: true };
    await tested.queues.settle("mails", "w", [final]);
    const { queues, pass } = await tested.again();
    assert.deepEqual(await queues.describe("mails"), {
      ...{ ...MAILS, push: "role=web", work: "role=mailer" },
      ...{ waiting: 1, leased: 1, dead: 1 },
    });
    assert.deepEqual((await take(queues, "v", 5)).map(({ value }) => value), ["waiting"]);
    assert.deepEqual(await done(queues, "w", leased), [true], "the worker has it still");
    await pass(LEASE_MS + MORE_MS);
    const [again] = await take(queues, "v");
    assert.deepEqual([again?.value, again?.attempt], ["waiting", 2]);
  });
}

function counts({ waiting, leased, dead }: { waiting: number; leased: number; dead: number }) {
  return { waiting, leased, dead };
}

async function push(queues: QueueEngine, ...values: JsonValue[]): Promise<number[]> {
  return (await queues.push("mails", values.map((value) => ({ value })))).map(({ number }) => number);
}

function take(queues: QueueEngine, holder: string, limit = 1): Promise<readonly Delivery[]> {
  return queues.take("mails", { holder, limit });
}

function done(queues: QueueEngine, holder: string, ...taken: (Delivery | undefined)[]) {
  return queues.settle("mails", holder, taken.map((one) => ({ kind: "done", lease: one?.lease ?? "" })));
}

function failed(queues: QueueEngine, holder: string, taken: Delivery | undefined) {
  return queues.settle("mails", holder, [{ kind: "failed", lease: taken?.lease ?? "", error: "no luck" }]);
}

function commitOf(id: string) {
  return { id, reads: [], writes: [{ kind: "put", collection: "sent", value: { id } } as const] };
}

/** Waits for what an engine elsewhere tells. */
async function within(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  return condition();
}
