/**
 * Carrying frames between local ports and other hosts, without devices, sockets and timers.
 *
 *     handleFrame ─▶ switch ─▶ outlets.deliver (local ports)
 *                       └────▶ driver's header, outer header ─▶ outlets.sendMesh, sendChannel, sendPlain
 *     handleMeshPacket, handleChannelPacket, handlePlainPacket ─▶ driver ─▶ switch ─▶ outlets.deliver
 *
 * Packets are made in the memory in which frames are handed in, so that has `HEADROOM_BYTES` before each.
 *
 * @module
 */

import { type Millis, type RandomSource, randomUint32 } from "../../base/mod.ts";
import {
  ETHERNET_HEADER_BYTES,
  type IpAddress,
  ipDestinationOffset,
  ipSourceOffset,
  OuterPacket,
  readOuterPacket,
  uint16At,
} from "../../net/mod.ts";
import {
  FORWARD,
  Forwarding,
  type FrameForwarder,
  FrameSwitch,
  type OverlayDriver,
  type SwitchEvent,
  writeHeaderOfPacket,
} from "../../overlay/mod.ts";
import type { DriverRegistry } from "../../../drivers/mod.ts";
import type { NetworkGate } from "../policy/mod.ts";
import { AddressTable } from "./address_table.ts";
import { CARRIER_BYTES } from "./carrier.ts";
import {
  type CarriageDrop,
  driverAmong,
  EngineNetwork,
  type EngineRemote,
  isSameWire,
  parsed,
  parsedMac,
} from "./engine_network.ts";
import type { FrameCounts, PlaneBinding, PlaneNetwork, PlanePort, PlaneRemote } from "./frame_plane.ts";
import { MemberLimits } from "./member_limits.ts";
import { plainKey } from "./portable_underlay.ts";
import { type PacketOutlets, PacketSender } from "./packet_sender.ts";
import { PacketDecoder, type PacketSource } from "./packet_decoder.ts";

/** The longest outer header, the carrier's, and the driver's, with geneve's options (RFC 8926 §3.4). */
export const HEADROOM_BYTES: number = 48 + 2 + 8 + 252;
/** The longest frame: an IP packet, its header and tags. */
export const MAX_FRAME_BYTES: number = 65_535 + 64;

/** Where frames and packets go. What is handed over is valid until the call returns. */
export interface FrameOutlets extends PacketOutlets {
  /** A frame for a local port. @returns why it did not take it, or undefined */
  deliver(port: number, bytes: Uint8Array, at: number, lengthBytes: number): CarriageDrop | undefined;
}

/** All networks of one host. */
export class FrameEngine {
  readonly #drivers: DriverRegistry;
  readonly #outlets: FrameOutlets;
  readonly #switch: FrameForwarder;
  /** Of the paths to members. */
  readonly limits: MemberLimits;
  readonly #forwarding = new Forwarding();
  readonly #networks = new Map<number, EngineNetwork>();
  readonly #ports = new Map<number, EngineNetwork>();
  readonly #remotes = new Map<number, EngineRemote>();
  /** Of the mesh, and of channels. */
  readonly mesh: PacketDecoder<EngineRemote>;
  /** By the sockets of the plain underlay. */
  readonly #plain = new Map<string, PacketDecoder<EngineRemote>>();
  #own: readonly IpAddress[] = [];
  #ownTable = new AddressTable<IpAddress>();
  readonly #failures = new Map<string, number>();
  readonly #outer = new OuterPacket();
  readonly #sender: PacketSender;
  readonly #memory = new Uint8Array(HEADROOM_BYTES + MAX_FRAME_BYTES);
  readonly #memberSource: PacketSource & { kind: "member" | "plain" } = {
    kind: "member",
    bytes: this.#memory,
    at: 0,
    family: 4,
  };
  readonly #channelSource: PacketSource & { kind: "channel" } = { kind: "channel", nodeId: "" };

  /** @param random for the switch's tables @param gate what policies decide by, unless all passes */
  constructor(drivers: DriverRegistry, outlets: FrameOutlets, random: RandomSource, gate?: NetworkGate) {
    this.#drivers = drivers;
    this.#outlets = outlets;
    this.#sender = new PacketSender(outlets, randomUint32(random));
    this.#switch = new FrameSwitch(random, { gate });
    this.limits = new MemberLimits(this.#switch);
    this.mesh = new PacketDecoder<EngineRemote>((reason) => this.#countFailure(reason));
  }

  /** The addresses of this host in the mesh. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.#own = addresses;
    this.#ownTable = new AddressTable();
    for (const address of addresses) this.#ownTable.set(address, address);
    for (const remote of this.#remotes.values()) remote.network.setHeader(remote, addresses);
  }

  /** @throws RangeError when there is no such driver or the identifier is taken, and what the driver throws */
  setNetwork(definition: PlaneNetwork): void {
    const known = this.#networks.get(definition.network);
    if (known !== undefined && isSameWire(known.definition, definition)) known.definition = definition;
    else this.#replaceNetwork(known, definition);
    const { network, name, mtuBytes, driver, identifier, gateway, stormLimit } = definition;
    const label = `${driver}/${identifier}/${name}`;
    this.#switch.setNetwork({
      ...{ network, name, mtuBytes, label },
      ...gateway && { gateway: { mac: parsedMac(gateway.mac), addresses: gateway.addresses.map(parsed) } },
      ...stormLimit !== undefined && { stormLimit },
    });
  }

  /** Its ports and remotes go, too. */
  removeNetwork(network: number): void {
    const state = this.#networks.get(network);
    if (state === undefined) return;
    for (const [port, owner] of this.#ports) if (owner === state) this.#ports.delete(port);
    for (const [port, remote] of this.#remotes) if (remote.network === state) this.#remotes.delete(port);
    this.#networks.delete(network);
    this.#forgetPackets(state);
    this.#switch.removeNetwork(network);
  }

  /** @throws RangeError before `setNetwork` */
  setPort({ port, network, allowsForeign }: Omit<PlanePort, "device">): void {
    this.#ports.set(port, this.#networkOf(network));
    this.#switch.setPort({ port, network, side: "local", allowsForeign });
  }

  removePort(port: number): void {
    if (this.#ports.delete(port)) this.#switch.removePort(port);
  }

  /** Tells the network where a local port's addresses are now. */
  announce(now: Millis, port: number): void {
    this.#switch.announce(port);
    this.#sendOwnFrames(now);
  }

  /** @throws RangeError before `setNetwork`, or when the address is none */
  setRemote(definition: PlaneRemote): void {
    const { port, network, allowsForeign } = definition;
    const remote: EngineRemote = { network: this.#networkOf(network), definition, header: undefined };
    this.#remotes.get(port)?.network.removeRemote(this.#remotes.get(port) as EngineRemote);
    remote.network.addRemote(remote);
    remote.network.setHeader(remote, this.#own);
    this.#remotes.set(port, remote);
    this.#switch.setPort({ port, network, side: "remote", allowsForeign });
    this.limits.add(definition, remote.network);
  }

  removeRemote(port: number): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    this.#remotes.delete(port);
    this.limits.remove(port);
    remote.network.removeRemote(remote);
    this.#switch.removePort(port);
  }

  /** @throws RangeError before `setNetwork`, or when an address is none */
  setBinding(now: Millis, { network, port, mac, addresses }: PlaneBinding): void {
    this.#switch.setBinding({ network, port, mac: parsedMac(mac), addresses: addresses.map(parsed) });
    this.#sendOwnFrames(now);
  }

  removeBinding(now: Millis, network: number, mac: string): void {
    this.#switch.removeBinding(network, parsedMac(mac));
    this.#sendOwnFrames(now);
  }

  /** Takes a frame of a local port. @param at `HEADROOM_BYTES` or more; what is before it may be overwritten */
  handleFrame(now: Millis, port: number, bytes: Uint8Array, at: number, lengthBytes: number): void {
    if (!this.#ports.has(port)) return;
    this.#forward(now, port, bytes, at, lengthBytes);
  }

  /**
   * Takes an IP packet that a member has sent from an address of its own.
   * @returns whether it was one of an overlay network; otherwise it is as it was
   */
  handleMeshPacket(now: Millis, packet: Uint8Array): boolean {
    if (this.#networks.size === 0) return false;
    const outer = this.#outer;
    if (!readOuterPacket(packet, 0, packet.length, outer)) return false;
    const { version, protocol, destinationPort } = outer;
    const carrier = destinationPort === 0 ? protocol : destinationPort;
    if (!this.mesh.expects(carrier)) return false;
    if (this.#ownTable.find(packet, ipDestinationOffset(version), version) === undefined) return false;
    const source = this.#memberSource;
    source.kind = "member";
    source.bytes = packet;
    source.at = ipSourceOffset(version);
    source.family = version;
    return this.#receive(now, this.mesh, carrier, packet, outer.payloadAt, outer.payloadBytes, source);
  }

  /** Takes the packet of a channel. @param nodeId whose channel it is; who it says it is was proved */
  handleChannelPacket(now: Millis, nodeId: string, packet: Uint8Array): void {
    if (packet.length < CARRIER_BYTES) return this.#countFailure("truncated");
    const source = this.#channelSource;
    source.nodeId = nodeId;
    const [carrier, length] = [uint16At(packet, 0), packet.length - CARRIER_BYTES];
    if (!this.#receive(now, this.mesh, carrier, packet, CARRIER_BYTES, length, source)) {
      this.#countFailure("unknown-network");
    }
  }

  /**
   * Takes what follows the outer headers of a packet of the plain underlay.
   * @param key of the socket that it came to
   */
  handlePlainPacket(now: Millis, key: string, from: IpAddress, packet: Uint8Array): void {
    const decoder = this.#plain.get(key);
    const source = this.#memberSource;
    source.kind = "plain";
    source.bytes = from.bytes;
    source.at = 0;
    source.family = from.family;
    if (decoder === undefined || !this.#receive(now, decoder, 0, packet, 0, packet.length, source)) {
      this.#countFailure("unknown-network");
    }
  }

  /** @returns the driver of a network @throws RangeError when there is none of this name */
  driverOf(network: PlaneNetwork): OverlayDriver {
    return driverAmong(this.#networks.values(), this.#drivers, network);
  }

  /** Forgets what is too old, and does what the switch wants to do by itself. */
  handleTimeout(now: Millis): void {
    this.#switch.handleTimeout(now);
    this.#sendOwnFrames(now);
  }

  pollTimeout(): Millis | undefined {
    return this.#switch.pollTimeout();
  }

  pollEvent(): SwitchEvent | undefined {
    return this.#switch.pollEvent();
  }

  networkCounts(network: number): FrameCounts | undefined {
    const state = this.#networks.get(network);
    const counts = this.#switch.networkCounts(network);
    return state && counts && { ...counts, drops: { ...counts.drops, ...state.drops() } };
  }

  portCounts(port: number): FrameCounts | undefined {
    return this.#switch.portCounts(port);
  }

  /** @returns by reason, what was dropped and is of no network */
  drops(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failures);
  }

  #networkOf(network: number): EngineNetwork {
    const state = this.#networks.get(network);
    if (state === undefined) throw new RangeError(`Cannot find the network ${network}: it was not set`);
    return state;
  }

  #replaceNetwork(known: EngineNetwork | undefined, definition: PlaneNetwork): void {
    const state = new EngineNetwork(definition, this.driverOf(definition));
    if (state.encapsulation.headerBytes > HEADROOM_BYTES - 50) {
      throw new RangeError(`Cannot carry ${definition.name}: its header is too long`);
    }
    this.#decoderOf(state).add(state);
    if (known !== undefined) this.#forgetPackets(known);
    this.#networks.set(definition.network, state);
    if (known === undefined) return;
    for (const [port, owner] of this.#ports) if (owner === known) this.#ports.set(port, state);
    for (const { network, definition } of [...this.#remotes.values()]) {
      if (network === known) this.#moveRemote(definition, state);
    }
  }

  #moveRemote(definition: PlaneRemote, network: EngineNetwork): void {
    const remote: EngineRemote = { network, definition, header: undefined };
    network.addRemote(remote);
    network.setHeader(remote, this.#own);
    this.#remotes.set(definition.port, remote);
    this.limits.add(definition, network);
  }

  /** @returns what reads the packets of a network's underlay */
  #decoderOf({ definition, driver }: EngineNetwork): PacketDecoder<EngineRemote> {
    if (definition.underlay.kind === "mesh") return this.mesh;
    const key = plainKey(definition, driver);
    const decoder = this.#plain.get(key) ??
      new PacketDecoder<EngineRemote>((reason) => this.#countFailure(reason), true);
    this.#plain.set(key, decoder);
    return decoder;
  }

  #forgetPackets(network: EngineNetwork): void {
    const decoder = this.#decoderOf(network);
    decoder.remove(network);
    if (decoder !== this.mesh && decoder.isEmpty) {
      this.#plain.delete(plainKey(network.definition, network.driver));
    }
  }

  #countFailure(reason: string): void {
    const name = `frames-${reason}`;
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }

  /** @returns false, and nothing has changed, when it is of no network of this host */
  #receive(
    now: Millis,
    decoder: PacketDecoder<EngineRemote>,
    carrier: number,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    source: PacketSource,
  ): boolean {
    const remote = decoder.decode(carrier, bytes, at, lengthBytes, source);
    if (remote === "unknown") return false;
    if (remote === "dropped") return true;
    const { network, definition: { port } } = remote;
    const { payloadAt, payloadBytes } = decoder.header;
    if (network.encapsulation.payload === "ethernet") {
      this.#forward(now, port, bytes, payloadAt, payloadBytes);
      return true;
    }
    const frameAt = HEADROOM_BYTES;
    if (payloadBytes > MAX_FRAME_BYTES - ETHERNET_HEADER_BYTES) {
      network.countDrop("oversized-frame");
      return true;
    }
    this.#memory.set(bytes.subarray(payloadAt, payloadAt + payloadBytes), frameAt + ETHERNET_HEADER_BYTES);
    const gateway = network.gatewayMac;
    const id = network.definition.network;
    if (writeHeaderOfPacket(this.#switch, id, this.#memory, frameAt, payloadBytes, gateway)) {
      this.#forward(now, port, this.#memory, frameAt, payloadBytes + ETHERNET_HEADER_BYTES);
    } else network.countDrop("unknown-address");
    return true;
  }

  #forward(now: Millis, port: number, bytes: Uint8Array, at: number, lengthBytes: number): void {
    const out = this.#forwarding;
    this.#switch.forward(now, port, bytes, at, lengthBytes, lengthBytes - ETHERNET_HEADER_BYTES, out);
    if (out.action === FORWARD.ONE) {
      if (!this.#deliver(out.port, bytes, at, lengthBytes)) {
        this.#send(out.port, bytes, at, lengthBytes, -1);
      }
    } else if (out.action === FORWARD.FLOOD) this.#flood(bytes, at, lengthBytes);
    this.#sendOwnFrames(now);
  }

  /** Local ports come first: the headers of other hosts are written over the frame's beginning. */
  #flood(bytes: Uint8Array, at: number, lengthBytes: number): void {
    const { ports, count } = this.#forwarding;
    let encodedAt = -1;
    for (let i = 0; i < count; i++) this.#deliver(ports[i] ?? 0, bytes, at, lengthBytes);
    for (let i = 0; i < count; i++) {
      const port = ports[i] ?? 0;
      if (!this.#ports.has(port)) encodedAt = this.#send(port, bytes, at, lengthBytes, encodedAt);
    }
  }

  /** What the switch says itself goes to its port as it is. */
  #sendOwnFrames(_now: Millis): void {
    for (let own = this.#switch.pollFrame(); own !== undefined; own = this.#switch.pollFrame()) {
      const { port, frame } = own;
      if (this.#deliver(port, frame, 0, frame.length)) continue;
      this.#memory.set(frame, HEADROOM_BYTES);
      this.#send(port, this.#memory, HEADROOM_BYTES, frame.length, -1);
    }
  }

  /** @returns false when the port is no local one */
  #deliver(port: number, bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const network = this.#ports.get(port);
    if (network === undefined) return false;
    const refused = this.#outlets.deliver(port, bytes, at, lengthBytes);
    if (refused !== undefined) network.countDrop(refused);
    return true;
  }

  /** @returns where the header of the driver begins, for the next host */
  #send(port: number, bytes: Uint8Array, at: number, lengthBytes: number, encodedAt: number): number {
    const remote = this.#remotes.get(port);
    return remote === undefined ? encodedAt : this.#sender.send(remote, bytes, at, lengthBytes, encodedAt);
  }
}
