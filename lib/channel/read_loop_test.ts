import assert from "node:assert/strict";
import { type EventLoopYield, utf8Bytes } from "../base/mod.ts";
import { TURN_MS } from "./read_loop.ts";
import { Fixture, settle, testChannel } from "./testing/memory_stream.ts";

const MESSAGES = 500;
const BODY = utf8Bytes("work");

/** Resumes whoever has yielded when it is told to. */
class ManualYield implements EventLoopYield {
  #waiting: (() => void)[] = [];

  yieldNow(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @returns how many had yielded */
  resume(): number {
    const waiting = this.#waiting.splice(0);
    for (const resolve of waiting) resolve();
    return waiting.length;
  }
}

testChannel(
  "Channel.limitTurns() keeps only those waiting who say too much, and all of it is heard in the end",
  async (fixture) => {
    const other = new Fixture(fixture.isLocal);
    const eventLoop = new ManualYield();
    const [flooder, flooded] = await fixture.connect();
    const [caller, called] = await other.connect();
    let handled = 0;
    flooded.limitTurns(eventLoop);
    flooded.attach("work", () => {
      handled++;
      fixture.clock.advance(1);
    });
    const handledBefore: number[] = [];
    called.limitTurns(eventLoop);
    called.attach("work", () => handledBefore.push(handled));
    for (let i = 0; i < MESSAGES; i++) assert.ok(flooder.post("work", BODY));
    await settle();
    caller.post("work", BODY);
    await settle();
    // The clock is read after each 16th.
    assert.deepEqual(handledBefore, [16], "the other one was heard after one turn of the flood");
    let ended = 0;
    while (eventLoop.resume() > 0) {
      ended++;
      await settle();
    }
    assert.equal(handled, MESSAGES);
    assert.ok(ended >= Math.floor(MESSAGES / 16), `${ended} turns`);
  },
);

testChannel(
  "Channel.limitTurns() lets work that takes no longer than a turn go on without a pause",
  async (fixture) => {
    const eventLoop = new ManualYield();
    const [near, far] = await fixture.connect();
    let handled = 0;
    far.limitTurns(eventLoop);
    far.attach("work", () => {
      handled++;
      fixture.clock.advance(TURN_MS / 2 / MESSAGES);
    });
    for (let i = 0; i < MESSAGES; i++) near.post("work", BODY);
    await settle();
    assert.equal(handled, MESSAGES);
    assert.equal(eventLoop.resume(), 0);
  },
);

testChannel(
  "Channel.limitTurns() ends no turn before a read that waits, however long a message has taken",
  async (fixture) => {
    const eventLoop = new ManualYield();
    const [near, far] = await fixture.connect();
    let handled = 0;
    far.limitTurns(eventLoop);
    far.attach("work", () => {
      handled++;
      fixture.clock.advance(TURN_MS);
    });
    for (let i = 1; i <= 3; i++) {
      near.post("work", BODY);
      await settle();
      assert.equal(handled, i);
    }
    assert.equal(eventLoop.resume(), 0);
  },
);

testChannel(
  "Channel.limitTurns() ends a turn before a read of what has come meanwhile",
  async (fixture) => {
    const eventLoop = new ManualYield();
    const [near, far] = await fixture.connect();
    let handled = 0;
    far.limitTurns(eventLoop);
    far.attach("work", () => {
      fixture.clock.advance(TURN_MS);
      if (++handled < 3) near.post("work", BODY);
    });
    near.post("work", BODY);
    await settle();
    for (let i = 1; i < 3; i++) {
      assert.equal(handled, i);
      assert.equal(eventLoop.resume(), 1);
      await settle();
    }
    assert.equal(handled, 3);
  },
);

testChannel(
  "Channel.close() is done at once while the channel has yielded the event loop",
  async (fixture) => {
    const eventLoop = new ManualYield();
    const [near, far] = await fixture.connect();
    far.limitTurns(eventLoop);
    let handled = 0;
    far.attach("work", () => {
      handled++;
      fixture.clock.advance(TURN_MS);
    });
    for (let i = 0; i < MESSAGES; i++) near.post("work", BODY);
    await settle();
    far.close();
    near.close();
    await settle();
    fixture.timers.advance(1_000);
    await Promise.all([near.closed, far.closed]);
    eventLoop.resume();
    await settle();
    assert.equal(handled, 16);
  },
);
