import assert from "node:assert/strict";
import { SeededRandom, type Timers } from "../../base/mod.ts";
import { Backoff, raceDial } from "./dial.ts";

/** Timers that fire only when the test says so. */
class ManualTimers implements Timers {
  readonly #waiting = new Set<() => void>();
  setTimer(_delayMs: number, fire: () => void): () => void {
    this.#waiting.add(fire);
    return () => this.#waiting.delete(fire);
  }
  fireAll(): void {
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const fire of due) fire();
  }
  get size(): number {
    return this.#waiting.size;
  }
}

Deno.test("raceDial() keeps the first answer, discards the second, and leaves no timer", async () => {
  const timers = new ManualTimers();
  const answers = new Map([["slow", Promise.withResolvers<string | undefined>()], [
    "quick",
    Promise.withResolvers<string | undefined>(),
  ]]);
  const discarded: string[] = [];
  const winner = raceDial(["slow", "quick"], {
    timers,
    attempt: (target) => answers.get(target)?.promise ?? Promise.resolve(undefined),
    discard: (connection) => void discarded.push(connection),
  });
  timers.fireAll();
  answers.get("quick")?.resolve("quick connection");
  assert.equal(await winner, "quick connection");
  answers.get("slow")?.resolve("slow connection");
  await answers.get("slow")?.promise;
  await Promise.resolve();
  assert.deepEqual(discarded, ["slow connection"]);
  assert.equal(timers.size, 0);
});

Deno.test("raceDial() goes on at once after a failure and ends with undefined when all failed", async () => {
  const timers = new ManualTimers();
  const tried: number[] = [];
  const winner = await raceDial([1, 2, 3], {
    timers,
    attempt: (target) => {
      tried.push(target);
      return Promise.resolve<string | undefined>(undefined);
    },
    discard: () => assert.fail("nothing to discard"),
  });
  assert.equal(winner, undefined);
  assert.deepEqual(tried, [1, 2, 3]);
  assert.equal(timers.size, 0);
});

Deno.test("raceDial() passes on an attempt's error and aborts the others", async () => {
  const timers = new ManualTimers();
  await assert.rejects(
    raceDial(["only"], {
      timers,
      attempt: () => Promise.reject(new Error("refused")),
      discard: () => {},
    }),
    /refused/,
  );
  assert.equal(timers.size, 0);
});

Deno.test("raceDial() of nothing is undefined", async () => {
  const timers = new ManualTimers();
  assert.equal(
    await raceDial([], { timers, attempt: () => Promise.resolve("x"), discard: () => {} }),
    undefined,
  );
});

Deno.test("Backoff doubles up to half a minute with jitter, and starts over", () => {
  const backoff = new Backoff(new SeededRandom(1));
  let ceilingMs = 500;
  for (let attempt = 0; attempt < 12; attempt++) {
    const delayMs = backoff.nextDelayMs();
    assert.ok(delayMs >= ceilingMs / 2 && delayMs <= ceilingMs, `${delayMs} of ${ceilingMs}`);
    ceilingMs = Math.min(30_000, ceilingMs * 2);
  }
  backoff.reset();
  assert.ok(backoff.nextDelayMs() <= 500);
});
