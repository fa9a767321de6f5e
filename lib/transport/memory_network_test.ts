import assert from "node:assert/strict";
import { SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { MAX_SENDS_IN_FLIGHT } from "./datagram_socket.ts";
import { receive, testDatagramSocket } from "./testing/datagram_socket_suite.ts";
import { PortInUseError } from "./errors.ts";
import { type LinkQuality, MemoryNetwork } from "./memory_network.ts";

const LAST = 255;
const at = (last: number, port = 51820): Endpoint =>
  new Endpoint(IpAddress.fromBytes(Uint8Array.of(192, 0, 2, last)), port);

/** A network whose quality can be changed. */
function makeNetwork(
  seed = 1,
): { network: MemoryNetwork; timers: VirtualTimers; link: { quality: LinkQuality } } {
  const timers = new VirtualTimers(new VirtualClock());
  const link = { quality: {} };
  const random = new SeededRandom(seed);
  return { timers, link, network: new MemoryNetwork({ random, timers, quality: () => link.quality }) };
}

testDatagramSocket("MemoryNetwork", () => {
  const { network } = makeNetwork();
  return {
    a: network.open(at(1)),
    b: network.open(at(2)),
    endpointA: at(1),
    endpointB: at(2),
    nowhere: at(3),
  };
});

/** Sends 0, 1, 2 …, one a millisecond, over a network of `quality`. @returns what arrived, in its order */
async function arrivals(quality: LinkQuality, count: number, seed = 7): Promise<number[]> {
  const { network, timers, link } = makeNetwork(seed);
  using a = network.open(at(1));
  using b = network.open(at(2));
  link.quality = { delayMs: 1, ...quality };
  for (let i = 0; i < count; i++) {
    a.send(Uint8Array.of(i), at(2));
    timers.advance(1);
  }
  timers.advance(1_000);
  assert.equal(timers.size, 0);
  link.quality = {};
  a.send(Uint8Array.of(LAST), at(2));
  const seen: number[] = [];
  while (seen.at(-1) !== LAST) {
    for (const { bytes } of await receive(b) ?? assert.fail()) seen.push(bytes[0] ?? -1);
  }
  return seen.slice(0, -1);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (values: readonly number[]): number[] => values.toSorted((x, y) => x - y);

Deno.test("MemoryNetwork carries everything in order when it is perfect", async () => {
  assert.deepEqual(await arrivals({}, 200), numbers(200));
});

Deno.test("MemoryNetwork loses as its seed says, and the same again", async () => {
  assert.deepEqual(await arrivals({ lossRate: 1 }, 20), []);
  const seen = await arrivals({ lossRate: 0.5 }, 100);
  assert.ok(seen.length > 25 && seen.length < 75, `${seen.length}`);
  assert.deepEqual(seen, sorted(seen));
  assert.deepEqual(await arrivals({ lossRate: 0.5 }, 100), seen);
  assert.notDeepEqual(await arrivals({ lossRate: 0.5 }, 100, 8), seen);
});

Deno.test("MemoryNetwork duplicates", async () => {
  assert.deepEqual(await arrivals({ duplicationRate: 1 }, 30), numbers(30).flatMap((i) => [i, i]));
});

Deno.test("MemoryNetwork holds back and jitters, so that the order changes and nothing is missing", async () => {
  for (const quality of [{ reorderRate: 0.3 }, { jitterMs: 20 }]) {
    const seen = await arrivals(quality, 100);
    assert.notDeepEqual(seen, numbers(100));
    assert.deepEqual(sorted(seen), numbers(100));
  }
});

Deno.test("MemoryNetwork delivers after the delay and not before", async () => {
  const { network, timers, link } = makeNetwork();
  using a = network.open(at(1));
  using b = network.open(at(2));
  link.quality = { delayMs: 30 };
  a.send(Uint8Array.of(1), at(2));
  timers.advance(29);
  let isThere = false;
  const pending = receive(b).then((batch) => {
    isThere = true;
    return batch;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isThere, false);
  timers.advance(1);
  assert.equal((await pending)?.length, 1);
});

Deno.test("MemoryNetwork gives datagrams that wait as one batch", async () => {
  const { network } = makeNetwork();
  using a = network.open(at(1));
  using b = network.open(at(2));
  for (let i = 0; i < 5; i++) a.send(Uint8Array.of(i), at(2));
  assert.deepEqual((await receive(b))?.map(({ bytes }) => bytes[0]), numbers(5));
});

Deno.test("MemoryNetwork drops and counts beyond its bounds", async () => {
  const { network, timers, link } = makeNetwork();
  using a = network.open(at(1));
  using b = network.open(at(2));
  link.quality = { delayMs: 1 };
  for (let i = 0; i < MAX_SENDS_IN_FLIGHT + 3; i++) a.send(Uint8Array.of(1), at(2));
  assert.equal(a.drops()["too-many-in-flight"], 3);
  timers.advance(1);
  link.quality = {};
  a.send(Uint8Array.of(2), at(2));
  assert.equal(b.drops()["receive-queue-full"], 1);
  a.send(Uint8Array.of(3), at(9));
  assert.equal(a.drops()["no-listener"], 1);
  assert.equal((await receive(b))?.length, 64);
});

Deno.test("MemoryNetwork gives each endpoint to one socket at a time", () => {
  const { network } = makeNetwork();
  const first = network.open(at(1));
  assert.throws(() => network.open(at(1)), PortInUseError);
  network.open(at(2)).close();
  first.close();
  network.open(at(1)).close();
  const free = [network.open(at(1, 0)), network.open(at(1, 0))];
  assert.notEqual(free[0]?.localPort, free[1]?.localPort);
});
