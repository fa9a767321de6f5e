/**
 * Hosts with portable frame planes in memory, under a virtual clock.
 * @module
 */

import assert from "node:assert/strict";
import { type RandomSource, VirtualClock, VirtualTimers } from "../../../base/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import { PlaneGuards } from "../../policy/mod.ts";
import type { PlaneRemote, PortEvent } from "../frame_plane.ts";
import { MemoryUnderlay } from "../memory_underlay.ts";
import { PortableFrames } from "../portable_frames.ts";
import type { SuiteHost, SuitePort, SuiteWorld } from "./frame_plane_suite.ts";

/** How hosts reach each other: by IP packets, or by channels of the message plane. */
export type WorldUnderlay = "mesh" | "mesh6" | "channels";

/** Makes hosts that reach each other. @param random of the switches' tables */
export function memoryWorld(hosts: number, underlay: WorldUnderlay, random: RandomSource): SuiteWorld {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const memory = new MemoryUnderlay(timers);
  const all: SuiteHost[] = [];
  const planes: PortableFrames[] = [];
  for (let host = 0; host < hosts; host++) {
    const events: PortEvent[] = [];
    const nodeId = `node-${host}`;
    const address = underlay === "mesh6" ? `fd00::${host + 1}` : `10.42.0.${host + 1}`;
    const parsed = IpAddress.parse(address);
    assert.ok(parsed);
    const link = underlay === "channels"
      ? undefined
      : memory.join([parsed], (packet) => assert.ok(plane.receiveFromMesh(packet)));
    const guards = new PlaneGuards({ random, wall: () => clock.wall() });
    const plane: PortableFrames = new PortableFrames({
      guards,
      clock,
      timers,
      random,
      onPortEvent: (event) => {
        if (event.kind !== "channel-packet") return void events.push(event);
        // The queue of a link.
        const packet = event.packet.slice();
        const to = planes[Number(event.nodeId.slice("node-".length))];
        timers.setTimer(1, () => to?.receiveFromChannel(nodeId, packet));
      },
      ...link && { sendMesh: link.send },
    });
    plane.setOwnAddresses([address]);
    const via: PlaneRemote["via"] = underlay === "channels"
      ? { kind: "channel", nodeId }
      : { kind: "member", publicKey: nodeId, address };
    planes.push(plane);
    all.push({ plane, guards, via, events, openPort: () => openProgram(plane) });
  }
  const quiet = () => {
    timers.advance(10);
    return Promise.resolve();
  };
  return {
    hosts: all,
    quiet,
    until: async (condition, what) => {
      for (let i = 0; i < 100 && !condition(); i++) await quiet();
      assert.ok(condition(), `waited for: ${what}`);
    },
    close: () => {
      for (const plane of planes) plane.close();
      return Promise.resolve();
    },
  };
}

/** @returns a port whose other end is the test */
export function openProgram({ programs }: PortableFrames): SuitePort {
  const received: Uint8Array[] = [];
  const id = programs.open((frame) => received.push(frame));
  return {
    device: { kind: "program", id },
    received,
    send: (frame) => void programs.send(id, frame),
    close: () => programs.close(id),
  };
}
