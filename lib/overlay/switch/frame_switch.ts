/**
 * The learning switch of one host (IEEE 802.1D-2004 §7): it decides for each frame where it goes, and moves none itself.
 *
 *     is it a frame? → is its source who it says? → is it for the switch? → is it short enough? → where is its destination?
 *
 * What a decision reads stands in typed arrays and in objects that are made when ports and bindings change; nothing is
 * allocated for a frame unless the switch answers it.
 *
 * @module
 */

import type { Millis, RandomSource } from "../../base/mod.ts";
import { ETHER_TYPE, EthernetHeader, type MacAddress } from "../../net/mod.ts";
import { Bindings } from "./bindings.ts";
import { DROPPED, type SwitchCounts } from "./frame_counts.ts";
import {
  FORWARD,
  type Forwarding,
  type FrameForwarder,
  type SwitchBinding,
  type SwitchEvent,
  type SwitchFrame,
  type SwitchNetwork,
  type SwitchPort,
} from "./frame_forwarder.ts";
import { FrameQueue } from "./frame_queue.ts";
import { ArpGuard } from "./neighbours/mod.ts";
import { STORM, type StormKind } from "./storm_control.ts";
import { NetworkState, PortState } from "./switch_state.ts";
import { MacTable, type MacTableLimits } from "./tables/mod.ts";

/** How much a switch remembers. */
export type FrameSwitchLimits = Partial<MacTableLimits>;

/** All networks of a host together; each costs some 40 bytes. */
const MAX_LEARNED = 131_072;
const MAX_LEARNED_PER_PORT = 32_768;
/** Networks have 16 bits in the tables. */
const MAX_NETWORKS = 0x1_0000;
/** The longest IP packet, and what may stand before it. */
const MAX_FRAME_BYTES = 65_535 + 64;
/** Learned addresses are looked through so often; what is older is not used in between. */
const SWEEP_MS = 30_000;
/** 01:80:c2:00:00:00 to 0f: spoken between neighbours, never forwarded (IEEE 802.1D-2004 §7.12.6). */
const RESERVED_HIGH = 0x0180;
const RESERVED_LOW = 0xc2000000 | 0;
const PASS = -1;
const ANSWERED = -2;

/** The switch of one host, for all of its networks. */
export class FrameSwitch implements FrameForwarder {
  readonly #networks = new Map<number, NetworkState>();
  readonly #ports = new Map<number, PortState>();
  readonly #freeIndexes: number[] = [];
  #nextIndex = 0;
  readonly #macs: MacTable;
  readonly #bindings: Bindings;
  readonly #queue = new FrameQueue();
  readonly #arp: ArpGuard;
  readonly #header = new EthernetHeader();
  #sweepAt: number | undefined;

  /** @param random what collides in the tables is drawn from it */
  constructor(random: RandomSource, limits: FrameSwitchLimits = {}) {
    const { maxLearned = MAX_LEARNED, maxLearnedPerPort = MAX_LEARNED_PER_PORT } = limits;
    this.#macs = new MacTable(random, { maxLearned, maxLearnedPerPort });
    this.#bindings = new Bindings(random, this.#macs);
    this.#arp = new ArpGuard(this.#macs, this.#bindings, this.#queue);
  }

  setNetwork(definition: SwitchNetwork): void {
    const known = this.#networks.get(definition.network);
    if (known !== undefined) {
      known.definition = definition;
      for (const { storm } of known.ports) storm.setLimit(known.stormLimit);
      return;
    }
    if (this.#networks.size >= MAX_NETWORKS) {
      throw new RangeError(`Cannot add the network ${definition.network}: there are ${MAX_NETWORKS}`);
    }
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    this.#networks.set(definition.network, new NetworkState(index, definition));
  }

  removeNetwork(network: number): void {
    const state = this.#networks.get(network);
    if (state === undefined) return;
    for (const { port } of [...state.ports]) this.removePort(port);
    this.#bindings.removeNetwork(state.index);
    this.#macs.forgetNetwork(state.index);
    this.#networks.delete(network);
    this.#freeIndexes.push(state.index);
  }

  setPort(port: SwitchPort): void {
    const network = this.#networkOf(port.network);
    const known = this.#ports.get(port.port);
    if (known !== undefined && known.network === network && known.isLocal === (port.side === "local")) {
      known.allowsForeign = port.allowsForeign;
      if (!port.allowsForeign) this.#macs.forgetPort(port.port);
      return;
    }
    this.removePort(port.port);
    const state = new PortState(port, network);
    this.#ports.set(port.port, state);
    network.addPort(state);
  }

  removePort(port: number): void {
    const state = this.#ports.get(port);
    if (state === undefined) return;
    this.#ports.delete(port);
    state.network.removePort(state);
    this.#macs.forgetPort(port);
  }

  setBinding(binding: SwitchBinding): void {
    this.#bindings.set(this.#networkOf(binding.network).index, binding);
  }

  removeBinding(network: number, mac: MacAddress): void {
    const state = this.#networks.get(network);
    if (state !== undefined) this.#bindings.remove(state.index, mac);
  }

  forward(
    now: Millis,
    port: number,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    longestBytes: number,
    out: Forwarding,
  ): void {
    if (at < 0 || lengthBytes < 0 || at + lengthBytes > bytes.length) {
      throw new RangeError(`Cannot forward ${lengthBytes} bytes at ${at}: there are ${bytes.length}`);
    }
    out.action = FORWARD.DROP;
    out.count = 0;
    const from = this.#ports.get(port);
    if (from === undefined) return;
    from.counts.countIn(lengthBytes);
    from.network.counts.countIn(lengthBytes);
    const decision = this.#decide(now, from, bytes, at, lengthBytes, longestBytes, out);
    if (decision === PASS) return;
    out.count = 0;
    out.action = decision === ANSWERED ? FORWARD.ANSWERED : FORWARD.DROP;
    if (decision === ANSWERED) return;
    from.counts.countDrop(decision);
    from.network.counts.countDrop(decision);
  }

  pollFrame(): SwitchFrame | undefined {
    const frame = this.#queue.pop();
    if (frame !== undefined) {
      const to = this.#ports.get(frame.port);
      to?.counts.countOut(1, frame.frame.length);
      to?.network.counts.countOut(1, frame.frame.length);
    }
    return frame;
  }

  announce(_port: number): void {}

  pollEvent(): SwitchEvent | undefined {
    return undefined;
  }

  portCounts(port: number): SwitchCounts | undefined {
    return this.#ports.get(port)?.counts.snapshot();
  }

  networkCounts(network: number): SwitchCounts | undefined {
    return this.#networks.get(network)?.counts.snapshot();
  }

  lookupAddress(
    network: number,
    bytes: Uint8Array,
    at: number,
    addressBytes: 4 | 16,
  ): SwitchBinding | undefined {
    const state = this.#networks.get(network);
    return state && this.#bindings.ofAddress(state.index, bytes, at, addressBytes);
  }

  handleTimeout(now: Millis): void {
    if (this.#sweepAt !== undefined && now < this.#sweepAt) return;
    this.#macs.expire(secondsOf(now));
    this.#sweepAt = this.#macs.learned > 0 ? now + SWEEP_MS : undefined;
  }

  pollTimeout(): Millis | undefined {
    return this.#sweepAt as Millis | undefined;
  }

  #networkOf(network: number): NetworkState {
    const state = this.#networks.get(network);
    if (state === undefined) throw new RangeError(`Cannot find the network ${network}: it was not set`);
    return state;
  }

  /** @returns `PASS`, `ANSWERED`, or why the frame is dropped */
  #decide(
    now: Millis,
    from: PortState,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    longestBytes: number,
    out: Forwarding,
  ): number {
    if (from.isBlocked) return DROPPED.blocked;
    if (lengthBytes > MAX_FRAME_BYTES) return DROPPED.oversized;
    const header = this.#header;
    const failure = header.read(bytes, at, lengthBytes);
    if (failure !== undefined) return DROPPED[failure];
    if (header.destinationHigh === RESERVED_HIGH && (header.destinationLow & ~0x0f) === RESERVED_LOW) {
      return DROPPED.reserved;
    }
    const source = this.#checkSource(now, from);
    if (source !== PASS) return source;
    if (header.etherType === ETHER_TYPE.ARP) {
      const checked = this.#arp.check(now, from, header, bytes, at, lengthBytes);
      if (checked !== PASS) return checked;
    }
    if (longestBytes > from.network.definition.mtuBytes) return DROPPED["too-long"];
    const frames = Math.max(1, Math.ceil((lengthBytes - 14) / Math.max(1, longestBytes)));
    return this.#route(now, from, lengthBytes, frames, out);
  }

  /** A source is bound to the port that the frame came in at, or learned there. */
  #checkSource(now: Millis, from: PortState): number {
    const { sourceHigh: high, sourceLow: low } = this.#header;
    if ((high & 0x0100) !== 0 || (high | low) === 0) return DROPPED["bad-source"];
    const macs = this.#macs;
    const { index } = from.network;
    const slot = macs.find(index, high, low);
    if (slot >= 0 && macs.isBoundAt(slot)) {
      return macs.portAt(slot) === from.port ? PASS : DROPPED["forged-mac"];
    }
    if (!from.allowsForeign) return DROPPED["foreign-mac"];
    const seconds = secondsOf(now);
    if (slot < 0) {
      macs.learn(seconds, index, high, low, from.port);
      this.#sweepAt ??= now + SWEEP_MS;
    } else if (macs.portAt(slot) === from.port) macs.refresh(slot, seconds);
    else if (!macs.move(slot, seconds, from.port)) return DROPPED.flapping;
    return PASS;
  }

  #route(now: Millis, from: PortState, lengthBytes: number, frames: number, out: Forwarding): number {
    const { destinationHigh: high, destinationLow: low } = this.#header;
    if ((high & 0x0100) !== 0) {
      const isBroadcast = high === 0xffff && low === -1;
      return this.#flood(
        now,
        from,
        isBroadcast ? STORM.BROADCAST : STORM.MULTICAST,
        lengthBytes,
        frames,
        out,
      );
    }
    const slot = this.#macs.find(from.network.index, high, low);
    if (slot < 0 || !this.#macs.isFreshAt(slot, secondsOf(now))) {
      return this.#flood(now, from, STORM.UNKNOWN, lengthBytes, frames, out);
    }
    const to = this.#ports.get(this.#macs.portAt(slot));
    if (to === undefined || to.network !== from.network) return DROPPED["no-port"];
    if (to === from) return DROPPED["same-port"];
    if (to.isBlocked) return DROPPED.blocked;
    if (!from.isLocal && !to.isLocal) return DROPPED["split-horizon"];
    to.counts.countOut(1, lengthBytes);
    to.network.counts.countOut(1, lengthBytes);
    out.action = FORWARD.ONE;
    out.port = to.port;
    return PASS;
  }

  #flood(
    now: Millis,
    from: PortState,
    kind: StormKind,
    lengthBytes: number,
    frames: number,
    out: Forwarding,
  ): number {
    if (!from.storm.spend(now, kind, frames)) return STORM_DROPS[kind];
    const { ports, localCount, counts } = from.network;
    // Split horizon: what came from another host goes to no other host.
    const end = from.isLocal ? ports.length : localCount;
    if (out.ports.length < end) out.ports = new Int32Array(2 * end);
    let count = 0;
    for (let i = 0; i < end; i++) {
      const to = ports[i];
      if (to === undefined || to === from || to.isBlocked) continue;
      out.ports[count++] = to.port;
      to.counts.countOut(1, lengthBytes);
    }
    counts.countOut(count, lengthBytes);
    out.action = FORWARD.FLOOD;
    out.count = count;
    return PASS;
  }
}

const STORM_DROPS: Readonly<Record<StormKind, number>> = {
  [STORM.BROADCAST]: DROPPED["storm-broadcast"],
  [STORM.MULTICAST]: DROPPED["storm-multicast"],
  [STORM.UNKNOWN]: DROPPED["storm-unknown"],
};

function secondsOf(now: Millis): number {
  return Math.floor(now / 1000);
}
