/**
 * What every DatagramSocket must do; the tests of each implementation call it.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Endpoint } from "../../net/mod.ts";
import { type DatagramSocket, MAX_DATAGRAM_BYTES } from "../datagram_socket.ts";

/** Two sockets on a perfect network. */
export interface DatagramPair {
  readonly a: DatagramSocket;
  readonly b: DatagramSocket;
  /** How `b` reaches `a`. */
  readonly endpointA: Endpoint;
  /** How `a` reaches `b`. */
  readonly endpointB: Endpoint;
  /** Where nobody listens. */
  readonly nowhere: Endpoint;
}

/** What came in one datagram, copied out of its batch. */
export interface Received {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
}

const RECEIVE_BOUND_MS = 5_000;

/** @returns the next datagrams of `socket`; @throws when none comes within 5 s */
export async function receive(socket: DatagramSocket): Promise<Received[] | undefined> {
  const bound = Promise.withResolvers<never>();
  const timer = setTimeout(() => bound.reject(new Error("nothing was received")), RECEIVE_BOUND_MS);
  try {
    const batch = await Promise.race([socket.receiveBatch(), bound.promise]);
    return batch && Array.from({ length: batch.count }, (_, i) => ({
      bytes: batch.datagram(i).slice(),
      source: batch.source(i),
    }));
  } finally {
    clearTimeout(timer);
  }
}

/** @returns once the drops of `socket` by `reason` are `count`; @throws when they aren't within many turns */
export async function untilDropped(socket: DatagramSocket, reason: string, count: number): Promise<void> {
  for (let turn = 0; turn < 10_000 && socket.drops()[reason] !== count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(socket.drops()[reason], count);
}

/**
 * Registers the suite.
 * @param name the implementation under test
 * @param open makes a new pair; the suite closes both
 */
export function testDatagramSocket(name: string, open: () => DatagramPair): void {
  const test = (what: string, body: (pair: DatagramPair) => Promise<void>): void =>
    Deno.test(`${name} ${what}`, async () => {
      const pair = open();
      try {
        await body(pair);
      } finally {
        pair.a.close();
        pair.b.close();
      }
    });

  test("carries datagrams both ways and names their source", async ({ a, b, endpointA, endpointB }) => {
    assert.equal(endpointA.port, a.localPort);
    a.send(Uint8Array.of(1, 2, 3), endpointB);
    const [there] = await receive(b) ?? assert.fail();
    assert.deepEqual(there?.bytes, Uint8Array.of(1, 2, 3));
    assert.equal(there?.source.toString(), endpointA.toString());
    b.send(Uint8Array.of(4), there?.source ?? assert.fail());
    const [back] = await receive(a) ?? assert.fail();
    assert.deepEqual(back?.bytes, Uint8Array.of(4));
    assert.equal(back?.source.toString(), endpointB.toString());
  });

  test("takes the bytes before send() returns", async ({ a, b, endpointB }) => {
    const buffer = new Uint8Array(8);
    for (let i = 0; i < 20; i++) a.send(buffer.fill(i), endpointB);
    buffer.fill(255);
    const seen: number[] = [];
    while (seen.length < 20) {
      for (const { bytes } of await receive(b) ?? assert.fail()) {
        assert.equal(new Set(bytes).size, 1);
        seen.push(bytes[0] ?? -1);
      }
    }
    assert.deepEqual(seen.sort((x, y) => x - y), Array.from({ length: 20 }, (_, i) => i));
  });

  test("carries any bytes of any length", async ({ a, b, endpointB }) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        a.send(bytes, endpointB);
        assert.deepEqual((await receive(b))?.map((received) => received.bytes), [bytes]);
      }),
      { numRuns: 50 },
    );
  });

  test("carries the largest datagram and drops a larger one", async ({ a, b, endpointB }) => {
    a.send(new Uint8Array(MAX_DATAGRAM_BYTES + 1), endpointB);
    assert.equal(a.drops()["too-large"], 1);
    const largest = Uint8Array.from({ length: MAX_DATAGRAM_BYTES }, (_, i) => i % 251);
    a.send(largest, endpointB);
    assert.deepEqual((await receive(b))?.[0]?.bytes, largest);
  });

  test("outlives sends to where nobody listens", async ({ a, b, endpointA, endpointB, nowhere }) => {
    for (let i = 0; i < 10; i++) a.send(Uint8Array.of(i), nowhere);
    a.send(Uint8Array.of(42), endpointB);
    assert.deepEqual((await receive(b))?.[0]?.bytes, Uint8Array.of(42));
    b.send(Uint8Array.of(43), endpointA);
    assert.deepEqual((await receive(a))?.[0]?.bytes, Uint8Array.of(43));
  });

  test("ends a receiveBatch() under way when it is closed, also twice", async ({ a }) => {
    const pending = receive(a);
    a.close();
    a.close();
    assert.equal(await pending, undefined);
    assert.equal(await receive(a), undefined);
  });

  test("ends a receiveBatch() when it is closed some turns later", async ({ a }) => {
    const pending = receive(a);
    await new Promise((resolve) => setImmediate(resolve));
    a.close();
    assert.equal(await pending, undefined);
  });

  test("drops and counts what is sent after close()", async ({ a, b, endpointA, endpointB }) => {
    a.send(Uint8Array.of(1), endpointB);
    await receive(b);
    a.close();
    a.send(Uint8Array.of(2), endpointB);
    assert.equal(a.drops()["closed"], 1);
    // Nobody is at a's endpoint any more, which is b's to bear.
    b.send(Uint8Array.of(3), endpointA);
    assert.equal(b.drops()["closed"], 0);
  });
}
