/**
 * Tests of the plane with its worker, on a pair of sockets in the place of an interface.
 * @module
 */

import assert from "node:assert/strict";
import { SeededRandom, silentLogger } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import type { OffloadTun } from "../../host/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";
import type { PlaneOptions } from "../packet_plane.ts";
import { FastPlane } from "./fast_plane.ts";
import { openFakeTun, waitUntil } from "./testing/fake_tun.ts";
import { VIRTIO_HEADER_BYTES } from "./superpacket.ts";

const isLinux = Deno.build.os === "linux";

const random = new SeededRandom(1);
const [keyA, keyB] = [PrivateKey.generate(random), PrivateKey.generate(random)];

async function openPlane(tun: OffloadTun, options: Partial<PlaneOptions> = {}): Promise<FastPlane> {
  return await FastPlane.open(tun, {
    mtuBytes: 1420,
    cipher: "baseline",
    observer: () => {},
    log: silentLogger,
    ...options,
  });
}

/** A plane whose worker dies of its next handshake: its clock's numbers do not go with such a time. */
function openDoomed(tun: OffloadTun): Promise<FastPlane> {
  return openPlane(tun, { timers: { rekeyTimeoutMs: 5000n as unknown as number } });
}

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

/** A packet of IPv4 with a virtio header that asks for nothing. */
function plainFrame(from: number, to: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(VIRTIO_HEADER_BYTES + lengthBytes);
  frame.set([0x45, 0, lengthBytes >> 8, lengthBytes & 255], VIRTIO_HEADER_BYTES);
  frame.set([10, 0, 0, from, 10, 0, 0, to], VIRTIO_HEADER_BYTES + 12);
  return frame;
}

Deno.test({
  name: "FastPlane shakes hands with another, carries packets of several sizes, and closes",
  ignore: !isLinux,
  fn: async () => {
    using tunA = openFakeTun();
    using tunB = openFakeTun();
    const events: DeviceEvent["kind"][] = [];
    const a = await openPlane(tunA, { observer: ({ kind }) => events.push(kind) });
    const b = await openPlane(tunB);
    try {
      for (const [plane, key] of [[a, keyA], [b, keyB]] as const) {
        plane.setPrivateKey(key);
        assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
      }
      const endpoint = Endpoint.parse(`127.0.0.1:${b.localPort}`);
      assert.ok(endpoint);
      a.setPeer({ publicKey: keyB.publicKey, endpoint, allowedIps: [cidr("10.0.0.2/32")] });
      b.setPeer({ publicKey: keyA.publicKey, allowedIps: [cidr("10.0.0.1/32")] });
      a.initiateHandshake(keyB.publicKey);
      // A packet that comes before the worker has heard of the peer is nobody's.
      await waitUntil(() => events.includes("handshake-completed") || undefined);
      for (const lengthBytes of [100, 1420]) {
        const frame = plainFrame(1, 2, lengthBytes);
        tunA.put(frame);
        assert.deepEqual(await waitUntil(() => tunB.take()), frame);
      }
      await waitUntil(() => a.peerStatus(keyB.publicKey)?.lastHandshakeAt);
      tunA.put(plainFrame(1, 9, 100));
      await waitUntil(() => a.drops()["no-peer-for-destination"] === 1 || undefined);
    } finally {
      a.close();
      b.close();
    }
    assert.deepEqual([await a.ended, await b.ended], ["closed", "closed"]);
    assert.ok(tunA.isClosed && tunB.isClosed);
  },
});

Deno.test({
  name: "FastPlane ends with interface-gone when the other end of its descriptor is gone",
  ignore: !isLinux,
  fn: async () => {
    using tun = openFakeTun();
    const plane = await openPlane(tun);
    tun.breakOff();
    assert.equal(await plane.ended, "interface-gone");
    assert.ok(tun.isClosed);
    plane.close();
  },
});

Deno.test({
  name: "FastPlane whose worker dies ends with worker-failed, holds nothing, and hangs nobody",
  ignore: !isLinux,
  fn: async () => {
    using tun = openFakeTun();
    const plane = await openDoomed(tun);
    plane.setPrivateKey(keyA);
    assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
    const port = plane.localPort;
    const endpoint = Endpoint.parse("127.0.0.1:9");
    assert.ok(endpoint);
    plane.setPeer({ publicKey: keyB.publicKey, endpoint, allowedIps: [] });
    plane.initiateHandshake(keyB.publicKey);
    // All in one turn: nobody has heard of the death yet, and this is more than the ring of commands holds.
    const addAllowedIps = Array.from({ length: 4000 }, (_, i) => cidr(`10.${i >> 8}.${i & 255}.0/24`));
    for (let i = 0; i < 40; i++) plane.updatePeer({ publicKey: keyB.publicKey, addAllowedIps });
    assert.equal(await plane.ended, "worker-failed");
    assert.ok(tun.isClosed);
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
    // Whoever has not heard of it does no harm.
    plane.updatePeer({ publicKey: keyB.publicKey, addAllowedIps });
    plane.setMtu(1300);
    assert.equal(plane.listen({ port, fwmark: 0 }), undefined);
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
    plane.suspend();
    plane.removePeer(keyB.publicKey);
    plane.setPrivateKey(undefined);
    assert.deepEqual(plane.peerStatuses(), []);
    plane.close();
  },
});

Deno.test({
  name:
    "FastPlane hears from its worker only what has a form, and a slot that is used again shows nothing of its past",
  ignore: !isLinux,
  fn: async () => {
    using tunA = openFakeTun();
    using tunB = openFakeTun();
    const [a, b] = [await openPlane(tunA), await openPlane(tunB)];
    try {
      for (const [plane, key] of [[a, keyA], [b, keyB]] as const) {
        plane.setPrivateKey(key);
        plane.listen({ port: 0, fwmark: 0 });
      }
      const endpoint = Endpoint.parse(`127.0.0.1:${b.localPort}`);
      assert.ok(endpoint);
      a.setPeer({ publicKey: keyB.publicKey, endpoint, allowedIps: [cidr("10.0.0.2/32")] });
      b.setPeer({ publicKey: keyA.publicKey, allowedIps: [cidr("10.0.0.1/32")] });
      tunA.put(plainFrame(1, 2, 100));
      await waitUntil(() => tunB.take());
      await waitUntil(() => (a.peerStatus(keyB.publicKey)?.txBytes ?? 0) > 0 || undefined);
      a.removePeer(keyB.publicKey);
      const other = PrivateKey.generate(random).publicKey;
      a.setPeer({ publicKey: other, allowedIps: [] });
      const { txBytes, rxBytes, hasSession, lastHandshakeAt, endpoint: shown } = a.peerStatus(other) ??
        assert.fail();
      assert.deepEqual(
        { txBytes, rxBytes, hasSession, lastHandshakeAt, shown },
        { txBytes: 0, rxBytes: 0, hasSession: false, lastHandshakeAt: undefined, shown: undefined },
      );
    } finally {
      a.close();
      b.close();
      await Promise.all([a.ended, b.ended]);
    }
  },
});
