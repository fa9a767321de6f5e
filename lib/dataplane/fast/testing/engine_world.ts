/**
 * Hosts with packet engines that are each other's peers, on system calls in memory and a clock that is moved by hand.
 * @module
 */

import assert from "node:assert/strict";
import { type Millis, millis, SeededRandom, unixMillis } from "../../../base/mod.ts";
import { PrivateKey, WasmBatchCipher } from "../../../crypto/mod.ts";
import { ERRNO, POLLIN } from "../../../host/mod.ts";
import { Cidr, Endpoint } from "../../../net/mod.ts";
import { Device } from "../../../wireguard/mod.ts";
import type { PortEvent } from "../../frames/mod.ts";
import type { SuiteHost, SuitePort, SuiteWorld } from "../../frames/testing/frame_plane_suite.ts";
import { PlaneGuards } from "../../policy/mod.ts";
import { ProbeGate } from "../../probes/mod.ts";
import { TransparentProxy } from "../../proxy/mod.ts";
import { FastFrames } from "../fast_frames.ts";
import { FrameCountsReport } from "../frame_counts_report.ts";
import { ChannelRoom, type FrameCommand, obeyFrameCommand } from "../frames/mod.ts";
import { PacketEngine } from "../packet_engine.ts";
import { readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { HARNESS_PAGES } from "./engine_harness.ts";
import { FAKE_BASE, FAKE_TUN_FD, FAKE_UDP_FD, FAKE_WAKE_FD, FakeCalls } from "./fake_calls.ts";

const FIRST_PORT_FD = 100;
const MTU_BYTES = 1420;
const ROUNDS = 200;

/** One host: an engine, its calls, and its plane as the control thread has it. */
class EngineHost implements SuiteHost {
  readonly events: PortEvent[] = [];
  readonly via: SuiteHost["via"];
  readonly plane: FastFrames;
  readonly calls: FakeCalls;
  readonly device: Device;
  /** Nothing is asked before a policy is set. */
  readonly guards: PlaneGuards = new PlaneGuards({
    random: new SeededRandom(7),
    wall: () => 1_700_000_000_000,
  });
  readonly #engine: PacketEngine;
  readonly #counts: FrameCountsReport;
  readonly #ports = new Map<number, SuitePort>();
  readonly #commands: FrameCommand[] = [];
  #nextFd = FIRST_PORT_FD;

  constructor(key: PrivateKey, address: string, random: SeededRandom, now: () => Millis) {
    const cipher = new WasmBatchCipher(HARNESS_PAGES);
    this.calls = new FakeCalls(cipher.memory);
    const wall = () => unixMillis(1_700_000_000_000 + now());
    this.device = new Device({ privateKey: key, random, wall, aead: cipher.aead, mtuBytes: MTU_BYTES });
    this.via = { kind: "member", publicKey: key.publicKey.toString(), address };
    const channelRoom = ChannelRoom.memory();
    this.plane = new FastFrames({
      // As it goes through the ring.
      send: (command) => this.#commands.push(JSON.parse(JSON.stringify(command))),
      channelRoom,
      onPortEvent: (event) => this.events.push(event),
    });
    this.#counts = new FrameCountsReport((report) => {
      if (report.kind === "frame-counts") this.plane.handleReport(structuredClone(report));
    });
    let polls = 0;
    this.calls.onPoll = () => new Map([[polls++ % 2 === 0 ? FAKE_UDP_FD : FAKE_WAKE_FD, POLLIN]]);
    this.#engine = new PacketEngine({
      guards: this.guards,
      probes: new ProbeGate(),
      onProbe: () => assert.fail("nobody asks"),
      io: this.calls,
      cipher,
      base: FAKE_BASE,
      device: this.device,
      proxy: new TransparentProxy(),
      mtuBytes: MTU_BYTES,
      tunFd: FAKE_TUN_FD,
      wakeFd: FAKE_WAKE_FD,
      frames: {
        random,
        channelRoom: new ChannelRoom(channelRoom),
        onPortEvent: (event) => this.plane.handleReport({ kind: "port", event }),
      },
      now,
      // The second wait of a run ends it.
      onWake: () => polls % 2 !== 0 || polls === 0,
      onTurn: () => Infinity,
      onDrop: (reason) => assert.fail(reason),
    });
    this.#engine.useSocket({ fd: FAKE_UDP_FD, family: 6, hasGso: true });
    this.plane.setOwnAddresses([address]);
  }

  openPort(): SuitePort {
    const fd = this.#nextFd++;
    const frames: (Uint8Array | number)[] = [];
    this.calls.endpointFrames.set(fd, frames);
    const offloads = { tso: true, uso: true };
    const port: SuitePort = {
      device: { kind: "descriptor", fd, hasHeader: true, offloads, of: "tap" },
      received: [],
      send: (frame) => void frames.push(Uint8Array.of(...new Uint8Array(VIRTIO_HEADER_BYTES), ...frame)),
      close: () => void frames.push(ERRNO.EBADFD),
    };
    this.#ports.set(fd, port);
    return port;
  }

  /** Carries what waits. @returns whether something was written or sent */
  run(now: Millis): boolean {
    for (const command of this.#commands.splice(0)) obeyFrameCommand(this.#engine.frames, now, command);
    assert.equal(this.#engine.run(), "stopped");
    this.#counts.show(now, this.#engine.frames);
    let hasWritten = this.calls.sends.length > 0;
    for (const [fd, written] of this.calls.writtenTo) {
      for (const frame of written) {
        const bytes = frame.slice(VIRTIO_HEADER_BYTES);
        this.#ports.get(fd)?.received.push(...splitSuperpacket(bytes, readVirtioHeader(frame, 0), 14) ?? []);
        hasWritten = true;
      }
    }
    this.calls.writtenTo.clear();
    return hasWritten;
  }
}

/** @returns hosts that trust each other's addresses */
export function engineWorld(count: number, seed: number): SuiteWorld {
  const random = new SeededRandom(seed);
  const keys = Array.from({ length: count }, () => PrivateKey.generate(random));
  let now = millis(1000);
  const address = (host: number) => `10.42.0.${host + 1}`;
  const endpoints = keys.map((_, host) => Endpoint.parse(`192.0.2.${host + 1}:51820`) ?? assert.fail());
  const hosts = keys.map((key, host) => new EngineHost(key, address(host), random, () => now));
  for (const [i, { device }] of hosts.entries()) {
    for (const [j, key] of keys.entries()) {
      const allowedIps = [Cidr.parse(`${address(j)}/32`) ?? assert.fail()];
      const endpoint = endpoints[j] ?? assert.fail();
      if (i !== j) device.setPeer(now, { publicKey: key.publicKey, endpoint, allowedIps });
    }
  }
  const settle = (): void => {
    for (let round = 0; round < ROUNDS; round++) {
      let isBusy = false;
      for (const [i, host] of hosts.entries()) {
        isBusy = host.run(now) || isBusy;
        for (const { destination, datagrams } of host.calls.sends.splice(0)) {
          const to = hosts[endpoints.findIndex((endpoint) => endpoint.toString() === destination)];
          const source = endpoints[i] ?? assert.fail();
          for (const bytes of datagrams) to?.calls.receives.push({ bytes, source });
        }
      }
      if (!isBusy) return;
    }
    assert.fail("they never fall silent");
  };
  const quiet = (): Promise<void> => {
    for (let step = 0; step < 4; step++) {
      settle();
      now = millis(now + 600);
    }
    settle();
    return Promise.resolve();
  };
  return {
    hosts,
    quiet,
    until: async (condition, what) => {
      for (let i = 0; i < 20 && !condition(); i++) await quiet();
      assert.ok(condition(), `waited for: ${what}`);
    },
    close: () => Promise.resolve(),
  };
}
