import assert from "node:assert/strict";
import { SeededRandom } from "../../../base/mod.ts";
import { ReplayWindow } from "../../../wireguard/mod.ts";
import {
  closeReceiving,
  forgetReceiver,
  isGone,
  passGone,
  passGoneWrite,
  ReceiveTickets,
} from "./receive_tickets.ts";
import { HEAD, LINE, lineAt, receivingMemory, windowOf } from "./receiving_memory.ts";
import {
  GO,
  NUMBERS_AT,
  SESSION_INDEX,
  type TurningOrder,
  TurningWorker,
  WRITTEN,
} from "./testing/turning_worker.ts";

const COUNT = 20_000;
const BOUND_MS = 60_000;

/** Counters as a network brings them: in order but for some, and some twice. */
function arrivals(seed: number): Int32Array {
  const random = new SeededRandom(seed);
  const byte = new Uint8Array(4);
  const below = (bound: number): number => {
    random.fill(byte);
    return new DataView(byte.buffer).getUint32(0) % bound;
  };
  const counters = Int32Array.from({ length: COUNT }, (_, i) => i);
  for (let i = 0; i < COUNT - 100; i++) {
    const what = below(20);
    if (what === 0) counters[i] = counters[Math.max(0, i - 1 - below(60))] ?? 0;
    else if (what === 1) {
      const other = i + below(40);
      [counters[i], counters[other]] = [counters[other] ?? 0, counters[i] ?? 0];
    }
  }
  return counters;
}

/** Lets three threads and this one carry them. @returns what was written, and how many tickets each has had */
async function carry(
  counters: Int32Array,
  dying: Pick<TurningOrder, "diesAfter" | "diesAt"> = {},
): Promise<{ readonly log: number[]; readonly tickets: number[] }> {
  const memory = receivingMemory();
  const words = new Int32Array(memory);
  const numbers = new SharedArrayBuffer((NUMBERS_AT + counters.length) * 4);
  const log = new SharedArrayBuffer(counters.length * 4);
  new Int32Array(numbers).set(counters, NUMBERS_AT);
  windowOf(memory, SESSION_INDEX).ends[0] = -1;
  const others = 3;
  const ended: Promise<number>[] = [];
  const go = (): void => {
    for (let worker = 1; worker <= others; worker++) if (isGone(words, worker)) passGone(words, worker);
  };
  for (let worker = 1; worker <= others; worker++) {
    const thread = new Worker(new URL("./testing/turning_worker.ts", import.meta.url), { type: "module" });
    const ready = Promise.withResolvers<void>();
    const done = Promise.withResolvers<number>();
    thread.onmessage = ({ data }: MessageEvent<number | "ready">) =>
      data === "ready" ? ready.resolve() : done.resolve(data);
    const order: TurningOrder = { memory, worker, numbers, log, seed: worker, ...worker === 2 && dying };
    thread.postMessage(order);
    await ready.promise;
    ended.push(done.promise);
  }
  const first = new TurningWorker({ memory, worker: 0, numbers, log, seed: 9 }, {
    toAccept: go,
    toWrite: go,
  });
  Atomics.store(new Int32Array(numbers), GO, 1);
  Atomics.notify(new Int32Array(numbers), GO);
  while (first.step());
  const end = performance.now() + BOUND_MS;
  while (Atomics.load(words, HEAD.GIVEN) !== Atomics.load(words, HEAD.WRITES)) {
    assert.ok(performance.now() < end, "they come to an end");
    go();
  }
  const tickets = [first.tickets, ...await Promise.all(ended)];
  const written = Atomics.load(new Int32Array(numbers), WRITTEN);
  return { log: [...new Int32Array(log).slice(0, written)], tickets };
}

/** What one worker alone writes. */
function inOrder(counters: Int32Array): number[] {
  const window = new ReplayWindow();
  return [...counters].filter((counter) => window.isFresh(counter) && (window.accept(counter), true));
}

Deno.test("workers accept each counter once and write in the order of receiving, whoever takes how long", async () => {
  const counters = arrivals(1);
  const { log, tickets } = await carry(counters);
  assert.deepEqual(log, inOrder(counters));
  assert.ok(tickets.filter((count) => count > 50).length >= 2, `they share the work: ${tickets}`);
});

for (const diesAt of ["received", "accepting", "accepted", "writing"] as const) {
  Deno.test(`workers go on without one that dies ${diesAt}: in order, nothing twice, its own packets lost at most`, async () => {
    const counters = arrivals(2);
    const { log } = await carry(counters, { diesAfter: 40, diesAt });
    const expected = inOrder(counters);
    assert.equal(new Set(log).size, log.length, "twice");
    assert.ok(expected.length - log.length <= 24, `${expected.length - log.length} lost`);
    const [steps, most] = [log, expected].map((each) =>
      each.filter((counter, i) => counter < (each[i - 1] ?? 0)).length
    ) as [number, number];
    assert.ok(Math.abs(steps - most) <= 24, `${steps} steps back instead of ${most}`);
  });
}

Deno.test("a worker that is gone gives its turns away only when they have come, and gives a ticket back that was not given", () => {
  const memory = receivingMemory();
  const words = new Int32Array(memory);
  const [first, second, third] = [0, 1, 2].map((worker) => new ReceiveTickets(memory, worker)) as [
    ReceiveTickets,
    ReceiveTickets,
    ReceiveTickets,
  ];
  assert.equal(first.receive(() => 1), 1);
  assert.equal(second.receive(() => 1), 1);
  assert.equal(third.receive(() => 2), 2);
  assert.deepEqual([first.ticket, second.ticket, third.ticket], [0, 1, 2]);
  forgetReceiver(memory, 1);
  assert.ok(isGone(words, 1));
  assert.equal(passGone(words, 1), false, "the first one has not accepted");
  assert.equal(Atomics.load(words, HEAD.ACCEPTS), 0);
  assert.ok(first.waitToAccept());
  first.passAccept();
  assert.equal(passGone(words, 1), false, "nor written");
  assert.ok(third.waitToAccept());
  passGoneWrite(words, 1);
  assert.equal(Atomics.load(words, HEAD.WRITES), 0);
  third.passAccept();
  assert.ok(first.waitToWrite());
  first.passWrite();
  assert.equal(passGone(words, 1), true);
  assert.ok(third.waitToWrite());
  third.passWrite();
  assert.equal(first.receive(() => 0), 0, "nothing is no ticket");
  assert.equal(Atomics.load(words, HEAD.GIVEN), 3);
  // It dies with the socket: before there was something, and when it has said its number and not given it.
  for (const hasTicket of [0, 1]) {
    Atomics.store(words, HEAD.SOCKET, 2 + 1);
    Atomics.store(words, lineAt(2) + LINE.TICKET, 3);
    Atomics.store(words, lineAt(2) + LINE.HAS_TICKET, hasTicket);
    forgetReceiver(memory, 2);
    assert.equal(passGone(words, 2), true);
    assert.equal(first.receive(() => 0), 0, "the socket is free");
    assert.equal(Atomics.load(words, HEAD.ACCEPTS), 3);
  }
  assert.equal(first.receive(() => 1), 1);
  assert.ok(first.waitToAccept());
  first.passAccept();
  assert.ok(first.waitToWrite());
  first.passWrite();
});

Deno.test("nobody waits for a first worker that is gone", () => {
  const memory = receivingMemory();
  const [first, second] = [0, 1].map((worker) => new ReceiveTickets(memory, worker)) as [
    ReceiveTickets,
    ReceiveTickets,
  ];
  first.receive(() => 1);
  second.receive(() => 1);
  closeReceiving(memory);
  assert.equal(second.waitToAccept(), false);
  assert.equal(second.waitToWrite(), false);
});

Deno.test("turns go on where tickets pass 2^31", () => {
  const memory = receivingMemory();
  const words = new Int32Array(memory);
  for (const word of [HEAD.GIVEN, HEAD.ACCEPTS, HEAD.WRITES]) words[word] = 0x7fff_ffff;
  const [first, second] = [0, 1].map((worker) => new ReceiveTickets(memory, worker)) as [
    ReceiveTickets,
    ReceiveTickets,
  ];
  for (const tickets of [first, second, first]) {
    assert.equal(tickets.receive(() => 1), 1);
    assert.ok(tickets.waitToAccept());
    tickets.passAccept();
    assert.ok(tickets.waitToWrite());
    tickets.passWrite();
  }
  second.receive(() => 1);
  forgetReceiver(memory, 1);
  assert.equal(passGone(words, 1), true);
  assert.equal(words[HEAD.WRITES], (0x7fff_ffff + 4) | 0);
});
