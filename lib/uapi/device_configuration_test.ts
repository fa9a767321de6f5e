import assert from "node:assert/strict";
import { SeededRandom, utf8Bytes, VirtualClock } from "../base/mod.ts";
import { PrivateKey } from "../crypto/mod.ts";
import type { WireGuardPlane } from "../dataplane/mod.ts";
import { Device } from "../wireguard/mod.ts";
import { applyPeers, deviceSnapshot } from "./device_configuration.ts";
import { RequestReader } from "./request_reader.ts";

const clock = new VirtualClock();
const now = clock.now();
const random = new SeededRandom(99);
const [KEY_1, KEY_2] = [1, 2].map((n) => PrivateKey.generate(new SeededRandom(n)).publicKey.bytes.toHex());

/** A plane without packets: what is configured reaches a device. */
function planeOf(device: Device): WireGuardPlane {
  return {
    get privateKey() {
      return device.privateKey;
    },
    presharedKey: (key: Parameters<Device["presharedKey"]>[0]) => device.presharedKey(key),
    setPrivateKey: (key: PrivateKey | undefined) => device.setPrivateKey(key),
    updatePeer: (update: Parameters<Device["updatePeer"]>[1]) => void device.updatePeer(now, update),
    removePeer: (key: Parameters<Device["removePeer"]>[0]) => void device.removePeer(key),
    peerStatuses: () => device.peerStatuses(),
  } as Partial<WireGuardPlane> as WireGuardPlane;
}

function configure(...requests: readonly string[]): string[] {
  const plane = planeOf(new Device({ random, wall: () => clock.wall() }));
  for (const lines of requests) {
    const [request] = new RequestReader().push(utf8Bytes(`set=1\n${lines}\n\n`));
    assert(request?.kind === "set", lines);
    applyPeers(plane, request.changes);
  }
  const { peers } = deviceSnapshot(plane, { listenPort: 0, fwmark: 0 });
  return peers.map((peer) =>
    `${peer.publicKey.bytes.toHex() === KEY_1 ? 1 : 2} ${peer.persistentKeepaliveSeconds} ${
      peer.allowedIps.join(",")
    }`
  );
}

const first = `public_key=${KEY_1}\nallowed_ip=10.1.0.0/16\npersistent_keepalive_interval=5`;
const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["adds", [first, `public_key=${KEY_2}`], ["1 5 10.1.0.0/16", "2 0 "]],
  ["keeps what is not named", [first, `public_key=${KEY_1}\nallowed_ip=10.2.0.0/16`], [
    "1 5 10.1.0.0/16,10.2.0.0/16",
  ]],
  ["replaces prefixes", [first, `public_key=${KEY_1}\nreplace_allowed_ips=true\nallowed_ip=10.2.0.0/16`], [
    "1 5 10.2.0.0/16",
  ]],
  ["adds and removes in order", [
    first,
    `public_key=${KEY_1}\nallowed_ip=-10.1.0.0/16\nallowed_ip=10.3.0.0/16\nallowed_ip=-10.3.0.0/16\nallowed_ip=10.1.0.0/16`,
  ], ["1 5 10.1.0.0/16"]],
  ["moves a prefix", [first, `public_key=${KEY_2}\nallowed_ip=10.1.0.0/16`], ["1 5 ", "2 0 10.1.0.0/16"]],
  ["updates only", [`${first}\npublic_key=${KEY_2}\nupdate_only=true\nallowed_ip=10.1.0.0/16`], [
    "1 5 10.1.0.0/16",
  ]],
  ["removes", [first, `public_key=${KEY_1}\nremove=true\nallowed_ip=10.9.0.0/16`], []],
  ["removes whom there is none of", [`public_key=${KEY_2}\nremove=true`], []],
  ["replaces peers", [first, `replace_peers=true\npublic_key=${KEY_2}`], ["2 0 "]],
];

Deno.test("applyPeers() does what a set says", async (test) => {
  for (const [name, requests, expected] of cases) {
    await test.step(name, () => assert.deepEqual(configure(...requests), expected));
  }
});
