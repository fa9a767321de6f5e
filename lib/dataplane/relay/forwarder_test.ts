import assert from "node:assert/strict";
import { millis, SeededRandom } from "../../base/mod.ts";
import { systemClock } from "../../host/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import {
  ANY_PORT,
  drawLegKey,
  echoOf,
  encodeBind,
  type ForwarderDrop,
  type LegKey,
  openBound,
  type RelayForwarder,
  type RelayRates,
} from "../../relay/mod.ts";
import { type DatagramSocket, openUdp } from "../../transport/mod.ts";
import { FastForwarder } from "../fast/mod.ts";
import { PortableForwarder } from "./portable_forwarder.ts";

const BOUND_MS = 20_000;
const LOOPBACK = IpAddress.parse("127.0.0.1") ?? assert.fail();
const UNBOUNDED: RelayRates = { totalBytesPerSecond: Infinity, sessionBytesPerSecond: Infinity };

/** A member's end: a socket, and the leg that it uses. */
class Member {
  readonly socket: DatagramSocket = openUdp({ port: 0, address: LOOPBACK });
  readonly key: LegKey;
  readonly leg: Endpoint;

  constructor(key: LegKey, port: number) {
    this.key = key;
    this.leg = new Endpoint(LOOPBACK, port);
  }

  async bind(counter: number): Promise<number | undefined> {
    this.socket.send(encodeBind("bind", this.key, counter), this.leg);
    return openBound(await this.receive(), this.key);
  }

  /** Binds, and repeats what the answer tells to. */
  async prove(): Promise<void> {
    this.socket.send(encodeBind("bind", this.key, 1), this.leg);
    const bound = await this.receive();
    this.socket.send(encodeBind("bind", this.key, 2, echoOf(bound)), this.leg);
    assert.equal(echoOf(await this.receive()), undefined);
  }

  async receive(): Promise<Uint8Array> {
    const batch = await within(this.socket.receiveBatch());
    return batch?.datagram(0).slice() ?? assert.fail("the socket is closed");
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came")), BOUND_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + BOUND_MS;
  while (!isSo()) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @returns a datagram that looks like WireGuard's data */
function dataOf(lengthBytes: number, seed: number): Uint8Array {
  const out = new Uint8Array(lengthBytes);
  new SeededRandom(seed).fill(out);
  out.set([4, 0, 0, 0]);
  return out;
}

type Open = (rates?: RelayRates) => RelayForwarder;

async function withSession(
  open: Open,
  use: (a: Member, b: Member, forwarder: RelayForwarder) => Promise<void>,
  rates?: RelayRates,
): Promise<void> {
  const forwarder = open(rates);
  const keys = [drawLegKey(new SeededRandom(1)), drawLegKey(new SeededRandom(2))] as const;
  const ports = forwarder.open(keys) ?? assert.fail("no ports");
  using a = new Member(keys[0], ports.a);
  using b = new Member(keys[1], ports.b);
  try {
    await use(a, b, forwarder);
  } finally {
    await forwarder.close();
  }
  assert.equal(await forwarder.ended, "closed");
}

function dropped(forwarder: RelayForwarder, reason: ForwarderDrop, count: number): Promise<void> {
  return until(() => forwarder.drops()[reason] >= count, `${count} ${reason}`);
}

function testForwarder(name: string, open: Open): void {
  Deno.test(`${name} carries datagrams both ways, unchanged`, async () => {
    await withSession(open, async (a, b, forwarder) => {
      await a.prove();
      await b.prove();
      for (const lengthBytes of [32, 48, 1452, 65_000]) {
        const datagram = dataOf(lengthBytes, lengthBytes);
        a.socket.send(datagram, a.leg);
        assert.deepEqual(await b.receive(), datagram);
        b.socket.send(datagram, b.leg);
        assert.deepEqual(await a.receive(), datagram);
      }
      assert.equal(Object.values(forwarder.drops()).reduce((sum, count) => sum + count), 0);
    });
  });

  Deno.test(`${name} hears the bound source alone, and counts the rest`, async () => {
    await withSession(open, async (a, b, forwarder) => {
      using stranger = new Member(drawLegKey(new SeededRandom(9)), a.leg.port);
      a.socket.send(dataOf(64, 1), a.leg);
      await dropped(forwarder, "unbound", 1);
      assert.equal(await a.bind(1), 1);
      a.socket.send(dataOf(64, 1), a.leg);
      await dropped(forwarder, "other-unbound", 1);
      assert.equal(await b.bind(1), 1);
      stranger.socket.send(dataOf(64, 2), a.leg);
      await dropped(forwarder, "foreign-source", 1);
      stranger.socket.send(encodeBind("bind", stranger.key, 5), a.leg);
      await dropped(forwarder, "wrong-bind", 1);
      stranger.socket.send(encodeBind("bind", a.key, 1), a.leg);
      await dropped(forwarder, "replayed-bind", 1);
      a.socket.send(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), a.leg);
      a.socket.send(new Uint8Array(), a.leg);
      await dropped(forwarder, "unknown-kind", 2);
      // Nothing of all that was sent on: this is the first that comes.
      const last = dataOf(96, 3);
      a.socket.send(last, a.leg);
      assert.deepEqual(await b.receive(), last);
    });
  });

  Deno.test(`${name} follows a member to the source of its newest bind`, async () => {
    await withSession(open, async (a, b, forwarder) => {
      await a.bind(1);
      await b.bind(1);
      using moved = new Member(a.key, a.leg.port);
      assert.equal(await moved.bind(2), 2);
      const datagram = dataOf(128, 4);
      b.socket.send(datagram, b.leg);
      assert.deepEqual(await moved.receive(), datagram);
      a.socket.send(datagram, a.leg);
      await dropped(forwarder, "foreign-source", 1);
    });
  });

  Deno.test(`${name} carries no more than it may`, async () => {
    const rates = { totalBytesPerSecond: Infinity, sessionBytesPerSecond: 1000 };
    await withSession(open, async (a, b, forwarder) => {
      await a.prove();
      await b.prove();
      // The burst has room for two.
      for (let i = 0; i < 2; i++) {
        a.socket.send(dataOf(60_000, i), a.leg);
        assert.deepEqual(await b.receive(), dataOf(60_000, i));
      }
      a.socket.send(dataOf(60_000, 2), a.leg);
      await dropped(forwarder, "over-rate", 1);
    }, rates);
  });

  Deno.test(`${name} closes the ports of a session, and opens others`, async () => {
    await withSession(open, async (_a, _b, forwarder) => {
      const keys = [drawLegKey(new SeededRandom(3)), drawLegKey(new SeededRandom(4))] as const;
      const ports = forwarder.open(keys) ?? assert.fail("no ports");
      using member = new Member(keys[0], ports.a);
      assert.equal(await member.bind(1), 1);
      await until(() => ports.activity().binds === 1, "a bind is seen");
      ports.close();
      ports.close();
      assert.deepEqual(ports.activity(), { datagrams: 0, bytes: 0, binds: 1, isBound: false });
      await until(() => isFree(ports.a) && isFree(ports.b), "the ports are free");
      assert.ok(forwarder.open(keys));
    });
  });

  Deno.test(`${name} opens nothing when it is closed`, async () => {
    const forwarder = open();
    await forwarder.close();
    await forwarder.close();
    const key = drawLegKey(new SeededRandom(3));
    assert.equal(forwarder.open([key, key]), undefined);
  });
}

function isFree(port: number): boolean {
  try {
    openUdp({ port }).close();
    return true;
  } catch {
    return false;
  }
}

testForwarder("PortableForwarder", (rates = UNBOUNDED) =>
  new PortableForwarder({
    ports: ANY_PORT,
    rates,
    clock: { now: () => millis(performance.now()), wall: systemClock.wall },
  }));

if (Deno.build.os === "linux") {
  testForwarder("FastForwarder", (rates = UNBOUNDED) => new FastForwarder({ ports: ANY_PORT, rates }));
} else {
  // deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
  console.log("skipped: FastForwarder: it needs Linux");
}
