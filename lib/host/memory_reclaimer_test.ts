import assert from "node:assert/strict";
import { releaseFreeMemory } from "./ffi/mod.ts";
import { MEMORY_CHECK_MS, MemoryReclaimer, type ProcessMemory } from "./memory_reclaimer.ts";

const MIB = 1 << 20;

/** A process whose memory the test says, and that gets down to `needsMib`. */
class FakeProcess implements ProcessMemory {
  mib = 100;
  needsMib = 100;
  worked = 0;
  released = 0;
  readonly reclaimer = new MemoryReclaimer(this, 0);
  #nowMs = 0;

  residentBytes(): number {
    return this.mib * MIB;
  }

  workedMs(): number {
    return this.worked;
  }

  release(): void {
    this.released++;
    this.mib = this.needsMib;
  }

  /** @returns whether it has given memory back after another while */
  pass(load: number): boolean {
    this.worked += load * MEMORY_CHECK_MS;
    return this.reclaimer.check(this.#nowMs += MEMORY_CHECK_MS);
  }
}

Deno.test("MemoryReclaimer gives memory back when a flood is over, and not while it lasts", () => {
  const process = new FakeProcess();
  assert.equal(process.pass(0.01), false);
  process.mib = 900;
  assert.equal(process.pass(0.9), false);
  assert.equal(process.pass(0.01), true);
  assert.deepEqual([process.mib, process.pass(0.01), process.released], [100, false, 1]);
});

Deno.test("MemoryReclaimer does not take what a flood leaves right after the start for what the start needs", () => {
  const process = new FakeProcess();
  process.mib = 60;
  process.reclaimer.note();
  process.mib = 130;
  assert.equal(process.pass(0.01), true);
});

Deno.test("MemoryReclaimer tries ever more rarely what is really used, and at once after the next growth", () => {
  const process = new FakeProcess();
  process.mib = process.needsMib = 500;
  assert.equal(process.pass(0), true);
  for (let i = 0; i < 1_000; i++) process.pass(0);
  assert.equal(process.released, 4);
  process.mib = 700;
  assert.equal(process.pass(0), false, "a little growth is nothing");
  process.mib = 800;
  assert.equal(process.pass(0), true);
  // What is needed became less.
  process.mib = process.needsMib = 100;
  process.pass(0);
  process.mib = 200;
  assert.equal(process.pass(0), true);
});

Deno.test("MemoryReclaimer gives back later what was still held when it tried first", () => {
  const process = new FakeProcess();
  [process.mib, process.needsMib] = [900, 400];
  assert.deepEqual([process.pass(0), process.mib], [true, 400]);
  process.needsMib = 110;
  for (let i = 0; i < 3; i++) process.pass(0);
  assert.equal(process.mib, 110);
});

Deno.test({
  name: "releaseFreeMemory() makes a process smaller that had much",
  ignore: Deno.build.os !== "linux",
  fn() {
    const fill = () => {
      let kept: unknown[] = [];
      for (let i = 0; i < 40; i++) {
        kept.push(new Uint8Array(4 * MIB).fill(1), Array.from({ length: 50_000 }, () => ({})));
      }
      const { rss } = Deno.memoryUsage();
      kept = [];
      return rss + kept.length;
    };
    const full = fill();
    releaseFreeMemory();
    const { rss } = Deno.memoryUsage();
    assert.ok(rss < full - 120 * MIB, `${full / MIB} MiB before, ${rss / MIB} after`);
  },
});
