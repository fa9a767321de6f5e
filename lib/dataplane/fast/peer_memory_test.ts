/**
 * Tests of how much memory peers take, on both sides of the plane.
 * @module
 */

import assert from "node:assert/strict";

/** Of a peer that has had no session, with one prefix, on both threads together. */
const BOUND_BYTES = 4096;

/** Runs with a collector that can be called, and prints the bytes that a peer takes. */
const PROGRAM = `
  import { SeededRandom, millis, silentLogger, unixMillis } from "./lib/base/mod.ts";
  import { PrivateKey, selectAead } from "./lib/crypto/mod.ts";
  import { FastPlane } from "./lib/dataplane/fast/fast_plane.ts";
  import { parsePeerUpdate, updatePeerCommands } from "./lib/dataplane/fast/worker_protocol.ts";
  import { WakeUp } from "./lib/host/mod.ts";
  import { Cidr } from "./lib/net/mod.ts";
  import { Device } from "./lib/wireguard/mod.ts";

  const PEERS = 2000;
  const random = new SeededRandom(1);
  const used = () => {
    gc(); gc();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const update = (i) => ({
    publicKey: PrivateKey.generate(random).publicKey,
    replaceAllowedIps: true,
    addAllowedIps: [Cidr.parse(\`10.\${i >> 8}.\${i & 255}.0/24\`)],
  });

  const device = new Device({ random, wall: () => unixMillis(0), aead: selectAead() });
  const slots = new Map();
  let before = used();
  for (let i = 0; i < PEERS; i++) {
    // As a worker hears of it: nothing of the text may be kept.
    for (const sent of updatePeerCommands(i, update(i))) {
      const command = JSON.parse(JSON.stringify(sent));
      slots.set(command.update.publicKey, command.slot);
      device.updatePeer(millis(0), parsePeerUpdate(command.update));
    }
  }
  const inWorker = (used() - before) / PEERS;

  // A descriptor that never has anything to read stands for the interface.
  const idle = new WakeUp();
  const tun = { name: "none", fd: idle.fd, offloads: { tso: true, uso: true }, close: () => {} };
  const plane = await FastPlane.open(tun, { mtuBytes: 1420, cipher: "baseline", observer: () => {}, log: silentLogger });
  before = used();
  for (let i = 0; i < PEERS; i++) plane.updatePeer(update(i));
  const inControl = (used() - before) / PEERS;
  plane.close();
  await plane.ended;
  console.log(JSON.stringify({ inWorker, inControl }));
  // The device holds its peers until here.
  if (device.peerStatuses().length + slots.size !== 2 * PEERS) Deno.exit(1);
  Deno.exit(0);
`;

Deno.test({
  name: "FastPlane and Device take less than 4 KB together for an idle peer",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--v8-flags=--expose-gc", "--config", "deno.json", "--ext=js", "-"],
      cwd: new URL("../../../", import.meta.url),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = command.stdin.getWriter();
    await writer.write(new TextEncoder().encode(PROGRAM));
    await writer.close();
    const { code, stdout } = await command.output();
    assert.equal(code, 0);
    const { inWorker, inControl } = JSON.parse(new TextDecoder().decode(stdout));
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(
      `a peer: ${inWorker.toFixed(0)} bytes in the worker, ${inControl.toFixed(0)} on the control side`,
    );
    assert.ok(inWorker > 500 && inControl > 100, "it measures something");
    assert.ok(inWorker + inControl < BOUND_BYTES);
  },
});
