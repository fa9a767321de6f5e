/**
 * Overlay networks of the fast plane, as the control thread sees them.
 * @module
 */

import { getDriverFactory } from "../../../drivers/mod.ts";
import { MacAddress } from "../../net/mod.ts";
import type {
  FrameCounts,
  FramePlane,
  PlaneBinding,
  PlaneNetwork,
  PlanePort,
  PlaneRemote,
  PortEvent,
} from "../frames/mod.ts";
import { ChannelRoom, type FrameCommand } from "./frames/mod.ts";
import type { WorkerReport } from "./worker_protocol.ts";

/** Longer packets of channels are none of a network's. */
const MAX_CHANNEL_PACKET_BYTES = 65_535;
const NOTHING: ReadonlyMap<number, FrameCounts> = new Map();

/** Where commands go, and what the worker writes. */
export interface FastFramesParts {
  readonly send: (command: FrameCommand) => void;
  readonly channelRoom: SharedArrayBuffer;
  readonly onPortEvent: (event: PortEvent) => void;
}

/** Passes calls on to the worker; counts are those that it has reported last. */
export class FastFrames implements FramePlane {
  readonly #parts: FastFramesParts;
  readonly #channelRoom: ChannelRoom;
  /** What they are on the wire. */
  readonly #networks = new Map<number, string>();
  /** Local ports and their networks. */
  readonly #ports = new Map<number, number>();
  #networkCounts = NOTHING;
  #portCounts = NOTHING;

  constructor(parts: FastFramesParts) {
    this.#parts = parts;
    this.#channelRoom = new ChannelRoom(parts.channelRoom);
  }

  /** Takes what the worker tells. */
  handleReport(report: Extract<WorkerReport, { kind: "port" | "frame-counts" }>): void {
    if (report.kind === "frame-counts") {
      this.#networkCounts = report.networks;
      this.#portCounts = report.ports;
      return;
    }
    if (report.event.kind === "channel-packet") this.#channelRoom.release(report.event.packet.length);
    this.#parts.onPortEvent(report.event);
  }

  setOwnAddresses(addresses: readonly string[]): void {
    this.#parts.send({ call: "setOwnAddresses", addresses });
  }

  /**
   * @throws UnknownDriverError, IdentifierRangeError, InvalidDriverOptionError
   * @throws RangeError when the gateway's MAC address is none, or another network in the mesh has the identifier
   */
  setNetwork(network: PlaneNetwork): void {
    getDriverFactory(network.driver)().encapsulation(network.identifier, network.options);
    if (network.gateway !== undefined) checkMac(network.gateway.mac);
    const { network: number, name, driver, identifier, underlay } = network;
    const wire = underlay.kind === "mesh" ? `${driver}/${identifier}` : "";
    for (const [other, its] of this.#networks) {
      if (other !== number && wire !== "" && its === wire) {
        throw new RangeError(`Cannot carry ${name}: another network has ${driver}'s ${identifier}`);
      }
    }
    this.#networks.set(number, wire);
    this.#parts.send({ call: "setNetwork", network });
  }

  removeNetwork(network: number): void {
    this.#networks.delete(network);
    for (const [port, of] of this.#ports) if (of === network) this.#ports.delete(port);
    this.#parts.send({ call: "removeNetwork", network });
  }

  /**
   * @throws RangeError when the network was not set
   * @throws TypeError when the device belongs to the main thread
   */
  setPort(port: PlanePort): void {
    this.#checkNetwork(port.network);
    if (port.device.kind !== "descriptor") {
      throw new TypeError(`Cannot use ${port.name} as a port: a program's frames need a pair of sockets`);
    }
    this.#ports.set(port.port, port.network);
    this.#parts.send({ call: "setPort", port });
  }

  removePort(port: number): void {
    this.#ports.delete(port);
    this.#parts.send({ call: "removePort", port });
  }

  /** @throws RangeError when the network was not set */
  setRemote(remote: PlaneRemote): void {
    this.#checkNetwork(remote.network);
    this.#parts.send({ call: "setRemote", remote });
  }

  removeRemote(port: number): void {
    this.#parts.send({ call: "removeRemote", port });
  }

  /** @throws RangeError when the network was not set, or the MAC address is none */
  setBinding(binding: PlaneBinding): void {
    this.#checkNetwork(binding.network);
    checkMac(binding.mac);
    this.#parts.send({ call: "setBinding", binding });
  }

  removeBinding(network: number, mac: string): void {
    this.#parts.send({ call: "removeBinding", network, mac });
  }

  receiveFromChannel(nodeId: string, packet: Uint8Array): void {
    if (packet.length > MAX_CHANNEL_PACKET_BYTES) return;
    this.#parts.send({ call: "receiveFromChannel", nodeId, packet: packet.toBase64() });
  }

  networkCounts(network: number): FrameCounts | undefined {
    return this.#networks.has(network) ? this.#networkCounts.get(network) : undefined;
  }

  portCounts(port: number): FrameCounts | undefined {
    return this.#ports.has(port) ? this.#portCounts.get(port) : undefined;
  }

  #checkNetwork(network: number): void {
    if (!this.#networks.has(network)) {
      throw new RangeError(`Cannot find the network ${network}: it was not set`);
    }
  }
}

function checkMac(text: string): void {
  if (MacAddress.parse(text) === undefined) throw new RangeError(`Cannot use ${text}: it is no MAC address`);
}
