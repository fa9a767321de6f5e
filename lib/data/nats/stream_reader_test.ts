import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { readStream, type StreamConsumer, type StreamMessage } from "./stream_reader.ts";

/** Servers that each have the same stream, of which each consumer is on the next one, as the test says. */
class Servers {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly taken: number[] = [];
  /** Of each consumer: its server, after which message it begins, and whether it was ended. */
  readonly made: { readonly server: string; readonly after: number; isClosed: boolean }[] = [];
  readonly away = new Set<string>();
  isOver = false;
  #last = 0;
  #wake: (() => void)[] = [];

  /** @param turns where each consumer is made; the last one also where all others are */
  constructor(readonly turns: readonly string[]) {}

  read(after = 0): Promise<void> {
    return readStream(
      {
        ...{ clock: this.clock, timers: this.timers, isOver: () => this.isOver },
        make: (from) => this.#make(from),
      },
      after,
      (message) => {
        this.taken.push(message.seq);
        return Promise.resolve(true);
      },
    );
  }

  append(count = 1): void {
    this.#last += count;
    this.wake();
  }

  wake(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async advance(ms: number): Promise<void> {
    for (let i = 0; i < ms; i += 50) {
      this.timers.advance(50);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  }

  #make(after: number): Promise<StreamConsumer<StreamMessage>> {
    const server = this.turns[Math.min(this.made.length, this.turns.length - 1)] ?? assert.fail();
    const one = { server, after, isClosed: false };
    this.made.push(one);
    if (server === "refuses") return Promise.reject(new Error("refused"));
    // A request to who is away is answered by nobody.
    if (this.away.has(server)) return new Promise(() => {});
    const close = () => {
      one.isClosed = true;
      this.wake();
    };
    return Promise.resolve({ messages: this.#messages(one), close });
  }

  /** Ends as the client does for a consumer whose heartbeats are missed. */
  async *#messages(
    one: { readonly server: string; readonly after: number; readonly isClosed: boolean },
  ): AsyncGenerator<StreamMessage> {
    for (let seq = one.after + 1;;) {
      if (one.isClosed || this.isOver || this.away.has(one.server)) return;
      if (seq <= this.#last) yield { seq: seq++ };
      else await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

Deno.test("readStream() goes on from another server when the one that a consumer is on is cut off", async () => {
  const servers = new Servers(["a", "a", "b"]);
  const reading = servers.read();
  servers.append(3);
  await servers.advance(100);
  assert.deepEqual(servers.taken, [1, 2, 3]);
  servers.away.add("a");
  servers.append(2);
  // The next one is on the server that is away, too, and nobody says so.
  await servers.advance(1_500);
  assert.deepEqual(servers.taken, [1, 2, 3, 4, 5]);
  assert.deepEqual(servers.made.map(({ server, after }) => [server, after]), [["a", 0], ["a", 3], ["b", 3]]);
  servers.append();
  await servers.advance(50);
  assert.equal(servers.taken.at(-1), 6);
  servers.isOver = true;
  servers.wake();
  await reading;
  assert.equal(servers.made.at(-1)?.isClosed, true);
});

Deno.test("readStream() asks again who has refused, and no more than five at once who are silent", async () => {
  const servers = new Servers(["refuses", "refuses", "a"]);
  const reading = servers.read();
  servers.append();
  await servers.advance(600);
  assert.deepEqual(servers.taken, [1]);
  servers.isOver = true;
  servers.wake();
  await reading;

  const silent = new Servers(["a"]);
  silent.away.add("a");
  const failed = assert.rejects(silent.read(), { code: "OwnerAway" });
  await silent.advance(20_000);
  await failed;
  assert.equal(silent.made.length, 5);
});

Deno.test("readStream() ends when a message is missing, so that it begins with a snapshot", async () => {
  const servers = new Servers(["a"]);
  const gap = servers.read();
  await servers.advance(50);
  servers.append(2);
  await servers.advance(50);
  const { clock, timers } = servers;
  const make = () => {
    const messages = (async function* () {
      yield await Promise.resolve({ seq: 7 });
    })();
    return Promise.resolve({ messages, close: () => {} });
  };
  const taken: number[] = [];
  await readStream({ clock, timers, make, isOver: () => false }, 4, ({ seq }) => {
    taken.push(seq);
    return Promise.resolve(true);
  });
  assert.deepEqual(taken, []);
  servers.isOver = true;
  servers.wake();
  await gap;
});
