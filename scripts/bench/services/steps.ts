/**
 * What is measured of a pair of processes.
 * @module
 */

import type { Row } from "../samples.ts";
import type { Pair } from "./contenders.ts";
import { processorSeconds } from "../processor_time.ts";

const WARM_UP_MS = 400;
/** Before the first step: code that is new is slow, and a step with one call in flight runs little of it. */
const FIRST_WARM_UP_MS = 1_000;
/** Beyond the time that a step is to take. */
const GRACE_MS = 20_000;
const IN_FLIGHT = [1, 16, 256];
const PAYLOADS = [[100, "100 B"], [10_000, "10 KB"]] as const;
const SUBSCRIBERS = [1, 10, 100];
const EVENT_BYTES = 100;
const TRANSFER_BYTES = 100_000_000;
/** After so long without a delivery the rest is lost. */
const QUIET_MS = 1_000;

/** The tables that the values of the steps go to, by the head of each. */
export const TABLES = {
  rate: "requests a second",
  p50: "latency of requests, median",
  p99: "latency of requests, 99th percentile",
  cost: "processor time of 100,000 requests",
  events: "events a second, all deliveries",
  transfer: "calls beside a transfer of 100 MB",
} as const;
/** Takes a value. */
export type Note = (table: keyof typeof TABLES, row: Omit<Row, "values">, value: number) => void;

/** One measurement. */
export interface Step {
  readonly what: string;
  /** The only contender that it is of; of all unless told. */
  readonly only?: string;
  run(pair: Pair, ms: number, note: Note): Promise<void>;
}

/** All of them. */
export const STEPS: readonly Step[] = [
  ...PAYLOADS.flatMap(([bytes, text]) => IN_FLIGHT.map((inFlight) => requestStep(bytes, text, inFlight))),
  ...SUBSCRIBERS.map(eventStep),
  { what: "transfer", only: "weft", run: measureTransfer },
];

/** Has both processes compile what they run. */
export async function warmUp({ requester }: Pair): Promise<void> {
  for (const [bytes] of PAYLOADS) {
    const order = { op: "requests", bytes, inFlight: 16, ms: FIRST_WARM_UP_MS };
    await requester.ask<Calls>(order, FIRST_WARM_UP_MS + GRACE_MS);
  }
}

/** What `callInTurn` gives. */
interface Calls {
  readonly completed: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function requestStep(bytes: number, text: string, inFlight: number): Step {
  const what = `${text}, ${inFlight} in flight`;
  return {
    what,
    async run({ requester, responder, serverPid }, ms, note) {
      const call = (forMs: number) =>
        requester.ask<Calls>({ op: "requests", bytes, inFlight, ms: forMs }, forMs + GRACE_MS);
      await call(WARM_UP_MS);
      const seconds = () =>
        [requester.pid, responder.pid, ...(serverPid === undefined ? [] : [serverPid])].map(processorSeconds);
      const before = seconds();
      const { completed, elapsedMs, p50Ms, p99Ms } = await call(ms);
      const after = seconds();
      const [own = NaN, other = NaN, server] = after.map((each, i) =>
        (each - (before[i] ?? NaN)) / completed * 100_000
      );
      note("rate", { what, unit: "/s" }, completed / elapsedMs * 1000);
      note("p50", { what, unit: "ms", digits: 3 }, p50Ms);
      note("p99", { what, unit: "ms", digits: 3 }, p99Ms);
      note("cost", { what: `${what}, both processes`, unit: "s", digits: 2 }, own + other);
      note("cost", { what: `${what}, with the server`, unit: "s", digits: 2 }, own + other + (server ?? 0));
    },
  };
}

/** What a subscriber has heard. */
interface Deliveries {
  readonly received: number;
  readonly lastAtMs: number;
}

function eventStep(subscribers: number): Step {
  const what = `${subscribers} ${subscribers === 1 ? "subscriber" : "subscribers"}`;
  return {
    what,
    async run(pair, ms, note) {
      await subscribe(pair, subscribers);
      await publish(pair, subscribers, WARM_UP_MS);
      const { published, received, elapsedMs } = await publish(pair, subscribers, ms);
      note("events", { what, unit: "/s" }, received / elapsedMs * 1000);
      const lost = published * subscribers - received;
      note("events", { what: `${what}, lost`, unit: "%", digits: 2 }, lost / (published * subscribers) * 100);
      await pair.responder.ask({ op: "subscribe", count: 0 }, GRACE_MS);
    },
  };
}

/** Returns when an event reaches every subscription. */
async function subscribe({ requester, responder }: Pair, count: number): Promise<void> {
  await responder.ask({ op: "subscribe", count }, GRACE_MS);
  for (let i = 0; i < 100; i++) {
    await responder.ask({ op: "forget" }, GRACE_MS);
    await requester.ask({ op: "publish", bytes: EVENT_BYTES, count: 1 }, GRACE_MS);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { received } = await responder.ask<Deliveries>({ op: "deliveries" }, GRACE_MS);
    if (received === count) return;
  }
  throw new Error(`${responder.label} does not hear events`);
}

async function publish({ requester, responder }: Pair, subscribers: number, ms: number) {
  await responder.ask({ op: "forget" }, GRACE_MS);
  const order = { op: "publish", bytes: EVENT_BYTES, ms };
  const { published, startedAtMs } = await requester.ask<{ published: number; startedAtMs: number }>(
    order,
    ms + GRACE_MS,
  );
  let quietMs = 0;
  let heard: Deliveries = { received: 0, lastAtMs: startedAtMs };
  while (heard.received < published * subscribers && quietMs < QUIET_MS) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = await responder.ask<Deliveries>({ op: "deliveries" }, GRACE_MS);
    quietMs = now.received === heard.received ? quietMs + 50 : 0;
    heard = now;
  }
  return { published, received: heard.received, elapsedMs: heard.lastAtMs - startedAtMs };
}

async function measureTransfer({ requester }: Pair, ms: number, note: Note): Promise<void> {
  const calls = { bytes: 100, inFlight: 16 };
  await requester.ask({ op: "requests", ...calls, ms: WARM_UP_MS }, GRACE_MS);
  const alone = await requester.ask<Calls>({ op: "requests", ...calls, ms }, ms + GRACE_MS);
  const order = { op: "transfer", ...calls, transferBytes: TRANSFER_BYTES };
  const beside = await requester.ask<Calls & { transferMs: number }>(order, 60_000);
  const what = "100 B, 16 in flight";
  note("transfer", { what: `p99 of ${what}, alone`, unit: "ms", digits: 2 }, alone.p99Ms);
  note("transfer", { what: `p99 of ${what}, beside 100 MB`, unit: "ms", digits: 2 }, beside.p99Ms);
  note(
    "transfer",
    { what: `${what}, beside 100 MB`, unit: "/s" },
    beside.completed / beside.elapsedMs * 1000,
  );
  note("transfer", { what: "100 MB beside these", unit: "MB/s" }, TRANSFER_BYTES / 1e3 / beside.transferMs);
}
