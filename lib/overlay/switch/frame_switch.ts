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

import { type Millis, millis, type RandomSource, randomUint32 } from "../../base/mod.ts";
import { ETHER_TYPE, ETHERNET_HEADER_BYTES, EthernetHeader, type MacAddress } from "../../net/mod.ts";
import { Bindings } from "./bindings.ts";
import { ANSWERED, PASS } from "./decision.ts";
import { DROPPED, type FrameCounters, type SwitchCounts } from "./frame_counts.ts";
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
import type { FrameGate } from "./frame_gate.ts";
import { FrameQueue } from "./frame_queue.ts";
import { FrameRouter } from "./frame_router.ts";
import { GatedRouter } from "./gated_router.ts";
import { Snooper } from "./groups/mod.ts";
import { GROUP, IpGuard } from "./ip_guard.ts";
import { isLoopProbe, LoopGuard } from "./loops/mod.ts";
import { AddressGuard, Announcer, ArpGuard, NdGuard } from "./neighbours/mod.ts";
import { NetworkState, PortState } from "./switch_state.ts";
import { MacTable, type MacTableLimits, secondsOf } from "./tables/mod.ts";
import { cutFrame, isForEveryLink, isToBeCut, mtuBehind, tooLongAnswer } from "./too_long.ts";

/** How much a switch remembers, and who else decides. */
export interface FrameSwitchOptions extends Partial<MacTableLimits> {
  /** Is asked about each frame that would go somewhere. */
  readonly gate?: FrameGate | undefined;
}

/** All networks of a host together; each costs some 40 bytes. */
const MAX_LEARNED = 131_072;
const MAX_LEARNED_PER_PORT = 32_768;
/** Networks have 16 bits in the tables. */
const MAX_NETWORKS = 0x1_0000;
/** The longest IP packet, and what may stand before it. */
const MAX_FRAME_BYTES = 65_535 + 64;
/** Learned addresses are looked through so often; what is older is not used in between. */
const SWEEP_MS = 30_000;
/** So many are forgotten at once, in a millisecond or two; the others a moment later. */
const SWEEP_ADDRESSES = 2_048;
const SWEEP_AGAIN_MS = 10;
/** 01:80:c2:00:00:00 to 0f: spoken between neighbours, never forwarded (IEEE 802.1D-2004 §7.12.6). */
const RESERVED_HIGH = 0x0180;
const RESERVED_LOW = 0xc2000000 | 0;

/** The switch of one host, for all of its networks. */
export class FrameSwitch implements FrameForwarder {
  readonly #networks = new Map<number, NetworkState>();
  readonly #ports = new Map<number, PortState>();
  /** Ports that have come since the time was last known. */
  readonly #newPorts = new Set<PortState>();
  readonly #freeIndexes: number[] = [];
  #nextIndex = 0;
  readonly #macs: MacTable;
  readonly #bindings: Bindings;
  readonly #queue = new FrameQueue();
  readonly #announcer = new Announcer();
  readonly #arp: ArpGuard;
  readonly #ip: IpGuard;
  readonly #snooper: Snooper;
  readonly #loops: LoopGuard;
  readonly #router: GatedRouter;
  readonly #gate: FrameGate | undefined;
  readonly #header = new EthernetHeader();
  #identification: number;
  #sweepAt: number | undefined;

  /** @param random what collides in the tables is drawn from it, and the id in the probes for loops */
  constructor(random: RandomSource, options: FrameSwitchOptions = {}) {
    const { maxLearned = MAX_LEARNED, maxLearnedPerPort = MAX_LEARNED_PER_PORT, gate } = options;
    this.#gate = gate;
    this.#identification = randomUint32(random);
    this.#macs = new MacTable(random, { maxLearned, maxLearnedPerPort });
    this.#bindings = new Bindings(random, this.#macs);
    const guard = new AddressGuard(this.#macs, this.#bindings);
    this.#arp = new ArpGuard(guard, this.#queue);
    this.#snooper = new Snooper(random);
    this.#ip = new IpGuard(guard, new NdGuard(guard, this.#queue), this.#snooper, this.#ports);
    this.#loops = new LoopGuard(random, this.#queue);
    const router = new FrameRouter(this.#ports, this.#macs, this.#snooper, this.#ip);
    this.#router = new GatedRouter(router, this.#ports, gate);
  }

  /** How many addresses were learned, and how many multicast groups are wanted, at all ports together. */
  get sizes(): { readonly learned: number; readonly memberships: number; readonly tableBytes: number } {
    const tableBytes = this.#macs.memoryBytes + this.#bindings.memoryBytes;
    return { learned: this.#macs.learned, memberships: this.#snooper.memberships, tableBytes };
  }

  setNetwork(definition: SwitchNetwork): void {
    if (definition.name !== undefined) this.#gate?.setNetwork(definition.network, definition.name);
    const known = this.#networks.get(definition.network);
    if (known !== undefined) return known.define(definition);
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
    for (const { mac } of this.#bindings.of(state.index)) this.removeBinding(network, mac);
    this.#bindings.removeNetwork(state.index);
    this.#macs.forgetNetwork(state.index);
    this.#gate?.removeNetwork(network);
    this.#networks.delete(network);
    this.#freeIndexes.push(state.index);
  }

  setPort(port: SwitchPort): void {
    const network = this.#networkOf(port.network);
    const known = this.#ports.get(port.port);
    if (known !== undefined && known.network === network && known.isLocal === (port.side === "local")) {
      known.allowsForeign = port.allowsForeign;
      if (!port.allowsForeign) this.#macs.forgetPort(port.port);
      this.#loops.setPort(known);
      return;
    }
    this.removePort(port.port);
    const state = new PortState(port, network);
    this.#ports.set(port.port, state);
    network.addPort(state);
    this.#newPorts.add(state);
    this.#loops.setPort(state);
    this.announce(port.port);
  }

  removePort(port: number): void {
    const state = this.#ports.get(port);
    if (state === undefined) return;
    this.#ports.delete(port);
    state.isGone = true;
    this.#queue.forgetPort(port);
    this.#gate?.forgetPort(port);
    this.#newPorts.delete(state);
    state.network.removePort(state);
    this.#macs.forgetPort(port);
    this.#snooper.forgetPort(state);
    this.#loops.removePort(state);
  }

  setPortMtu(port: number, mtuBytes: number | undefined): void {
    this.#ports.get(port)?.setMtu(mtuBytes ?? Infinity);
  }

  setBinding(binding: SwitchBinding): void {
    const network = this.#networkOf(binding.network);
    const former = this.#bindings.set(network.index, binding);
    this.#announcer.forget(network, binding.mac);
    this.#gate?.bind(binding.network, binding.mac, binding.addresses);
    // Of what is behind other hosts, they tell.
    const isHere = this.#ports.get(binding.port)?.isLocal === true;
    if (isHere && !isSameBinding(former, binding)) this.#announcer.announce(network, binding);
  }

  removeBinding(network: number, mac: MacAddress): void {
    const state = this.#networks.get(network);
    if (state === undefined) return;
    this.#bindings.remove(state.index, mac);
    this.#announcer.forget(state, mac);
    this.#gate?.unbind(network, mac);
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
    const { counts } = from.network;
    from.counts.countIn(lengthBytes);
    counts.countIn(lengthBytes);
    if (this.#newPorts.size > 0) this.#welcome(now);
    const decision = this.#decide(now, from, bytes, at, lengthBytes, longestBytes, out);
    if (this.#ip.group === GROUP.REPORT) this.#sweepAt ??= now + SWEEP_MS;
    if (decision === PASS) {
      this.#countOut(lengthBytes, counts, out);
      return;
    }
    out.count = 0;
    out.action = decision === ANSWERED ? FORWARD.ANSWERED : FORWARD.DROP;
    if (decision === ANSWERED) return;
    from.counts.countDrop(decision);
    counts.countDrop(decision);
  }

  pollFrame(): SwitchFrame | undefined {
    const frame = this.#queue.pop() ?? this.#announcer.poll() ?? this.#gate?.pollFrame();
    if (frame === undefined) return undefined;
    const to = this.#ports.get(frame.port);
    to?.counts.countOut(1, frame.frame.length);
    to?.network.counts.countOut(1, frame.frame.length);
    return frame;
  }

  announce(port: number): void {
    const state = this.#ports.get(port);
    if (state?.isLocal !== true) return;
    for (const binding of this.#bindings.of(state.network.index)) {
      if (binding.port === port) this.#announcer.announce(state.network, binding);
    }
  }

  pollEvent(): SwitchEvent | undefined {
    return this.#loops.pollEvent();
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
    this.#welcome(now);
    this.#announcer.handleTimeout(now);
    this.#loops.handleTimeout(now);
    this.#gate?.handleTimeout(now);
    if (this.#sweepAt !== undefined && now < this.#sweepAt) return;
    const isMore = this.#macs.expire(secondsOf(now), SWEEP_ADDRESSES);
    this.#snooper.expire(now);
    const { learned, memberships } = this.sizes;
    this.#sweepAt = learned + memberships > 0 ? now + (isMore ? SWEEP_AGAIN_MS : SWEEP_MS) : undefined;
  }

  pollTimeout(): Millis | undefined {
    const own = [this.#sweepAt, this.#announcer.pollTimeout(), this.#loops.pollTimeout()];
    const due = [...own, this.#gate?.pollTimeout()];
    const earliest = Math.min(...due.filter((at) => at !== undefined));
    return earliest === Infinity ? undefined : millis(earliest);
  }

  #networkOf(network: number): NetworkState {
    const state = this.#networks.get(network);
    if (state === undefined) throw new RangeError(`Cannot find the network ${network}: it was not set`);
    return state;
  }

  #welcome(now: Millis): void {
    for (const port of this.#newPorts) port.network.snooping.welcome(now, port);
    this.#newPorts.clear();
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
    const end = at + lengthBytes;
    const { etherType, payloadAt } = header;
    if (etherType === ETHER_TYPE.EXPERIMENTAL && isLoopProbe(bytes, payloadAt, end - payloadAt)) {
      this.#loops.handleProbe(now, from, bytes, payloadAt);
      return DROPPED["loop-probe"];
    }
    let decision = this.#checkSource(now, from);
    if (decision !== PASS) return decision;
    this.#ip.group = GROUP.NONE;
    if (etherType === ETHER_TYPE.IPV4) decision = this.#ip.checkIpv4(now, from, header, bytes, end);
    else if (etherType === ETHER_TYPE.IPV6) decision = this.#ip.checkIpv6(now, from, header, bytes, end);
    else if (etherType === ETHER_TYPE.ARP) decision = this.#arp.check(now, from, header, bytes, end);
    if (decision !== PASS) return decision;
    const frames = Math.max(1, Math.ceil((lengthBytes - ETHERNET_HEADER_BYTES) / Math.max(1, longestBytes)));
    const { mtuBytes } = from.network.definition;
    const isLong = longestBytes > mtuBytes;
    if (isLong && (frames > 1 || etherType !== ETHER_TYPE.IPV4 || !isToBeCut(header, bytes, end))) {
      return this.#answerTooLong(now, from, bytes, at, end, mtuBytes);
    }
    const fitsAll = longestBytes <= from.network.narrowestBytes;
    decision = this.#router.route(now, from, header, bytes, at, end, frames, out, fitsAll && !isLong);
    if (decision !== PASS || (fitsAll && !isLong)) return decision;
    const portBytes = out.action === FORWARD.ONE ? this.#ports.get(out.port)?.mtuBytes ?? Infinity : Infinity;
    if (!isLong && longestBytes <= portBytes) return PASS;
    const linkBytes = Math.min(mtuBytes, portBytes);
    if (frames === 1 && isToBeCut(header, bytes, end)) return this.#cut(bytes, at, linkBytes, out);
    if (isForEveryLink(header, longestBytes)) return PASS;
    return this.#answerTooLong(now, from, bytes, at, end, linkBytes);
  }

  #answerTooLong(
    now: Millis,
    from: PortState,
    bytes: Uint8Array,
    at: number,
    end: number,
    linkBytes: number,
  ): number {
    const frame = tooLongAnswer(now, from, this.#header, bytes, at, end, linkBytes);
    if (frame !== undefined) this.#queue.push({ port: from.port, frame });
    return DROPPED["too-long"];
  }

  /** Sends in parts what has been routed. */
  #cut(bytes: Uint8Array, at: number, linkBytes: number, out: Forwarding): number {
    const header = this.#header;
    this.#identification = (this.#identification + 1) >>> 0;
    const parts = cutFrame(header, bytes, at, mtuBehind(header, linkBytes), this.#identification);
    const receivers = out.action === FORWARD.ONE ? [out.port] : out.ports.subarray(0, out.count);
    // All parts or none: one that is missing makes the others worthless.
    if (parts.length * receivers.length > this.#queue.room) return DROPPED["queue-full"];
    for (const port of receivers) {
      for (const part of parts) this.#queue.push({ port, frame: part.slice() });
    }
    return ANSWERED;
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
    else if (!macs.move(slot, seconds, from.port)) {
      // It is in two places, or there is a loop, which a probe finds out.
      this.#loops.suspect();
      return DROPPED.flapping;
    }
    return PASS;
  }

  #countOut(lengthBytes: number, counts: FrameCounters, out: Forwarding): void {
    if (out.action === FORWARD.ONE) {
      this.#ports.get(out.port)?.counts.countOut(1, lengthBytes);
      counts.countOut(1, lengthBytes);
      return;
    }
    for (let i = 0; i < out.count; i++) {
      this.#ports.get(out.ports[i] ?? -1)?.counts.countOut(1, lengthBytes);
    }
    counts.countOut(out.count, lengthBytes);
  }
}

function isSameBinding(former: SwitchBinding | undefined, binding: SwitchBinding): boolean {
  if (former === undefined || former.port !== binding.port) return false;
  return former.addresses.length === binding.addresses.length &&
    former.addresses.every((address) => binding.addresses.some((other) => other.equals(address)));
}
