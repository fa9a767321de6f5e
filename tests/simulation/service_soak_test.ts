import assert from "node:assert/strict";
import { randomFraction, SeededRandom } from "../../lib/base/mod.ts";
import { CallError, type ServiceDefinition } from "../../lib/service/mod.ts";
import { MemoryMesh, type MemoryNode, type MemoryProgram, settle } from "../../lib/test_mesh/mod.ts";
import { IS_THOROUGH } from "../lab/requirements.ts";

/** `WEFT_SOAK_SEED` asks for one run again, `WEFT_SOAK_MINUTES` for a longer one. */
const SEEDS = Deno.env.has("WEFT_SOAK_SEED") ? [Number(Deno.env.get("WEFT_SOAK_SEED"))] : [1, 2];
const MINUTES = Number(Deno.env.get("WEFT_SOAK_MINUTES") ?? (IS_THOROUGH ? 60 : 3));
const TICK_MS = 250;
const TIMEOUT_MS = 2_000;
/** Calls are looked through every 25 ms, and a node that stands still hears of its deadline when it goes on. */
const LATE_MS = 50;
const LONGEST_FREEZE_MS = 5_000;
/** What was silent is given up, handlers end, and breakers close again. */
const REST_MS = 120_000;
const USUAL = { delayMs: 10, jitterMs: 5 };
const PROVIDERS = ["b", "c", "d"];

/** What has become of one call or event. */
interface Fate {
  readonly what: string;
  readonly begunAt: number;
  ran: number;
  ended: number;
}

/** Nodes that call each other and publish, while everything that can happen to them happens. */
class Soak {
  readonly mesh: MemoryMesh;
  readonly #random: SeededRandom;
  readonly #fates = new Map<number, Fate>();
  readonly #open = new Set<Promise<void>>();
  readonly #programs = new Map<MemoryNode, MemoryProgram>();
  readonly problems: string[] = [];
  readonly counts = { calls: 0, failed: 0, events: 0, items: 0, abuse: 0 };
  #number = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.mesh = new MemoryMesh(seed);
    for (const name of ["a", ...PROVIDERS, "e"]) this.mesh.add(name);
  }

  get nodes(): readonly MemoryNode[] {
    return [...this.mesh.nodes.values()];
  }

  async start(): Promise<void> {
    this.#eachPair((a, b) => this.mesh.impair(a, b, USUAL));
    for (const node of this.nodes) await this.#setUp(node);
    await settle();
  }

  async run(minutes: number): Promise<void> {
    for (let tick = 0; tick < minutes * 60_000 / TICK_MS; tick++) {
      for (let i = this.#draw(4); i > 0; i--) this.#work();
      if (this.#draw(8) === 0) await this.#abuse();
      // While calls and answers are on their way.
      await this.mesh.advance(this.#draw(40));
      if (this.#draw(2) === 0) this.#breakOne();
      await this.mesh.advance(TICK_MS);
    }
  }

  /** Ends all abuse, and lets what is under way come to its end. */
  async rest(): Promise<void> {
    for (const node of this.nodes) {
      this.mesh.thaw(node);
      if (node.isDown) await this.#restart(node);
    }
    this.#eachPair((a, b) => {
      this.mesh.impair(a, b, USUAL);
      this.mesh.hush(a, b, false);
      this.mesh.part(a, b, false);
    });
    for (const [, { runtime }] of this.#programs) {
      void runtime.publish("state/now", undefined, { retain: true });
    }
    for (const { runtime } of this.nodes) void runtime.publish("state/now", undefined, { retain: true });
    await this.mesh.advance(REST_MS);
    await Promise.race([Promise.all(this.#open), settle().then(settle)]);
    this.#check(this.#open.size === 0, `${this.#open.size} calls have not ended`);
    for (const { what, ran, ended } of this.#fates.values()) {
      if (what === "event") this.#check(ran <= 1, `an event of a group has reached ${ran}`);
      else this.#check(ended === 1, `${what} has ended ${ended} times`);
    }
    this.#fates.clear();
  }

  #work(): void {
    const nodes = this.nodes.filter(({ isDown, isFrozen }) => !isDown && !isFrozen);
    const node = nodes[this.#draw(nodes.length)];
    if (node === undefined) return;
    const program = this.#programs.get(node);
    const { runtime } = program !== undefined && this.#draw(3) === 0 ? program : node;
    const number = ++this.#number;
    switch (this.#draw(6)) {
      case 0: {
        this.counts.events++;
        this.#fates.set(number, { what: "event", begunAt: 0, ran: 0, ended: 0 });
        const options = { broadcastMode: "one_per_service" } as const;
        void runtime.publish("jobs/new", { number, data: new Uint8Array(this.#draw(40_000)) }, options);
        return void runtime.publish("state/now", number, { retain: true });
      }
      case 1:
        return this.#call(number, "items", () => this.#readItems(runtime, number));
      default: {
        const action = ["take", "take", "again", "hold", "fail"][this.#draw(5)] ?? "take";
        const params = { number, ms: this.#draw(3_000), data: new Uint8Array(this.#draw(8) ** 5) };
        return this.#call(
          number,
          action,
          () => runtime.request(`work/${action}`, params, { timeoutMs: TIMEOUT_MS }),
        );
      }
    }
  }

  #call(number: number, what: string, make: () => Promise<unknown>): void {
    const { clock } = this.mesh;
    const fate: Fate = { what, begunAt: clock.now(), ran: 0, ended: 0 };
    this.counts.calls++;
    this.#fates.set(number, fate);
    const end = (error?: unknown) => {
      fate.ended++;
      const tookMs = clock.now() - fate.begunAt;
      const mostMs = TIMEOUT_MS + LONGEST_FREEZE_MS + LATE_MS;
      if (what !== "items") this.#check(tookMs <= mostMs, `${what} took ${tookMs} ms`);
      if (error === undefined) {
        return this.#check(fate.ran > 0 || what === "items", `${what} was answered, and never ran`);
      }
      this.counts.failed++;
      if (!(error instanceof CallError)) return this.#check(false, `${what} has failed with ${error}`);
      if (error.executed) return;
      // What it says has to stay true.
      this.#check(fate.ran === 0, `${what} has run, and ${error.code} says that it has not`);
      fate.ran = -Infinity;
    };
    const ended: Promise<void> = make().then(() => end(), end).finally(() => this.#open.delete(ended));
    this.#open.add(ended);
  }

  /** A stream that ends without an error is whole. */
  async #readItems(runtime: MemoryNode["runtime"] | MemoryProgram["runtime"], number: number): Promise<void> {
    const count = this.#draw(20);
    const params = { number, count };
    const items = await runtime.request<ReadableStream<number>>("work/items", params, {
      timeoutMs: TIMEOUT_MS,
    });
    let next = 0;
    for await (const item of items) {
      this.#check(item === next++, `item ${item} came in the place of ${next - 1}`);
    }
    this.#check(next === count, `a stream of ${count} ended after ${next}`);
    this.counts.items += next;
  }

  #service(): ServiceDefinition {
    const { mesh } = this;
    const ran = (number: number) => {
      const fate = this.#fates.get(number);
      if (fate === undefined) return;
      fate.ran++;
      const isOnce = fate.what === "take" || fate.what === "hold" || fate.what === "fail";
      this.#check(!isOnce || fate.ran === 1, `${fate.what} ran, after it had ended or begun: ${fate.ran}`);
    };
    return {
      path: "work",
      actions: {
        take: ({ number, data }: { number: number; data: Uint8Array }) => (ran(number), data),
        again: { idempotent: true, handler: ({ number }: { number: number }) => ran(number) },
        hold: async ({ number, ms }: { number: number; ms: number }, { signal }) => {
          ran(number);
          await mesh.sleep(ms, signal);
        },
        fail: ({ number }: { number: number }) => {
          ran(number);
          throw new RangeError("as it was asked");
        },
        items: async function* ({ count }: { count: number }) {
          for (let i = 0; i < count; i++) {
            await mesh.sleep(20);
            yield i;
          }
        },
      },
      subscriptions: {
        "jobs/*": async ({ data }) => {
          const fate = this.#fates.get((data as { number: number }).number);
          if (fate !== undefined) fate.ran++;
          await mesh.sleep(5);
        },
      },
    };
  }

  async #abuse(): Promise<void> {
    const { mesh, nodes } = this;
    const [a, b] = [nodes[this.#draw(nodes.length)], nodes[this.#draw(nodes.length)]];
    if (a === undefined || b === undefined || a === b) return;
    this.counts.abuse++;
    const later = (ms: number, what: () => void) => void mesh.timers.setTimer(ms, what);
    switch (this.#draw(9)) {
      case 0:
        return mesh.part(a, b, this.#draw(2) === 0);
      case 1:
        mesh.hush(a, b);
        return later(this.#draw(40_000), () => mesh.hush(a, b, false));
      case 2:
        return this.#breakOne();
      case 3:
        return mesh.impair(a, b, { delayMs: this.#draw(100), jitterMs: this.#draw(50) });
      case 4:
        if (a.isDown || a.isFrozen) return;
        mesh.freeze(a);
        return later(this.#draw(LONGEST_FREEZE_MS), () => mesh.thaw(a));
      case 5:
        return a.isDown ? await this.#restart(a) : this.#crash(a);
      case 6:
        return await this.#restartSlowly(a);
      case 7: {
        const program = this.#programs.get(a);
        if (program === undefined) return await this.#attach(a);
        mesh.detach(program);
        this.#programs.delete(a);
        return void program.runtime.close();
      }
      default:
        return this.#eachPair((one, other) => mesh.part(one, other, false));
    }
  }

  #breakOne(): void {
    const up = this.nodes.filter(({ isDown }) => !isDown);
    const [a, b] = [up[this.#draw(up.length)], up[this.#draw(up.length)]];
    if (a !== undefined && b !== undefined && a !== b) this.mesh.breakLink(a, b);
  }

  #crash(node: MemoryNode): void {
    this.mesh.crash(node);
    void node.runtime.close();
  }

  /** As a rolling deploy does. */
  async #restartSlowly(node: MemoryNode): Promise<void> {
    if (node.isDown || node.isFrozen) return;
    const { life, runtime } = node;
    await this.mesh.until(runtime.drain());
    if (node.life !== life || node.isDown) return;
    await runtime.close();
    this.mesh.crash(node);
    await this.#restart(node);
  }

  async #restart(node: MemoryNode): Promise<void> {
    this.mesh.restart(node);
    await this.#setUp(node);
  }

  async #setUp(node: MemoryNode): Promise<void> {
    if (PROVIDERS.includes(node.id)) await this.mesh.until(node.runtime.addService(this.#service()));
  }

  async #attach(node: MemoryNode): Promise<void> {
    if (node.isDown || node.isFrozen) return;
    const program = this.mesh.attach(node);
    this.#programs.set(node, program);
    if (this.#draw(2) === 0) await this.mesh.until(program.runtime.addService(this.#service()));
  }

  #eachPair(what: (a: MemoryNode, b: MemoryNode) => void): void {
    const { nodes } = this;
    for (const [i, a] of nodes.entries()) for (const b of nodes.slice(i + 1)) what(a, b);
  }

  #check(isSo: boolean, problem: string): void {
    if (!isSo) this.problems.push(`${problem}, at ${this.mesh.clock.now()} ms`);
  }

  #draw(below: number): number {
    return Math.floor(randomFraction(this.#random) * below);
  }
}

for (const seed of SEEDS) {
  Deno.test(`services that are cut, crashed, frozen and drained for ${MINUTES} min tell the truth, seed ${seed}`, async () => {
    const soak = new Soak(seed);
    await using mesh = soak.mesh;
    await soak.start();
    await soak.rest();
    const timersBefore = mesh.timers.size;
    // An hour in parts: after each, nothing of it is left.
    for (let done = 0; done < MINUTES; done += 10) {
      await soak.run(Math.min(10, MINUTES - done));
      await soak.rest();
      assert.deepEqual(soak.problems.slice(0, 5), []);
      for (const { id, runtime } of soak.nodes) {
        const { memory, runningCalls, pendingCalls } = runtime;
        assert.deepEqual([id, memory.usedBytes, runningCalls, pendingCalls], [id, 0, 0, 0]);
      }
      assert.equal(mesh.openStreams, 0);
      assert.ok(mesh.timers.size <= timersBefore + 40, `${mesh.timers.size} timers, ${timersBefore} before`);
    }
    const { calls, failed, events, items, abuse } = soak.counts;
    assert.ok(calls > 100 * MINUTES && failed > MINUTES && events > MINUTES && items > MINUTES && abuse > 10);
  });
}
