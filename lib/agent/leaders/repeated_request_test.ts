import assert from "node:assert/strict";
import { type Millis, silentLogger, VirtualTimers } from "../../base/mod.ts";
import type { MemberAnswer, MemberRequest, NodeId } from "../../mesh/mod.ts";
import { MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import type { RequestOutcome } from "./member_requests.ts";
import { askPatiently, PATIENCE_MS } from "./repeated_request.ts";

const DONE: MemberAnswer = { kind: "done" };
const REQUEST: MemberRequest = {
  kind: "endpoint",
  request: { network: "blue", name: "web-2", act: { kind: "remove" } },
};

/** A member that asks its leader, and what comes of each time. */
class Stage {
  readonly #fixture = new MeshFixture(72);
  readonly timers = new VirtualTimers(this.#fixture.clock);
  readonly #leader = this.#fixture.create();
  readonly #member = this.#fixture.join(this.#leader, "m");
  readonly #end = new AbortController();
  /** When it asked, in milliseconds. */
  readonly askedAt: number[] = [];

  now(): Millis {
    return this.#fixture.clock.now();
  }

  stop(): void {
    this.#end.abort();
  }

  /** @returns the answer, after as much time as that takes */
  async ask(
    outcome: (atMs: number) => RequestOutcome,
    leaders: readonly NodeId[] = [this.#leader.identity.id],
  ): Promise<MemberAnswer | undefined> {
    const startedAt = this.now();
    let isDone = false;
    const answer = askPatiently(
      {
        mesh: this.#member,
        clock: this.#fixture.clock,
        timers: this.timers,
        log: silentLogger,
        messages: { send: () => Promise.resolve(true) },
        requests: {
          ended: this.#end.signal,
          ask: () => {
            const atMs = this.now() - startedAt;
            this.askedAt.push(atMs);
            return Promise.resolve(outcome(atMs));
          },
        },
      },
      () => leaders,
      REQUEST,
    ).finally(() => isDone = true);
    for (let i = 0; i < 1_000 && !isDone; i++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!isDone) this.timers.advance(50);
    }
    assert(isDone, "it ends");
    return await answer;
  }
}

Deno.test("askPatiently() asks on while a node that has just started has no link, and takes the first answer", async () => {
  for (const miss of ["unsent", "lost", undefined] as const) {
    const stage = new Stage();
    assert.deepEqual(await stage.ask((atMs) => atMs < 4_000 ? miss : DONE), DONE, miss);
    assert((stage.askedAt.at(-1) ?? Infinity) < 5_100, `${miss}: ${stage.askedAt}`);
  }
});

Deno.test("askPatiently() does not ask again what was refused", async () => {
  const stage = new Stage();
  assert.deepEqual(await stage.ask(() => ({ kind: "refused" })), { kind: "refused" });
  assert.deepEqual(stage.askedAt, [0]);
});

Deno.test("askPatiently() gives up after its time, without leaders at once, and with the node", async () => {
  const stage = new Stage();
  assert.equal(await stage.ask(() => "unsent"), undefined);
  const last = stage.askedAt.at(-1) ?? 0;
  assert(last >= PATIENCE_MS - 1_000 && last <= PATIENCE_MS + 1_000, `${last}`);
  assert(stage.askedAt.length < 20, "it does not spin");

  const alone = new Stage();
  assert.equal(await alone.ask(() => "unsent", []), undefined);
  assert(alone.now() - new Stage().now() <= 100);

  const stopped = new Stage();
  const given = stopped.ask((atMs) => {
    if (atMs > 2_000) stopped.stop();
    return "unsent";
  });
  assert.equal(await given, undefined);
  assert((stopped.askedAt.at(-1) ?? Infinity) < 3_100, `${stopped.askedAt}`);
});
