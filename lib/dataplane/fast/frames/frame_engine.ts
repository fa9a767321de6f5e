/**
 * Frames of overlay networks in the worker: between endpoints of this host, the switch, and other hosts.
 *
 * ```
 *   LocalPorts ── superframe ──▶ FrameSwitch ── to a remote ──▶ FrameUnderlay: headers, cut, sealed, sent
 *        ▲                          │  ▲
 *        └── joined, or as it is ◀──┘  └───── decoded ──────── FrameUnderlay ◀── opened, received
 * ```
 *
 * As long as there is no network, all that packets pay is one question.
 * @module
 */

import { Counters, type Millis, type RandomSource, randomUint32 } from "../../../base/mod.ts";
import { getDriverFactory } from "../../../../drivers/mod.ts";
import { ETHERNET_HEADER_BYTES, type IpFamily, ipPacketLength, MacAddress } from "../../../net/mod.ts";
import {
  FORWARD,
  Forwarding,
  type FrameForwarder,
  FrameSwitch,
  writeHeaderOfPacket,
} from "../../../overlay/mod.ts";
import { MemberLimits } from "../../frames/mod.ts";
import type { PlaneBinding, PlaneNetwork, PlanePort, PlaneRemote, PortEvent } from "../../frames/mod.ts";
import { NetworkGate, type PlaneGuards } from "../../policy/mod.ts";
import { VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { ChannelRemotes, type ChannelRoom } from "./channel_remotes.ts";
import { FrameShape, hasPlainIp } from "./frame_shape.ts";
import { type CarriedNetwork, FRAME_DROPS, type FrameSink, type FrameUnderlay } from "./frame_underlay.ts";
import { parsedAddresses, switchNetworkOf } from "./switch_network.ts";
import { type LocalPort, LocalPorts, type LocalPortsParts } from "./local_ports.ts";
import { MemberUnderlay, type MemberUnderlayParts } from "./member_underlay.ts";
import type { PlainUnderlayParts } from "./plain/mod.ts";
import { ReadySet, type ReadySetParts } from "./ready_set.ts";
import { RemotePorts } from "./remote_ports.ts";

/** A turn takes so much from one endpoint before it looks at the others, and at what came in. */
const PORT_BUDGET_BYTES = 128 * 1024;
/** Tokens from here on are those of an underlay's descriptors. */
const UNDERLAY_TOKENS = 0x10_0000;
const NO_HEADER = new Uint8Array(VIRTIO_HEADER_BYTES);
const HELD = { before: VIRTIO_HEADER_BYTES };

/** Descriptors, memory and callbacks; it closes no endpoint. */
export interface FrameEngineParts
  extends
    Omit<LocalPortsParts, "onGone">,
    Omit<MemberUnderlayParts, "sink">,
    Omit<ReadySetParts, "memory">,
    Omit<PlainUnderlayParts, "sink" | "onFailed"> {
  readonly random: RandomSource;
  /** What policies decide by. */
  readonly guards: PlaneGuards;
  /** Where a frame is read to, and where copies are made, with `HEADROOM_BYTES` before each. */
  readonly frameAt: number;
  readonly copyAt: number;
  /** Tells what has happened. */
  onPortEvent(event: PortEvent): void;
  /** How many packets for channels may be under way. */
  readonly channelRoom: ChannelRoom;
  /** Makes what is below plain networks, when the first one comes. */
  readonly openPlain?: ((parts: Omit<PlainUnderlayParts, "onFailed">) => FrameUnderlay) | undefined;
}

/** All networks of this host, in the packet engine's thread. */
export class FrameEngine implements FrameSink {
  readonly #parts: FrameEngineParts;
  readonly #bytes: Uint8Array;
  readonly #switch: FrameForwarder;
  readonly #networks = new Map<number, CarriedNetwork>();
  readonly #locals: LocalPorts;
  /** Below networks in the mesh. */
  readonly members: MemberUnderlay;
  readonly #channels: ChannelRemotes;
  #plain: FrameUnderlay | undefined;
  readonly #remotes = new RemotePorts();
  /** Of the paths to members. */
  readonly limits: MemberLimits;
  readonly #ready: ReadySet;
  readonly #forwarding = new Forwarding();
  readonly #shape: FrameShape;
  /** Changes when something was carried or dropped. */
  activity = 0;

  constructor(parts: FrameEngineParts) {
    const { cipher, random } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(cipher.memory.buffer);
    this.#switch = new FrameSwitch(random, { gate: new NetworkGate(parts.guards, HELD) });
    this.limits = new MemberLimits(this.#switch);
    this.#shape = new FrameShape(cipher.memory, randomUint32(random) | 0);
    this.#locals = new LocalPorts({ ...parts, onGone: (local) => this.#noteGone(local) });
    this.members = new MemberUnderlay({ ...parts, sink: this });
    this.#channels = new ChannelRemotes({ ...parts, members: this.members });
    this.#ready = new ReadySet({ ...parts, memory: cipher.memory });
  }

  /** Whether there is no network, so that nothing of this is to be asked. */
  get isIdle(): boolean {
    return this.#networks.size === 0;
  }

  /** Readable when an endpoint has something, or a plain underlay; -1 when there is none. */
  get descriptor(): number {
    return this.#ready.descriptor;
  }

  setOwnAddresses(addresses: readonly string[]): void {
    this.members.setOwnAddresses(parsedAddresses(addresses));
  }

  /** The same number changes a network. */
  setNetwork(definition: PlaneNetwork): void {
    const { network, driver: name, identifier, options, underlay } = definition;
    const driver = getDriverFactory(name)();
    const encapsulation = driver.encapsulation(identifier, options);
    const known = this.#networks.get(network);
    const gatewayMac = MacAddress.parse(definition.gateway?.mac ?? "");
    const now = { definition, driver, encapsulation, gatewayMac };
    const carried = known ?? { ...now, drops: new Counters(FRAME_DROPS) };
    // Its ports and remotes have the same object.
    Object.assign(carried, now);
    this.#switch.setNetwork(switchNetworkOf(definition));
    this.#networks.set(network, carried);
    if (underlay.kind === "mesh") this.members.setNetwork(carried);
    else {
      this.#plain ??= this.#parts.openPlain?.({ ...this.#parts, sink: this });
      this.#plain?.setNetwork(carried);
      this.#followUnderlay();
    }
  }

  removeNetwork(network: number): void {
    if (!this.#networks.delete(network)) return;
    for (const local of [...this.#locals]) {
      if (local.network.definition.network === network) this.removePort(local.port);
    }
    for (const { port } of this.#remotes.ofNetwork(network)) this.removeRemote(port);
    this.members.removeNetwork(network);
    this.#plain?.removeNetwork(network);
    this.#followUnderlay();
    this.#switch.removeNetwork(network);
  }

  setPort(port: PlanePort): void {
    const network = this.#networks.get(port.network);
    if (network === undefined) return;
    const known = this.#locals.get(port.port);
    const local = known ?? this.#locals.add(port, network);
    if (local === undefined) return;
    this.#switch.setPort({ ...port, side: "local" });
    if (known === undefined && !this.#ready.add(local.device.fd, local.slot)) this.#noteGone(local);
  }

  /** Nothing uses the port's device any more. */
  removePort(port: number): void {
    const local = this.#locals.get(port);
    if (local !== undefined) {
      if (!local.isGone) this.#ready.remove(local.device.fd);
      this.#locals.remove(port);
      this.#switch.removePort(port);
    }
    this.#parts.onPortEvent({ kind: "port-released", port });
  }

  setRemote(remote: PlaneRemote): void {
    const { port, network: number, allowsForeign, via } = remote;
    const network = this.#networks.get(number);
    this.removeRemote(port);
    const underlay = via.kind === "member"
      ? this.members
      : via.kind === "channel"
      ? this.#channels
      : this.#plain;
    if (network === undefined || underlay === undefined || !this.#remotes.add(port, network, underlay)) {
      return;
    }
    this.#switch.setPort({ port, network: number, allowsForeign, side: "remote" });
    underlay.setRemote(network, remote);
    this.limits.add(remote, network);
  }

  removeRemote(port: number): void {
    const remote = this.#remotes.remove(port);
    if (remote === undefined) return;
    remote.underlay.removeRemote(port);
    this.limits.remove(port);
    this.#switch.removePort(port);
  }

  setBinding({ network, port, mac: text, addresses }: PlaneBinding): void {
    const mac = MacAddress.parse(text);
    if (mac === undefined || !this.#networks.has(network)) return;
    this.#switch.setBinding({ network, port, mac, addresses: parsedAddresses(addresses) });
  }

  removeBinding(network: number, text: string): void {
    const mac = MacAddress.parse(text);
    if (mac !== undefined) this.#switch.removeBinding(network, mac);
  }

  /** From the endpoints to other hosts and each other. @returns whether there was something, and may be more */
  carryOut(now: Millis): boolean {
    const ready = this.#ready.poll();
    let carried = false;
    for (let i = 0; i < ready; i++) {
      const token = this.#ready.token(i);
      if (token < UNDERLAY_TOKENS) {
        const local = this.#locals.atSlot(token);
        if (local !== undefined && this.#carryFrom(now, local)) carried = true;
      } else if (this.#receive(now, token - UNDERLAY_TOKENS)) carried = true;
    }
    return carried;
  }

  /** @param at where an opened packet begins @returns whether it was of an overlay network; frames are joined then */
  takePacketOfMember(now: Millis, at: number, lengthBytes: number, version: IpFamily): boolean {
    if (!this.members.take(now, at, lengthBytes, version)) return false;
    this.activity++;
    return true;
  }

  /** Hands in what a member without a packet plane has sent by its channel. */
  receiveFromChannel(now: Millis, nodeId: string, packet: Uint8Array): void {
    this.#parts.cipher.beginFrames();
    this.#channels.receivePacket(now, nodeId, packet);
    this.#takeAllJoined(now);
  }

  /** Takes a frame that was joined, with its virtio header, of the remote that its tag stands for. */
  takeJoined(now: Millis, tag: number, joinedAt: number, joinedBytes: number): void {
    const port = this.#remotes.atTag(tag)?.port;
    if (port === undefined) return;
    this.activity++;
    const at = joinedAt + VIRTIO_HEADER_BYTES;
    const lengthBytes = joinedBytes - VIRTIO_HEADER_BYTES;
    this.#shape.read(at, lengthBytes);
    const decision = this.#forwarding;
    this.#switch.forward(now, port, this.#bytes, at, lengthBytes, this.#shape.longestBytes, decision);
    this.#follow(now, at, lengthBytes);
  }

  /** Sends what the switch itself has to say, and what was gathered. */
  flush(now: Millis): void {
    const { copyAt } = this.#parts;
    for (let said = this.#switch.pollFrame(); said !== undefined; said = this.#switch.pollFrame()) {
      this.#bytes.set(said.before ?? NO_HEADER, copyAt - VIRTIO_HEADER_BYTES);
      this.#bytes.set(said.frame, copyAt);
      this.#hand(now, said.port, copyAt, said.frame.length);
    }
    for (let event = this.#switch.pollEvent(); event !== undefined; event = this.#switch.pollEvent()) {
      this.#parts.onPortEvent(event);
    }
    this.members.flush();
    this.#plain?.flush(now);
  }

  handleTimeout(now: Millis): void {
    this.#switch.handleTimeout(now);
  }

  /** Undefined without a network: nobody asks for a turn then that nobody would take. */
  pollTimeout(): Millis | undefined {
    return this.isIdle ? undefined : this.#switch.pollTimeout();
  }

  /** Closes what it has opened itself. */
  close(): void {
    this.#plain?.close();
    this.#ready.close();
  }

  /** The switch, for its counters. */
  get counts(): Pick<FrameForwarder, "networkCounts" | "portCounts"> {
    return this.#switch;
  }

  /** The networks, for theirs. */
  get networks(): Iterable<CarriedNetwork> {
    return this.#networks.values();
  }

  /** All local ports' numbers. */
  get ports(): readonly number[] {
    return [...this.#locals].map((local) => local.port);
  }

  take(_now: Millis, port: number, at: number, lengthBytes: number): void {
    const tag = this.#remotes.get(port)?.tag;
    if (tag === undefined) return;
    // Frames with tags of VLANs are not joined: not every host's kernel cuts them again.
    const isJoined = hasPlainIp(this.#bytes, at, lengthBytes);
    this.#parts.cipher.addPacket(at, lengthBytes, isJoined ? ETHERNET_HEADER_BYTES : lengthBytes, tag);
  }

  takeWhole(now: Millis, port: number, at: number, lengthBytes: number): void {
    const network = this.#remotes.get(port)?.network;
    if (network === undefined) return;
    this.activity++;
    if (!this.#shape.read(at, lengthBytes)) return network.drops.count("malformed");
    const decision = this.#forwarding;
    this.#switch.forward(now, port, this.#bytes, at, lengthBytes, this.#shape.longestBytes, decision);
    this.#follow(now, at, lengthBytes);
  }

  takePacket(now: Millis, port: number, at: number, lengthBytes: number): void {
    const network = this.#remotes.get(port)?.network;
    if (network === undefined) return;
    const { definition, drops, gatewayMac } = network;
    const frameAt = at - ETHERNET_HEADER_BYTES;
    const isSomebodys = ipPacketLength(this.#bytes, at, lengthBytes) === lengthBytes &&
      writeHeaderOfPacket(this.#switch, definition.network, this.#bytes, frameAt, lengthBytes, gatewayMac);
    if (isSomebodys) this.take(now, port, frameAt, lengthBytes + ETHERNET_HEADER_BYTES);
    else drops.count("unknown-address");
  }

  #carryFrom(now: Millis, local: LocalPort): boolean {
    const { frameAt } = this.#parts;
    let carried = 0;
    while (carried < PORT_BUDGET_BYTES) {
      const length = this.#locals.read(local, frameAt);
      if (length === 0) break;
      this.#takeLocal(now, local, this.#locals.frameAt, length);
      carried += length;
    }
    return carried > 0;
  }

  #takeLocal(now: Millis, local: LocalPort, at: number, lengthBytes: number): void {
    this.activity++;
    const shape = this.#shape;
    if (!shape.read(at, lengthBytes)) return local.network.drops.count("malformed");
    const decision = this.#forwarding;
    this.#switch.forward(now, local.port, this.#bytes, at, lengthBytes, shape.longestBytes, decision);
    this.#follow(now, at, lengthBytes);
  }

  /** Does what the switch has decided. */
  #follow(now: Millis, at: number, lengthBytes: number): void {
    const decision = this.#forwarding;
    if (decision.action === FORWARD.ONE) this.#hand(now, decision.port, at, lengthBytes);
    else if (decision.action === FORWARD.FLOOD) {
      const last = decision.count - 1;
      for (let i = 0; i < last; i++) {
        const port = decision.ports[i] ?? 0;
        const local = this.#locals.get(port);
        const isKept = local !== undefined && this.#locals.takesWhole(local, at);
        this.#hand(now, port, isKept ? at : this.#copy(at, lengthBytes), lengthBytes);
      }
      if (last >= 0) this.#hand(now, decision.ports[last] ?? 0, at, lengthBytes);
    }
  }

  /** Whoever sends a frame, or cuts it, overwrites it. */
  #copy(at: number, lengthBytes: number): number {
    const { copyAt } = this.#parts;
    this.#bytes.copyWithin(copyAt - VIRTIO_HEADER_BYTES, at - VIRTIO_HEADER_BYTES, at + lengthBytes);
    return copyAt;
  }

  #hand(now: Millis, port: number, at: number, lengthBytes: number): void {
    const local = this.#locals.get(port);
    if (local !== undefined) return this.#locals.write(local, at, lengthBytes);
    const underlay = this.#remotes.get(port)?.underlay;
    if (underlay === undefined || !this.#shape.read(at, lengthBytes)) return;
    underlay.send(now, port, this.#shape);
  }

  #receive(now: Millis, descriptor: number): boolean {
    this.#parts.cipher.beginFrames();
    const mayBeMore = this.#plain?.receive(now, descriptor) ?? false;
    this.#takeAllJoined(now);
    return mayBeMore;
  }

  #takeAllJoined(now: Millis): void {
    const { cipher } = this.#parts;
    const frames = cipher.endFrames();
    for (let i = 0; i < frames; i++) {
      this.takeJoined(now, cipher.frameTag(i), cipher.frameAt(i), cipher.frameBytes(i));
    }
  }

  /** Waits for the descriptors that the plain underlay has now. */
  #followUnderlay(): void {
    this.#ready.follow(this.#plain?.descriptors ?? [], UNDERLAY_TOKENS);
  }

  #noteGone(local: LocalPort): void {
    local.isGone = true;
    this.#ready.remove(local.device.fd);
    this.#switch.removePort(local.port);
    this.#parts.onPortEvent({ kind: "port-gone", port: local.port });
  }
}
