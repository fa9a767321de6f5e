/**
 * What the host's kernel can answer to the system calls of the fast path, and seldom does: faults that strace puts into
 * the calls of a running `weft wg` while TCP flows. After each of them the flow ends whole, and what was lost was counted.
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SeededRandom } from "../../lib/base/mod.ts";
import {
  type CapturedProcess,
  type Fault,
  fetchBulk,
  type FetchedBulk,
  InjectedFaults,
  Lab,
  labTest,
  PACKET_PLANE,
  pause,
  pingMany,
  processorSeconds,
  serveBulk,
  type TracedCall,
  waitFor,
  within,
} from "../lab/mod.ts";
import { startWgPair, untilReached, type WgEnd, type WgPair } from "./wg_fast_pair.ts";

const BULK = { port: 8080, seed: 5, lengthBytes: 8 << 20 };
/** The interfaces' MTU, and what WireGuard puts around a packet. */
const LONGEST_DATAGRAM = 1420 + 32;
/**
 * The fifth call fails, and every seventh after that up to the 75th: a flow can live with it, and has more calls. None
 * fails at the end, because one that is under way when the tracer leaves would fail in a way of its own.
 */
const NOW_AND_THEN = "5..75+7";
/** So many faults at least are enough to tell. */
const ENOUGH = 10;
const FLOW_BOUND_MS = 20_000;
const PINGS = 20;
/** Of one core; a thread that spins takes all of it. */
const IDLE_BOUND = 0.1;
const IDLE_WINDOW_MS = 400;

const SENDING = ["sendmsg", "sendmmsg"];
const RECEIVING = ["recvmsg", "recvmmsg"];
const WAITING = ["poll", "ppoll"];
const TUN = "/dev/net/tun";

/** Why packets were lost; nobody has the addresses at which IPv6 calls out for neighbours. */
const EXPECTED: ReadonlySet<string> = new Set([
  ...["socket-full", "no-route", "too-large", "send-failed", "malformed-packet", "interface-full"],
  "no-peer-for-destination",
]);

type Calls = readonly TracedCall[];
type Drops = Readonly<Record<string, number>>;

/** How often faults were met. */
class Tally {
  readonly #faults: { readonly place: string; readonly name: string; readonly error: string }[] = [];

  add(end: WgEnd, error: string, calls: Calls): void {
    const place = nameOf(end);
    for (const { name } of calls.filter(({ isInjected }) => isInjected)) {
      this.#faults.push({ place, name, error });
    }
  }

  /** @returns how often calls of these names have failed at one end, with any of `errors` or at all */
  count(end: WgEnd, names: readonly string[], ...errors: readonly string[]): number {
    const isError = (error: string) => errors.length === 0 || errors.includes(error);
    return this.#faults.filter(({ place, name, error }) =>
      place === nameOf(end) && names.includes(name) && isError(error)
    ).length;
  }
}

labTest(
  "the fast path carries on through the faults of its system calls, and counts what they cost",
  [...PACKET_PLANE, "wg", "ptrace"],
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    // Every call is one thread's.
    const pair = await startWgPair(lab, 4, { workers: 1 });
    const { a, b } = pair;
    await using _server = await serveBulk(a.host.namespace, a.address4, BULK);
    const met = new Tally();

    /** Carries bytes from A to B while calls of one of them fail. */
    const meets = async (end: WgEnd, fault: Fault, look: (calls: Calls) => void = expectEnough) => {
      await test.step(`${nameOf(end)}: ${fault.error} of ${fault.calls.join(" and ")}`, async () => {
        const calls = await carryThrough(pair, end, { when: NOW_AND_THEN, ...fault });
        met.add(end, fault.error, calls);
        look(calls);
      });
    };

    for (const error of ["ENOBUFS", "EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED", "EAGAIN", "EINTR"]) {
      await meets(a, { calls: SENDING, error }, (calls) => {
        expectEnough(calls);
        assert.ok(calls.filter(isGso).length > ENOUGH && !calls.some(isBatch), "batches go on");
      });
    }
    await meets(a, { calls: ["sendmsg"], error: "EMSGSIZE", alsoTold: ["sendmmsg"] }, (calls) => {
      assert.ok(calls.filter(isBatch).length > ENOUGH / 2, "what was refused goes as single datagrams");
      assert.ok(calls.filter(isGso).length > ENOUGH, "and the next batch as a batch");
    });
    for (const error of ["ECONNREFUSED", "ENOMEM", "EINTR"]) await meets(b, { calls: RECEIVING, error });
    for (const error of ["EIO", "ENOBUFS", "ENOMEM"]) await meets(b, { calls: ["writev"], error, path: TUN });
    for (const error of ["EINTR", "EAGAIN", "EINVAL"]) await meets(a, { calls: ["read"], error, path: TUN });

    await meets(
      a,
      { calls: ["sendmsg"], error: "EIO", when: "20..75+7", alsoTold: ["sendmmsg"] },
      (calls) => {
        const first = calls.findIndex(isBatch);
        assert.ok(calls.slice(0, first).some(isGso), "batches until one was refused");
        assert.ok(calls.slice(first).filter(isBatch).length > ENOUGH && !calls.slice(first).some(isGso));
      },
    );
    for (const error of ["ENOBUFS", "EMSGSIZE", "ECONNREFUSED", "EIO"]) {
      await meets(a, { calls: SENDING, error }, (calls) => {
        expectEnough(calls);
        assert.ok(calls.filter(isBatch).length > ENOUGH && !calls.some(isGso), "no batches any more");
      });
    }
    for (const error of ["ECONNREFUSED", "ENOMEM"]) {
      await meets(b, { calls: RECEIVING, error }, (calls) => {
        expectEnough(calls.filter(({ name }) => name === "recvmmsg"));
      });
    }

    await test.step("a new socket is sent batches again", async () => {
      await a.device.set("listen-port", "51821");
      await untilReached(a, b);
    });
    await meets(a, { calls: SENDING, error: "EINTR" }, (calls) => assert.ok(calls.some(isGso)));

    for (const error of ["EINTR", "ENOMEM"]) {
      await test.step(`B: ${error} of poll`, async () => {
        await using faults = await begin(b, { calls: WAITING, error, when: "1+2" });
        assert.equal(await pingMany(a.host, b.address4, 40), 40);
        expectEnough(faults.calls);
      });
    }

    const lasting: readonly Fault[] = [
      { calls: ["writev"], error: "EIO", path: TUN },
      { calls: SENDING, error: "ENOBUFS" },
      { calls: SENDING, error: "EAGAIN" },
      { calls: SENDING, error: "ECONNREFUSED" },
    ];
    for (const fault of lasting) {
      await test.step(`B: ${fault.error} of every ${fault.calls.join(" and ")} for a while`, async () => {
        met.add(b, fault.error, await holdOut(pair, fault));
        await untilReached(a, b);
      });
    }

    await test.step("nobody spins afterwards, and what was lost was counted", async () => {
      await Promise.all([a, b].map(untilIdle));
      const [mine, theirs] = await Promise.all([a, b].map(dropsOf));
      assert.ok(mine !== undefined && theirs !== undefined);
      const text = JSON.stringify([mine, theirs]);
      const of = (drops: Drops, reason: string) => drops[reason] ?? 0;
      // A call that fails costs a batch or more of what it should have sent, if anything.
      assert.ok(of(mine, "socket-full") >= met.count(a, SENDING, "ENOBUFS"), text);
      assert.ok(of(mine, "no-route") >= met.count(a, SENDING, "EHOSTUNREACH"), text);
      assert.ok(of(mine, "too-large") >= met.count(a, ["sendmmsg"], "EMSGSIZE"), text);
      assert.ok(of(mine, "too-large") <= met.count(a, SENDING, "EMSGSIZE"), text);
      // The batch that was refused was sent in another way.
      assert.equal(of(mine, "send-failed"), met.count(a, SENDING, "EIO") - 1, text);
      assert.equal(of(mine, "malformed-packet"), met.count(a, ["read"], "EINVAL"), text);
      assert.equal(of(theirs, "interface-full"), met.count(b, ["writev"]), text);
      // These are tried twice.
      assert.ok(of(theirs, "send-failed") >= Math.floor(met.count(b, SENDING, "ECONNREFUSED") / 2), text);
      const full = met.count(b, SENDING, "ENOBUFS") + Math.floor(met.count(b, SENDING, "EAGAIN") / 2);
      assert.ok(of(theirs, "socket-full") >= full, text);
      const reasons = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
      assert.deepEqual([...reasons].filter((reason) => !EXPECTED.has(reason)), [], text);
    });
  },
);

labTest(
  "the fast path of two workers carries on through faults of the system calls of both",
  [...PACKET_PLANE, "wg", "ptrace", "thorough"],
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    const pair = await startWgPair(lab, 4, { workers: 2 });
    const { a, b } = pair;
    await using _server = await serveBulk(a.host.namespace, a.address4, BULK);
    const faults: readonly (readonly [WgEnd, Fault])[] = [
      ...["ENOBUFS", "ECONNREFUSED", "EINTR"].map((error) => [a, { calls: SENDING, error }] as const),
      ...["EIO", "EMSGSIZE"].map((error) => [a, { calls: SENDING, error }] as const),
      ...["ECONNREFUSED", "ENOMEM", "EINTR"].map((error) => [b, { calls: RECEIVING, error }] as const),
      ...["EIO", "ENOBUFS"].map((error) => [b, { calls: ["writev"], error, path: TUN }] as const),
      ...["EINTR", "EINVAL"].map((error) => [a, { calls: ["read"], error, path: TUN }] as const),
      ...["EINTR", "ENOMEM"].map((error) => [b, { calls: WAITING, error }] as const),
    ];
    for (const [end, fault] of faults) {
      await test.step(`${nameOf(end)}: ${fault.error} of ${fault.calls.join(" and ")}`, async () => {
        expectEnough(await carryThrough(pair, end, { when: NOW_AND_THEN, isEverywhere: true, ...fault }));
      });
    }
    await test.step("nobody spins afterwards, and only what failed was lost", async () => {
      await Promise.all([a, b].map(untilIdle));
      const drops = await Promise.all([a, b].map(dropsOf));
      const reasons = drops.flatMap((each) => Object.keys(each));
      assert.deepEqual(reasons.filter((reason) => !EXPECTED.has(reason)), [], JSON.stringify(drops));
    });
  },
);

/** @returns the calls of the thread while `fault` was there; the flow was whole nevertheless */
async function carryThrough({ a, b }: WgPair, end: WgEnd, fault: Fault): Promise<Calls> {
  const { process } = end.device;
  const faults = await begin(end, fault);
  try {
    await using fetching = fetchBulk(b.host.namespace, `http://${a.address4}:${BULK.port}/`);
    await expectWhole(fetching);
  } finally {
    await faults[Symbol.asyncDispose]();
  }
  assert.equal(process.ended, undefined, process.tail());
  return faults.calls;
}

/** B answers nothing while `fault` lasts, and does not insist. @returns the calls of its thread */
async function holdOut({ a, b }: WgPair, fault: Fault): Promise<Calls> {
  const faults = await begin(b, fault);
  const ping = ["ping", "-q", "-i", "0.01", "-c", `${PINGS}`, "-W", "0.2", b.address4];
  const { stdout } = await a.host.namespace.run(ping);
  await faults[Symbol.asyncDispose]();
  assert.match(stdout, / 0 received/);
  expectEnough(faults.calls);
  assert.ok(faults.calls.length <= 3 * PINGS, `${faults.calls.length} calls`);
  return faults.calls;
}

/** Calls have failed, and often. */
function expectEnough(calls: Calls): void {
  const count = calls.filter(({ isInjected }) => isInjected).length;
  assert.ok(count >= ENOUGH, `${count} calls failed`);
}

function begin(end: WgEnd, fault: Fault): Promise<InjectedFaults> {
  return InjectedFaults.begin(end.host.namespace, end.device.process.pid, fault);
}

let wanted: Omit<FetchedBulk, "ms"> | undefined;

/** Every byte comes, and as it was. */
async function expectWhole(fetching: CapturedProcess): Promise<void> {
  const finished = await within(fetching.finished, FLOW_BOUND_MS);
  assert.ok(finished !== undefined, "the flow does not go on");
  assert.equal(finished.code, 0, finished.stderr);
  const { bytes, sha256 } = JSON.parse(finished.stdout) as FetchedBulk;
  if (wanted === undefined) {
    const whole = new Uint8Array(BULK.lengthBytes);
    new SeededRandom(BULK.seed).fill(whole);
    wanted = { bytes: whole.length, sha256: createHash("sha256").update(whole).digest("hex") };
  }
  assert.deepEqual({ bytes, sha256 }, wanted);
}

async function untilIdle(end: WgEnd): Promise<void> {
  const { pid } = end.device.process;
  const isIdle = async () => {
    const spent = processorSeconds(pid);
    await pause(IDLE_WINDOW_MS);
    return (processorSeconds(pid) - spent) / IDLE_WINDOW_MS * 1000 < IDLE_BOUND;
  };
  await waitFor(isIdle, FLOW_BOUND_MS, { what: `${nameOf(end)} is idle` });
}

/** Ends it. @returns what it says it has dropped, by reason */
async function dropsOf(end: WgEnd): Promise<Drops> {
  const { code, stderr } = await end.device.process.stop();
  assert.equal(code, 0, stderr);
  const line = /the interface has ended (.*)/.exec(stderr)?.[1] ?? "";
  return Object.fromEntries(
    [...line.matchAll(/([a-z-]+)=(\d+)/g)].map(([, why, count]) => [why, Number(count)]),
  );
}

function nameOf(end: WgEnd): string {
  return end.host.namespace.label;
}

function isGso({ name, result }: TracedCall): boolean {
  return name === "sendmsg" && result > LONGEST_DATAGRAM;
}

function isBatch({ name, result }: TracedCall): boolean {
  return name === "sendmmsg" && result > 1;
}
