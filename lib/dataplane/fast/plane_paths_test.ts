/**
 * What both planes do about paths: probes by the socket of WireGuard, and peers whose path is set.
 * @module
 */

import assert from "node:assert/strict";
import { SeededRandom, silentLogger } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import type { PacketDevice } from "../../host/mod.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";
import type { PlaneOptions, WireGuardPlane } from "../packet_plane.ts";
import { PortablePlane } from "../portable_plane.ts";
import { FastPlane } from "./fast_plane.ts";
import { openFakeTun, waitUntil } from "./testing/fake_tun.ts";

const ID = "0123456789abcdef";
const isLinux = Deno.build.os === "linux";

type Options = Pick<PlaneOptions, "mtuBytes" | "observer" | "log" | "onProbe">;

interface OpenedPlane extends AsyncDisposable {
  readonly plane: WireGuardPlane;
}

async function openFast(options: Options): Promise<OpenedPlane> {
  const tun = openFakeTun();
  const plane = await FastPlane.open(tun, { ...options, cipher: "baseline" });
  return {
    plane,
    [Symbol.asyncDispose]: async () => {
      plane.close();
      await plane.ended;
      tun[Symbol.dispose]();
    },
  };
}

function openPortable(options: Options): Promise<OpenedPlane> {
  const closed = Promise.withResolvers<undefined>();
  const device: PacketDevice = {
    name: "none",
    readBatch: () => closed.promise,
    write: () => true,
    close: () => closed.resolve(undefined),
  };
  const plane = new PortablePlane(device, { ...options, interfaceName: "none", choice: "portable" });
  return Promise.resolve({
    plane,
    [Symbol.asyncDispose]: async () => {
      plane.close();
      await plane.ended;
    },
  });
}

function probe(id: string, lengthBytes: number): Uint8Array {
  const datagram = new Uint8Array(lengthBytes);
  datagram.set([0x77, 1, 0, 0]);
  datagram.set(Uint8Array.fromHex(id), 4);
  return datagram;
}

/** @returns a Binding request without attributes */
function stun(id: number): Uint8Array {
  const datagram = new Uint8Array(20);
  datagram.set([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
  datagram[19] = id;
  return datagram;
}

function local(plane: WireGuardPlane): Endpoint {
  return Endpoint.parse(`127.0.0.1:${plane.localPort}`) ?? assert.fail();
}

for (
  const [name, open, ignore] of [["FastPlane", openFast, !isLinux], [
    "PortablePlane",
    openPortable,
    false,
  ]] as const
) {
  const random = new SeededRandom(5);
  const [keyA, keyB] = [PrivateKey.generate(random), PrivateKey.generate(random)];

  Deno.test({
    name: `${name} exchanges probes with ids that are waited for, by its one socket, and no others`,
    ignore,
    fn: async () => {
      const seen: { readonly datagram: Uint8Array; readonly source: Endpoint }[] = [];
      const options = { mtuBytes: 1420, observer: () => {}, log: silentLogger };
      await using a = await open(options);
      await using b = await open({
        ...options,
        onProbe: (datagram, source) => seen.push({ datagram, source }),
      });
      for (const [{ plane }, key] of [[a, keyA], [b, keyB]] as const) {
        plane.setPrivateKey(key);
        assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
      }
      b.plane.changeProbeIds({
        add: [ID, ...Array.from({ length: 5000 }, (_, i) => `ff${i}`.padStart(16, "0"))],
      });
      a.plane.sendProbe(probe("fedcba9876543210", 48), local(b.plane));
      await waitUntil(() => b.plane.drops()["foreign-probe"] === 1 || undefined);
      for (const lengthBytes of [48, 1500]) {
        a.plane.sendProbe(probe(ID, lengthBytes), local(b.plane));
        const { datagram, source } = await waitUntil(() => seen.shift());
        assert.deepEqual(datagram, probe(ID, lengthBytes));
        assert.equal(`${source}`, `${local(a.plane)}`);
        // And back to where it came from.
        b.plane.sendProbe(datagram, source);
        await waitUntil(() => a.plane.drops()["foreign-probe"] === (lengthBytes === 48 ? 1 : 2) || undefined);
      }
      b.plane.changeProbeIds({ remove: [ID] });
      a.plane.sendProbe(probe(ID, 48), local(b.plane));
      await waitUntil(() => b.plane.drops()["foreign-probe"] === 2 || undefined);
      assert.throws(() => a.plane.sendProbe(probe(ID, 47), local(b.plane)), RangeError);
      assert.throws(() => a.plane.changeProbeIds({ add: ["1"] }), RangeError);
      assert.equal(seen.length, 0);
    },
  });

  for (const address of ["127.0.0.1", "::1"]) {
    Deno.test({
      name:
        `${name} asks a STUN server at ${address} by its one socket, and hands on one answer to each request`,
      ignore,
      fn: async () => {
        const seen: { readonly datagram: Uint8Array; readonly source: Endpoint }[] = [];
        const options = { mtuBytes: 1420, observer: () => {}, log: silentLogger };
        await using opened = await open({
          ...options,
          onProbe: (datagram, source) => seen.push({ datagram, source }),
        });
        const { plane } = opened;
        plane.setPrivateKey(keyA);
        assert.equal(plane.listen({ port: 0, fwmark: 0 }), undefined);
        const listen = { transport: "udp", hostname: address, port: 0 } as const;
        const server = Deno.listenDatagram(listen);
        const other = Deno.listenDatagram(listen);
        try {
          const at = Endpoint.parse(
            `${address === "::1" ? "[::1]" : address}:${(server.addr as Deno.NetAddr).port}`,
          ) ??
            assert.fail();
          plane.sendProbe(stun(1), at);
          const [request, from] = await server.receive();
          assert.deepEqual(request, stun(1));
          assert.equal((from as Deno.NetAddr).port, plane.localPort);
          const answer = stun(1);
          answer[0] = 1;
          await other.send(answer, from);
          await waitUntil(() => plane.drops()["foreign-stun"] === 1 || undefined);
          await server.send(answer, from);
          const { datagram, source } = await waitUntil(() => seen.shift());
          assert.deepEqual(datagram, answer);
          assert.equal(`${source}`, `${at}`);
          await server.send(answer, from);
          await waitUntil(() => plane.drops()["foreign-stun"] === 2 || undefined);
          assert.equal(seen.length, 0);
          assert.throws(() => plane.sendProbe(answer, at), RangeError);
        } finally {
          server.close();
          other.close();
        }
      },
    });
  }

  Deno.test({
    name: `${name} calls at the path that is set, stays there, and says where packets came from`,
    ignore,
    fn: async () => {
      const events: DeviceEvent["kind"][] = [];
      const options = { mtuBytes: 1420, observer: () => {}, log: silentLogger };
      await using a = await open({ ...options, observer: ({ kind }) => events.push(kind) });
      await using b = await open(options);
      for (const [{ plane }, key] of [[a, keyA], [b, keyB]] as const) {
        plane.setPrivateKey(key);
        plane.listen({ port: 0, fwmark: 0 });
      }
      const dead = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      try {
        const deadEnd = Endpoint.parse(`127.0.0.1:${(dead.addr as Deno.NetAddr).port}`) ?? assert.fail();
        const allowedIps = [Cidr.parse("10.0.0.2/32") ?? assert.fail()];
        b.plane.setPeer({ publicKey: keyA.publicKey, allowedIps: [] });
        a.plane.setPeer({ publicKey: keyB.publicKey, endpoint: deadEnd, allowedIps });
        a.plane.initiateHandshake(keyB.publicKey);
        a.plane.setPath(keyB.publicKey, local(b.plane));
        await waitUntil(() => events.includes("handshake-completed") || undefined);
        const status = () => a.plane.peerStatus(keyB.publicKey);
        await waitUntil(() => status()?.source);
        a.plane.setPath(keyB.publicKey, deadEnd);
        a.plane.setEndpoint(keyB.publicKey, local(b.plane));
        b.plane.updatePeer({ publicKey: keyA.publicKey, persistentKeepaliveSeconds: 1 });
        const before = status()?.rxBytes ?? 0;
        await waitUntil(() => (status()?.rxBytes ?? 0) > before || undefined);
        assert.deepEqual([`${status()?.endpoint}`, `${status()?.source}`], [
          `${deadEnd}`,
          `${local(b.plane)}`,
        ]);
        a.plane.setPath(keyB.publicKey, undefined);
        await waitUntil(() => events.includes("endpoint-changed") || undefined);
        await waitUntil(() => `${status()?.endpoint}` === `${local(b.plane)}` || undefined);
      } finally {
        dead.close();
      }
    },
  });
}
