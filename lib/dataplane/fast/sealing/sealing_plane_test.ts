/**
 * Tests of a plane with several workers, on pairs of sockets in the place of an interface's queues.
 * @module
 */

import assert from "node:assert/strict";
import { SeededRandom, silentLogger } from "../../../base/mod.ts";
import { PrivateKey } from "../../../crypto/mod.ts";
import type { OffloadTun } from "../../../host/mod.ts";
import { Cidr, Endpoint } from "../../../net/mod.ts";
import { compilePolicy, readPolicyDocument } from "../../../policy/mod.ts";
import type { PlaneOptions } from "../../packet_plane.ts";
import { FastPlane } from "../fast_plane.ts";
import { VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { BurstingPeer } from "./testing/bursting_peer.ts";
import { type FakeTun, openFakeTun, waitUntil } from "../testing/fake_tun.ts";

const ignore = Deno.build.os !== "linux";
const random = new SeededRandom(1);
const [keyA, keyB] = [PrivateKey.generate(random), PrivateKey.generate(random)];
/** Longer than a burst takes, shorter than a test. */
const BOUND_MS = 20_000;

/** An interface with a queue for each of `others`, beside its first. */
function withQueues(
  first: FakeTun,
  others: readonly FakeTun[],
): OffloadTun & { readonly spreads: boolean[] } {
  const spreads: boolean[] = [];
  return {
    ...first,
    spreads,
    queues: {
      fds: others.map(({ fd }) => fd),
      spread: (isOn) => spreads.push(isOn) > 0,
      close: (fd) => others.find((each) => each.fd === fd)?.close(),
    },
  };
}

async function openPlane(tun: OffloadTun, options: Partial<PlaneOptions> = {}): Promise<FastPlane> {
  return await FastPlane.open(tun, {
    mtuBytes: 1420,
    cipher: "baseline",
    observer: () => {},
    log: silentLogger,
    ...options,
  });
}

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

/** A packet of IPv4 with a virtio header that asks for nothing; its last four bytes are a number. */
function numbered(to: number, number: number, lengthBytes = 100): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(VIRTIO_HEADER_BYTES + lengthBytes);
  frame.set([0x45, 0, lengthBytes >> 8, lengthBytes & 255], VIRTIO_HEADER_BYTES);
  frame.set([10, 0, 0, 1, 10, 0, 0, to], VIRTIO_HEADER_BYTES + 12);
  new DataView(frame.buffer).setUint32(frame.length - 4, number);
  return frame;
}

function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(frame.length - 4);
}

/** A is the plane with two workers; B receives. */
async function openPair(
  tuns: { readonly first: FakeTun; readonly second: FakeTun; readonly peer: FakeTun },
  options: Partial<PlaneOptions> = {},
): Promise<{ readonly a: FastPlane; readonly b: FastPlane; readonly tun: ReturnType<typeof withQueues> }> {
  const tun = withQueues(tuns.first, [tuns.second]);
  const [a, b] = [await openPlane(tun, options), await openPlane(tuns.peer)];
  for (const [plane, key] of [[a, keyA], [b, keyB]] as const) {
    plane.setPrivateKey(key);
    assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
  }
  const endpoint = Endpoint.parse(`127.0.0.1:${b.localPort}`) ?? assert.fail();
  b.setPeer({ publicKey: keyA.publicKey, allowedIps: [cidr("10.0.0.1/32")] });
  a.setPeer({ publicKey: keyB.publicKey, endpoint, allowedIps: [cidr("10.0.0.2/32")] });
  return { a, b, tun };
}

Deno.test({
  name: "FastPlane of two workers carries what comes to either queue, in its order, from the first packet on",
  ignore,
  fn: async () => {
    using first = openFakeTun();
    using second = openFakeTun();
    using peer = openFakeTun();
    const { a, b, tun } = await openPair({ first, second, peer });
    try {
      assert.equal(a.workers, 2);
      // The first packets find no session: they are handed over, wait for the handshake, and stay in front.
      const arrived: number[] = [];
      const take = () => {
        for (let frame = peer.take(); frame !== undefined; frame = peer.take()) arrived.push(numberOf(frame));
      };
      for (let i = 0; i < 2000; i++) {
        second.put(numbered(2, i));
        if (i % 20 === 0) await waitUntil(() => (take(), i - arrived.length < 100 || undefined), BOUND_MS);
      }
      await waitUntil(() => (take(), arrived.length === 2000 || undefined), BOUND_MS);
      assert.deepEqual(arrived, Array.from({ length: 2000 }, (_, i) => i));
      first.put(numbered(2, 5000));
      assert.equal(numberOf(await waitUntil(() => peer.take())), 5000);
      // Both are told what was sent, 2,001 datagrams of 144 bytes and a handshake.
      await waitUntil(() => (a.peerStatus(keyB.publicKey)?.txBytes ?? 0) >= 2001 * 144 || undefined);
      assert.deepEqual(tun.spreads, [true]);
      second.put(numbered(9, 1));
      await waitUntil(() => a.drops()["no-peer-for-destination"] === 1 || undefined);
      a.removePeer(keyB.publicKey);
      second.put(numbered(2, 1));
      await waitUntil(() => a.drops()["no-peer-for-destination"] === 2 || undefined);
      assert.equal(peer.take(), undefined);
    } finally {
      a.close();
      b.close();
      assert.deepEqual([await a.ended, await b.ended], ["closed", "closed"]);
    }
    assert.ok(first.isClosed && second.isClosed);
  },
});

Deno.test({
  name: "FastPlane of two workers replaces sessions under load, and keeps every packet and the order",
  ignore,
  fn: async () => {
    using first = openFakeTun();
    using second = openFakeTun();
    using peer = openFakeTun();
    let handshakes = 0;
    const { a, b } = await openPair({ first, second, peer }, {
      timers: { rekeyAfterTimeMs: 50, rekeyTimeoutMs: 50, rejectAfterTimeMs: 5_000 },
      observer: ({ kind }) => handshakes += kind === "handshake-completed" ? 1 : 0,
    });
    try {
      const arrived: number[] = [];
      const take = () => {
        for (let frame = peer.take(); frame !== undefined; frame = peer.take()) arrived.push(numberOf(frame));
      };
      let sent = 0;
      while (handshakes < 6) {
        for (let i = 0; i < 20; i++) second.put(numbered(2, sent++));
        await waitUntil(() => (take(), sent - arrived.length < 50 || undefined), BOUND_MS);
      }
      await waitUntil(() => (take(), arrived.length === sent || undefined), BOUND_MS);
      assert.deepEqual(arrived, Array.from({ length: sent }, (_, i) => i));
      const { "handover-full": lost } = a.drops();
      assert.equal(lost, 0);
    } finally {
      a.close();
      b.close();
      await Promise.all([a.ended, b.ended]);
    }
  },
});

Deno.test({
  name:
    "FastPlane hands every packet to its first worker while a policy is in force, and spreads them again after",
  ignore,
  fn: async () => {
    using first = openFakeTun();
    using second = openFakeTun();
    using peer = openFakeTun();
    const { a, b, tun } = await openPair({ first, second, peer });
    try {
      second.put(numbered(2, 1));
      await waitUntil(() => peer.take());
      const rules = [{ deny: { from: "*", to: "*" } }];
      const roster = { members: [], networks: [] };
      const { bytes } = compilePolicy(readPolicyDocument({ rules }), roster, {
        revision: "0".repeat(16),
      });
      a.setPolicy({ enforced: bytes, trial: undefined, ownAddresses: ["10.0.0.1"] });
      await waitUntil(() => tun.spreads.length === 2 || undefined);
      second.put(numbered(2, 2));
      await waitUntil(() => a.drops()["policy-denied"] === 1 || undefined);
      assert.equal(peer.take(), undefined);
      a.setPolicy({ enforced: undefined, trial: undefined, ownAddresses: [] });
      await waitUntil(() => tun.spreads.length === 3 || undefined);
      second.put(numbered(2, 3));
      assert.equal(numberOf(await waitUntil(() => peer.take())), 3);
      assert.deepEqual(tun.spreads, [true, false, true]);
    } finally {
      a.close();
      b.close();
      await Promise.all([a.ended, b.ended]);
    }
  },
});

Deno.test({
  name: "FastPlane of two workers whose first dies ends with worker-failed, and holds nothing",
  ignore,
  fn: async () => {
    using first = openFakeTun();
    using second = openFakeTun();
    const tun = withQueues(first, [second]);
    const plane = await openPlane(tun, { timers: { rekeyTimeoutMs: 5000n as unknown as number } });
    plane.setPrivateKey(keyA);
    assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
    const port = plane.localPort;
    const endpoint = Endpoint.parse("127.0.0.1:9") ?? assert.fail();
    plane.setPeer({ publicKey: keyB.publicKey, endpoint, allowedIps: [] });
    plane.initiateHandshake(keyB.publicKey);
    assert.equal(await plane.ended, "worker-failed");
    assert.ok(first.isClosed && second.isClosed);
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
  },
});

Deno.test({
  name: "FastPlane of two workers takes another socket, and closes the former one once neither uses it",
  ignore,
  fn: async () => {
    using first = openFakeTun();
    using second = openFakeTun();
    using peer = openFakeTun();
    const { a, b } = await openPair({ first, second, peer });
    try {
      for (let number = 1; number < 4; number++) {
        const former = a.localPort;
        second.put(numbered(2, number));
        assert.equal(numberOf(await waitUntil(() => peer.take())), number);
        assert.equal(a.listen({ port: 0, fwmark: 0 }), undefined);
        await waitUntil(() => canBind(former) || undefined);
      }
      a.suspend();
      const { localPort } = a;
      assert.equal(localPort, 0);
    } finally {
      a.close();
      b.close();
      await Promise.all([a.ended, b.ended]);
    }
  },
});

/** An interface of two queues that are one, so that the order shows in which both workers write. */
function withOneQueueTwice(tun: FakeTun): OffloadTun {
  return { ...tun, queues: { fds: [tun.fd], spread: () => true, close: () => {} } };
}

Deno.test({
  name:
    "FastPlane of two workers receives bursts by both, in order, each packet once, through sessions that are replaced",
  ignore,
  fn: async () => {
    using both = openFakeTun();
    const plane = await openPlane(withOneQueueTwice(both));
    plane.setPrivateKey(keyA);
    assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
    plane.setPeer({ publicKey: keyB.publicKey, allowedIps: [cidr("10.0.0.2/32")] });
    using peer = new BurstingPeer(keyB, keyA.publicKey, plane.localPort, "10.0.0.1");
    const [bursts, batches, each] = [60, 4, 30];
    const arrived: number[] = [];
    const take = () => {
      for (let frame = both.take(); frame !== undefined; frame = both.take()) arrived.push(numberOf(frame));
    };
    let repeated = 0;
    try {
      for (let burst = 0; burst < bursts; burst++) {
        // What is under way by the former session when the next one begins is good.
        const isFirst = burst % 20 === 0;
        if (isFirst) peer.shakeHands();
        const sealed = Array.from(
          { length: batches },
          (_, batch) =>
            peer.seal(Array.from({ length: each }, (_, i) => {
              const frame = numbered(1, (burst * batches + batch) * each + i);
              frame.set([10, 0, 0, 2], VIRTIO_HEADER_BYTES + 12);
              return frame.slice(VIRTIO_HEADER_BYTES);
            })),
        );
        for (const batch of sealed) peer.send(batch);
        const again = sealed[burst % batches] ?? [];
        peer.send(again);
        repeated += again.length;
        const due = (burst + 1) * batches * each;
        await waitUntil(() => (take(), arrived.length >= due || undefined), BOUND_MS);
      }
      assert.deepEqual(arrived, Array.from({ length: bursts * batches * each }, (_, i) => i));
      await waitUntil(() => plane.drops()["replayed-datagram"] === repeated || undefined);
      take();
      assert.equal(arrived.length, bursts * batches * each);
      const bytes = plane.peerStatus(keyB.publicKey)?.rxBytes ?? 0;
      assert.ok(bytes >= arrived.length * 144 && bytes < arrived.length * 144 + 1000, `${bytes}`);
    } finally {
      plane.close();
      await plane.ended;
    }
  },
});

function canBind(port: number): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
    return true;
  } catch {
    return false;
  }
}
