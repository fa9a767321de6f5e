/**
 * What the switch keeps of a network and of a port.
 * @module
 */

import { FrameCounters } from "./frame_counts.ts";
import type { SwitchNetwork, SwitchPort } from "./frame_forwarder.ts";
import { networkIdOf } from "./network_id.ts";
import { SnoopingState } from "./snooping_state.ts";
import { DEFAULT_STORM_LIMIT, PortBudgets } from "./storm_control.ts";

/** A port, and what it has carried. */
export class PortState {
  readonly port: number;
  readonly network: NetworkState;
  readonly isLocal: boolean;
  allowsForeign: boolean;
  /** Nothing goes in or out while it is. */
  isBlocked = false;
  readonly counts: FrameCounters = new FrameCounters();
  readonly budgets: PortBudgets;
  /** How many multicast groups it wants. */
  groups = 0;
  /** It has been removed; its number may be another's now. */
  isGone = false;
  /** How long IP packets to it may be, where that is less than what the network has. */
  mtuBytes: number = Infinity;
  /** It has advertised a router. */
  hasRouter = false;

  /** The network's list has to be told of it. */
  constructor({ port, side, allowsForeign }: SwitchPort, network: NetworkState) {
    this.port = port;
    this.network = network;
    this.isLocal = side === "local";
    this.allowsForeign = allowsForeign;
    this.budgets = new PortBudgets(network.stormLimit);
  }

  /** Takes no longer IP packets from now on. */
  setMtu(mtuBytes: number): void {
    this.mtuBytes = mtuBytes;
    this.network.findNarrowest();
  }
}

/** A network, its ports, and what they have carried together. */
export class NetworkState {
  /** 16 bits: what the tables know it by. */
  readonly index: number;
  #definition: SwitchNetwork;
  /** What it is called on all hosts, as 16 bytes; zero where that is not known. */
  id: Uint8Array;
  readonly snooping: SnoopingState = new SnoopingState();
  /** Local ports first, in the order in which they came. */
  readonly ports: PortState[] = [];
  /** How many of them are local. */
  localCount = 0;
  /** The least that a port takes, where that is less than what the network has. */
  narrowestBytes: number = Infinity;
  readonly counts: FrameCounters = new FrameCounters();

  /** @param index what the tables know it by */
  constructor(index: number, definition: SwitchNetwork) {
    this.index = index;
    this.#definition = definition;
    this.id = networkIdOf(definition.label);
  }

  /** As it was set last. */
  get definition(): SwitchNetwork {
    return this.#definition;
  }

  /** Changes what its ports are allowed with it. */
  define(definition: SwitchNetwork): void {
    this.#definition = definition;
    this.id = networkIdOf(definition.label);
    for (const { budgets } of this.ports) budgets.setStormLimit(this.stormLimit);
  }

  /** Frames that a port may have flooded in a second, of each kind. */
  get stormLimit(): number {
    return this.definition.stormLimit ?? DEFAULT_STORM_LIMIT;
  }

  /** Adds a port. */
  addPort(port: PortState): void {
    if (port.isLocal) this.ports.splice(this.localCount++, 0, port);
    else this.ports.push(port);
  }

  /** Looks at all ports. */
  findNarrowest(): void {
    this.narrowestBytes = this.ports.reduce((least, { mtuBytes }) => Math.min(least, mtuBytes), Infinity);
  }

  /** Takes a port out. */
  removePort(port: PortState): void {
    const at = this.ports.indexOf(port);
    if (at < 0) return;
    this.ports.splice(at, 1);
    if (port.isLocal) this.localCount--;
    if (port.mtuBytes !== Infinity) this.findNarrowest();
  }
}
