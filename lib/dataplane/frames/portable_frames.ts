/**
 * Frames on the main thread, packet by packet: beside a portable packet plane, or alone on a node without one, whose packets
 * all go by channels.
 * @module
 */

import type { Clock, Millis, RandomSource, Timers } from "../../base/mod.ts";
import { FrameDevice, systemClock, systemRandom, systemTimers } from "../../host/mod.ts";
import { IpAddress, ipVersion } from "../../net/mod.ts";
import { builtInDrivers, type DriverRegistry } from "../../../drivers/mod.ts";
import { NetworkGate, type PlaneGuards } from "../policy/mod.ts";
import type { CarriageDrop } from "./engine_network.ts";
import { FrameEngine, type FrameOutlets, HEADROOM_BYTES, MAX_FRAME_BYTES } from "./frame_engine.ts";
import type {
  FrameCounts,
  FramePlane,
  PlaneBinding,
  PlaneNetwork,
  PlanePort,
  PlaneRemote,
  PortEvent,
} from "./frame_plane.ts";
import { isForbiddenOfHost } from "./host_packets.ts";
import { PortableUnderlay } from "./portable_underlay.ts";
import { ProgramPorts } from "./program_ports.ts";

/** What a portable frame plane stands on; the system's clock, timers and randomness unless given. */
export interface PortableFramesOptions {
  /** A `channel-packet` is a view that is valid until it returns. */
  readonly onPortEvent: (event: PortEvent) => void;
  /** Takes an IP packet for a member, which is a view; absent without a packet plane. @returns whether it was taken */
  readonly sendMesh?: (packet: Uint8Array) => boolean;
  /** Called after each call and each event, when all that was to be sent was handed over, and the plane takes packets. */
  readonly onSettled?: () => void;
  /** The built-in ones unless given. */
  readonly drivers?: DriverRegistry;
  /** What policies decide by; without it all passes. */
  readonly guards?: PlaneGuards;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: RandomSource;
}

interface Port {
  definition: PlanePort;
  /** Absent for a program. */
  readonly device: FrameDevice | undefined;
}

/** The frame plane on the main thread. */
export class PortableFrames implements FramePlane {
  /** Endpoints that are this program's own. */
  readonly programs: ProgramPorts;
  readonly #engine: FrameEngine;
  readonly #plain: PortableUnderlay;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #onPortEvent: (event: PortEvent) => void;
  readonly #onSettled: () => void;
  readonly #ports = new Map<number, Port>();
  // One frame at a time lies here, behind room for headers: each is done with before the next one is read.
  readonly #memory = new Uint8Array(HEADROOM_BYTES + MAX_FRAME_BYTES);
  readonly #room: Uint8Array<ArrayBuffer> = this.#memory.subarray(HEADROOM_BYTES);
  #cancelTimer: (() => void) | undefined;
  #deadline: Millis | undefined;
  #isClosed = false;

  constructor(options: PortableFramesOptions) {
    const { onPortEvent, sendMesh, onSettled = () => {}, drivers = builtInDrivers() } = options;
    const { clock = systemClock, timers = systemTimers, random = systemRandom, guards } = options;
    this.#onPortEvent = onPortEvent;
    this.#onSettled = onSettled;
    this.#clock = clock;
    this.#timers = timers;
    const outlets: FrameOutlets = {
      deliver: (port, bytes, at, lengthBytes) => this.#deliver(port, bytes, at, lengthBytes),
      sendMesh: (bytes, at, lengthBytes) => sendMesh?.(bytes.subarray(at, at + lengthBytes)) ?? false,
      sendChannel: (nodeId, bytes, at, lengthBytes) => {
        onPortEvent({ kind: "channel-packet", nodeId, packet: bytes.subarray(at, at + lengthBytes) });
        return true;
      },
      sendPlain: ({ network, via }, bytes, at, lengthBytes) =>
        via.kind === "plain" && this.#plain.send(network, via.address, bytes.subarray(at, at + lengthBytes)),
    };
    const gate = guards && new NetworkGate(guards, { before: 0 });
    this.#engine = new FrameEngine(drivers, outlets, random, gate);
    this.#plain = new PortableUnderlay((key, source, packet) => {
      this.#engine.handlePlainPacket(this.#clock.now(), key, source, packet);
      this.#settle();
    });
    this.programs = new ProgramPorts(timers, (port, frame) => this.#handleProgramFrame(port, frame));
  }

  setOwnAddresses(addresses: readonly string[]): void {
    this.#engine.setOwnAddresses(addresses.map((text) => {
      const address = IpAddress.parse(text);
      if (address === undefined) throw new RangeError(`Cannot be at ${text}: that is no IP address`);
      return address;
    }));
  }

  /** @throws HostError, PortInUseError or SocketError when its underlay can't be had, RangeError, what its driver throws */
  setNetwork(network: PlaneNetwork): void {
    this.#plain.follow(network, this.#engine.driverOf(network));
    this.#engine.setNetwork(network);
    this.#settle();
  }

  removeNetwork(network: number): void {
    for (const [port, { definition }] of this.#ports) {
      if (definition.network === network) this.removePort(port);
    }
    this.#engine.removeNetwork(network);
    this.#plain.remove(network);
    this.#settle();
  }

  /** @throws RangeError before `setNetwork`, TypeError for a descriptor with virtio headers */
  setPort(definition: PlanePort): void {
    const { port, device } = definition;
    const known = this.#ports.get(port);
    if (known === undefined && device.kind === "descriptor" && device.hasHeader) {
      throw new TypeError(`Cannot use ${definition.name}: its frames have virtio headers`);
    }
    this.#engine.setPort(definition);
    if (known !== undefined) known.definition = definition;
    else if (device.kind === "program") {
      this.programs.attach(port, device.id);
      this.#ports.set(port, { definition, device: undefined });
    } else this.#openDevice(definition, device.fd);
    this.#settle();
  }

  removePort(port: number): void {
    const known = this.#ports.get(port);
    this.#engine.removePort(port);
    this.#ports.delete(port);
    this.programs.detach(port);
    // A device is released when its loop has ended.
    if (known?.device !== undefined) known.device.release();
    else this.#onPortEvent({ kind: "port-released", port });
    this.#settle();
  }

  setRemote(remote: PlaneRemote): void {
    this.#engine.setRemote(remote);
    this.#settle();
  }

  /** Says how long packets of the mesh to a member may be; undefined where the mesh's MTU is all there is. */
  limitMember(publicKey: string, mtuBytes: number | undefined): void {
    this.#engine.limits.set(publicKey, mtuBytes);
  }

  removeRemote(port: number): void {
    this.#engine.removeRemote(port);
    this.#settle();
  }

  setBinding(binding: PlaneBinding): void {
    this.#engine.setBinding(this.#clock.now(), binding);
    this.#settle();
  }

  removeBinding(network: number, mac: string): void {
    this.#engine.removeBinding(this.#clock.now(), network, mac);
    this.#settle();
  }

  receiveFromChannel(nodeId: string, packet: Uint8Array): void {
    this.#engine.handleChannelPacket(this.#clock.now(), nodeId, packet);
    this.#settle();
  }

  /**
   * Takes an IP packet that a member has sent from an address of its own.
   * @returns false, and the packet is as it was, when it is of no overlay network
   */
  receiveFromMesh(packet: Uint8Array): boolean {
    if (!this.#engine.handleMeshPacket(this.#clock.now(), packet)) return false;
    this.#settle();
    return true;
  }

  /** @returns whether an IP packet of this host's must not be sent to a member; it is counted */
  forbids(packet: Uint8Array): boolean {
    const version = ipVersion(packet);
    if (version === 0 || packet.length < (version === 4 ? 20 : 40)) return false;
    return isForbiddenOfHost(this.#engine.mesh, packet, 0, packet.length, version, 0);
  }

  networkCounts(network: number): FrameCounts | undefined {
    return this.#engine.networkCounts(network);
  }

  portCounts(port: number): FrameCounts | undefined {
    return this.#engine.portCounts(port);
  }

  /** @returns by reason, what was dropped and is of no network */
  drops(): Readonly<Record<string, number>> {
    return this.#engine.drops();
  }

  /** @returns when the UDP ports of networks that were removed can be had again */
  released(): Promise<void> {
    return this.#plain.released();
  }

  /** Carries nothing any more, and releases all devices. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer?.();
    for (const port of [...this.#ports.keys()]) this.removePort(port);
    this.#plain.close();
    this.programs.stop();
  }

  #openDevice(definition: PlanePort, fd: number): void {
    const { port } = definition;
    const device = new FrameDevice(fd);
    this.#ports.set(port, { definition, device });
    void device.run(this.#room, (lengthBytes) => {
      this.#engine.handleFrame(this.#clock.now(), port, this.#memory, HEADROOM_BYTES, lengthBytes);
      this.#settle();
    }).then((end) => {
      if (end === "released") return this.#onPortEvent({ kind: "port-released", port });
      // Whoever is told removes the port; there is no loop any more that would say when it is released.
      this.#ports.set(port, { definition, device: undefined });
      this.#onPortEvent({ kind: "port-gone", port });
    });
  }

  #handleProgramFrame(port: number, frame: Uint8Array): void {
    if (frame.length > MAX_FRAME_BYTES) {
      throw new RangeError(`Cannot send a frame of ${frame.length} bytes: ${MAX_FRAME_BYTES} at most`);
    }
    this.#memory.set(frame, HEADROOM_BYTES);
    this.#engine.handleFrame(this.#clock.now(), port, this.#memory, HEADROOM_BYTES, frame.length);
    this.#settle();
  }

  #deliver(port: number, bytes: Uint8Array, at: number, lengthBytes: number): CarriageDrop | undefined {
    if (this.programs.has(port)) {
      return this.programs.push(port, bytes, at, lengthBytes) ? undefined : "port-full";
    }
    const device = this.#ports.get(port)?.device;
    return device?.write(bytes.subarray(at, at + lengthBytes)) ? undefined : "port-failed";
  }

  /** What is to be done after each call of the engine. */
  #settle(): void {
    for (let event = this.#engine.pollEvent(); event !== undefined; event = this.#engine.pollEvent()) {
      this.#onPortEvent(event);
    }
    this.programs.deliver();
    this.#armTimer(this.#engine.pollTimeout());
    this.#onSettled();
  }

  /** Leaves an earlier timer alone: when it fires too early, it is armed anew. */
  #armTimer(deadline: Millis | undefined): void {
    if (deadline === undefined || this.#isClosed) return;
    if (this.#deadline !== undefined && this.#deadline <= deadline) return;
    this.#cancelTimer?.();
    this.#deadline = deadline;
    this.#cancelTimer = this.#timers.setTimer(Math.max(0, deadline - this.#clock.now()), () => {
      this.#deadline = undefined;
      this.#cancelTimer = undefined;
      this.#engine.handleTimeout(this.#clock.now());
      this.#settle();
    });
  }
}
