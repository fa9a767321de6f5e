/**
 * Hosts with portable frame planes on the loopback, each at an address of its own, in the clear over UDP.
 * @module
 */

import assert from "node:assert/strict";
import { openUdp } from "../../../transport/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import type { PortEvent } from "../frame_plane.ts";
import { PortableFrames } from "../portable_frames.ts";
import type { SuiteHost, SuiteWorld } from "./frame_plane_suite.ts";
import { openProgram } from "./memory_world.ts";

/** The suite's networks. */
const NETWORKS = [1, 2];
const TURN_MS = 2;
const QUIET_TURNS = 8;
const MAX_TURNS = 1_000;

/** Makes hosts at 127.0.1.1 and so on. */
export function plainWorld(hosts: number): SuiteWorld {
  const addresses = Array.from({ length: hosts }, (_, host) => `127.0.1.${host + 1}`);
  const port = freePort(addresses);
  const planes: PortableFrames[] = [];
  const all = addresses.map((address): SuiteHost => {
    const events: PortEvent[] = [];
    const plane = new PortableFrames({ onPortEvent: (event) => void events.push(event) });
    planes.push(plane);
    const underlay = { kind: "plain", localAddress: address, port } as const;
    return { plane, via: { kind: "plain", address }, underlay, events, openPort: () => openProgram(plane) };
  });
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve, TURN_MS));
  const carried = () => JSON.stringify(planes.map((plane) => NETWORKS.map((id) => plane.networkCounts(id))));
  return {
    hosts: all,
    quiet: async () => {
      let before = carried();
      for (let quiet = 0, turns = 0; quiet < QUIET_TURNS && turns < MAX_TURNS; turns++) {
        await turn();
        const now = carried();
        quiet = now === before ? quiet + 1 : 0;
        before = now;
      }
    },
    until: async (condition, what) => {
      for (let i = 0; i < MAX_TURNS && !condition(); i++) await turn();
      assert.ok(condition(), `waited for: ${what}`);
    },
    close: async () => {
      for (const plane of planes) plane.close();
      await turn();
    },
  };
}

/** @returns a UDP port that is free at all of the addresses */
function freePort(addresses: readonly string[]): number {
  const [first = ""] = addresses;
  const socket = openUdp({ port: 0, address: IpAddress.parse(first) ?? assert.fail(first) });
  const { localPort } = socket;
  socket.close();
  return localPort;
}
