/**
 * The suite of frame planes over the engine of the fast one, and what its face refuses.
 * @module
 */

import assert from "node:assert/strict";
import { testFramePlane } from "../frames/testing/frame_plane_suite.ts";
import { testFramePolicy } from "../frames/testing/frame_policy_suite.ts";
import type { PlaneNetwork } from "../frames/mod.ts";
import { FastFrames } from "./fast_frames.ts";
import { ChannelRoom, type FrameCommand } from "./frames/mod.ts";
import { engineWorld } from "./testing/engine_world.ts";

testFramePolicy("FastFrames", (hosts) => Promise.resolve(engineWorld(hosts, 14)));
testFramePlane("FastFrames", (hosts) => Promise.resolve(engineWorld(hosts, 14)));

Deno.test("FastFrames refuses what the worker could not carry, and sends nothing of it", () => {
  const sent: FrameCommand[] = [];
  const frames = new FastFrames({
    send: (command) => sent.push(command),
    channelRoom: ChannelRoom.memory(),
    onPortEvent: () => {},
  });
  const network: PlaneNetwork = {
    network: 1,
    name: "blue",
    driver: "vxlan",
    identifier: 1,
    options: {},
    mtuBytes: 1370,
    underlay: { kind: "mesh" },
  };
  const device = { kind: "program", id: 1 } as const;
  const port = { port: 1, network: 1, name: "web-1", allowsForeign: false, device };
  const via = { kind: "channel", nodeId: "x" } as const;
  const gateway = { mac: "no", addresses: [] };
  const refused: readonly (readonly [string, () => void])[] = [
    ["UnknownDriverError", () => frames.setNetwork({ ...network, driver: "none" })],
    ["IdentifierRangeError", () => frames.setNetwork({ ...network, identifier: 2 ** 24 })],
    ["InvalidDriverOptionError", () => frames.setNetwork({ ...network, options: { none: "1" } })],
    ["RangeError", () => frames.setNetwork({ ...network, gateway })],
    ["RangeError", () => frames.setPort(port)],
    ["RangeError", () => frames.setRemote({ port: 2, network: 1, allowsForeign: false, via })],
    ["RangeError", () => frames.setBinding({ network: 1, port: 1, mac: "02:00:00:00:00:01", addresses: [] })],
  ];
  for (const [name, call] of refused) {
    assert.throws(call, (error: Error) => error.constructor.name === name, name);
  }
  assert.deepEqual(sent, []);
  frames.setNetwork(network);
  assert.throws(() => frames.setPort(port), TypeError);
  assert.throws(() => frames.setBinding({ network: 1, port: 1, mac: "no", addresses: [] }), RangeError);
  assert.throws(() => frames.setNetwork({ ...network, network: 2 }), RangeError);
  assert.equal(sent.length, 1);
});
