/**
 * The mesh below overlay networks: a frame becomes the payload of an IP packet from this host's overlay address to the
 * other member's, which goes into that member's session.
 *
 *     outer IP, UDP where the driver is on UDP | the driver's header | Ethernet | IP ...      sealed as one packet
 *
 * A driver on a link (a tagged frame) is carried in EtherIP (RFC 3378).
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { BatchCipher } from "../../../crypto/mod.ts";
import {
  IpAddress,
  type IpFamily,
  OuterHeader,
  OuterPacket,
  readOuterPacket,
  uint16At,
} from "../../../net/mod.ts";
import { DecodedHeader, type DriverTransport } from "../../../overlay/mod.ts";
import type { Device } from "../../../wireguard/mod.ts";
import type { PlaneRemote } from "../../frames/mod.ts";
import type { SessionSealer } from "../session_sealer.ts";
import { finishOuter, readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import type { FrameShape } from "./frame_shape.ts";
import type { CarriedNetwork, FrameUnderlay, UnderlayParts } from "./frame_underlay.ts";
import { isAt, type Member, MemberTable } from "./member_table.ts";
import { RepeatedHeader } from "./repeated_header.ts";

const IPPROTO_UDP = 17;
/** Ethernet within IP (RFC 3378 §2). */
const IPPROTO_ETHERIP = 97;
/** RFC 3378 §3: version 3, twelve bits that are zero. */
export const ETHERIP_HEADER_BYTES = 2;
/** See `ETHERIP_HEADER_BYTES`: the first byte. */
export const ETHERIP_VERSION = 0x30;
const UDP_PORT_OFFSET = 2;

/** Sessions, and memory. */
export interface MemberUnderlayParts extends UnderlayParts {
  readonly cipher: BatchCipher;
  readonly device: Device;
  readonly sealer: SessionSealer;
  /** Room for one packet with `HEADROOM_BYTES` before it. */
  readonly singleAt: number;
}

/** A member, and what stands before the packets for it; nothing, as long as this host has no address of that family. */
interface MemberRemote extends Member {
  outer: OuterHeader | undefined;
}

/** A network, its members, and by what it was listed. */
interface MemberNetwork {
  readonly network: CarriedNetwork;
  readonly key: number;
  readonly driverName: string;
  readonly identifier: number;
  readonly members: MemberTable<MemberRemote>;
}

/** Networks of one driver, by their identifiers. */
interface DriverNetworks {
  readonly isLink: boolean;
  readonly driver: CarriedNetwork["driver"];
  readonly networks: Map<number, MemberNetwork>;
}

/** Sends through sessions. What came through one is shown to `take`. */
export class MemberUnderlay implements FrameUnderlay {
  readonly descriptors: readonly number[] = [];
  readonly #parts: MemberUnderlayParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #networks = new Map<number, MemberNetwork>();
  /** By what carries them: protocol and port. */
  readonly #drivers = new Map<number, DriverNetworks[]>();
  readonly #remotes = new Map<number, MemberRemote>();
  readonly #outer = new OuterPacket();
  readonly #header = new DecodedHeader();
  readonly #last: RepeatedHeader;
  #own: readonly IpAddress[] = [];

  constructor(parts: MemberUnderlayParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#view = new DataView(parts.cipher.memory.buffer);
    this.#last = new RepeatedHeader(parts.cipher.memory);
  }

  /** Packets come from these addresses, and are taken that are for them. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.#last.clear();
    this.#own = addresses;
    for (const remote of this.#remotes.values()) remote.outer = this.#outerFor(remote);
  }

  setNetwork(network: CarriedNetwork): void {
    this.#last.clear();
    const number = network.definition.network;
    const { driver, encapsulation: { identifier } } = network;
    const key = keyOf(driver.capabilities.transport);
    const known = this.#networks.get(number);
    if (known !== undefined) this.#unlist(known);
    const members = known?.members ?? new MemberTable<MemberRemote>();
    const entry = { network, key, driverName: driver.name, identifier, members };
    this.#networks.set(number, entry);
    for (const remote of this.#remotes.values()) {
      if (remote.network === network) remote.outer = this.#outerFor(remote);
    }
    const drivers = this.#drivers.get(key) ?? [];
    this.#drivers.set(key, drivers);
    let listed = drivers.find((each) => each.driver.name === driver.name);
    if (listed === undefined) {
      const isLink = driver.capabilities.transport.kind === "link";
      drivers.push(listed = { driver, isLink, networks: new Map() });
    }
    listed.networks.set(identifier, entry);
  }

  removeNetwork(network: number): void {
    const entry = this.#networks.get(network);
    if (entry === undefined) return;
    this.#last.clear();
    this.#networks.delete(network);
    this.#unlist(entry);
  }

  setRemote(network: CarriedNetwork, { port, via }: PlaneRemote): void {
    this.removeRemote(port);
    this.#last.clear();
    const entry = this.#networks.get(network.definition.network);
    const address = via.kind === "member" ? IpAddress.parse(via.address) : undefined;
    if (entry === undefined || address === undefined) return;
    const remote: MemberRemote = { port, network, address, outer: undefined };
    remote.outer = this.#outerFor(remote);
    entry.members.add(remote);
    this.#remotes.set(port, remote);
  }

  removeRemote(port: number): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    this.#last.clear();
    this.#remotes.delete(port);
    this.#networks.get(remote.network.definition.network)?.members.remove(remote);
  }

  send(now: Millis, port: number, frame: FrameShape): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    const { encapsulation, drops } = remote.network;
    if (remote.outer === undefined) return drops.count("no-remote");
    if (encapsulation.payload === "ip" && frame.version === 0) return drops.count("not-ip");
    frame.readFlow();
    const { at, lengthBytes, linkBytes, flow } = frame;
    if (!encapsulation.isPerPacket) return this.#seal(now, remote, at, lengthBytes, linkBytes, flow);
    const { cipher, cutAt, cutRoomBytes, singleAt } = this.#parts;
    const job = { at, lengthBytes, out: cutAt, roomBytes: cutRoomBytes, innerBytes: linkBytes };
    const cut = cipher.cutSuperpacket(job);
    if (typeof cut === "string") return drops.count("malformed");
    const end = cutAt + cut.lengthBytes;
    for (let from = cutAt; from < end; from += cut.segmentBytes) {
      const to = Math.min(end, from + cut.segmentBytes);
      this.#bytes.copyWithin(singleAt, from, to);
      this.#bytes.fill(0, singleAt - VIRTIO_HEADER_BYTES, singleAt);
      this.#seal(now, remote, singleAt, to - from, linkBytes === lengthBytes ? to - from : linkBytes, flow);
    }
  }

  flush(): void {
    this.#parts.sealer.flush();
  }

  receive(): boolean {
    return false;
  }

  close(): void {}

  /**
   * @param at where a packet begins that came through the session of whose address it has
   * @returns whether it was of an overlay network: it is taken or dropped, and not the host's
   */
  take(now: Millis, at: number, lengthBytes: number, version: IpFamily): boolean {
    const bytes = this.#bytes;
    const last = this.#last;
    if (last.matches(at, lengthBytes, version)) {
      this.#parts.sink.take(now, last.port, at + last.headBytes, lengthBytes - last.headBytes);
      return true;
    }
    const protocol = bytes[at + (version === 4 ? 9 : 6)] ?? 0;
    const headBytes = version === 4 ? ((bytes[at] ?? 0) & 15) * 4 : 40;
    const port = protocol === IPPROTO_UDP ? uint16At(bytes, at + headBytes + UDP_PORT_OFFSET) : 0;
    const drivers = this.#drivers.get((protocol << 16) | port);
    if (drivers === undefined || !this.#isOwn(at + (version === 4 ? 16 : 24), version)) return false;
    const outer = this.#outer;
    // A fragment has no whole header; the host may wait for the others. Behind options all is as ever.
    if (!readOuterPacket(bytes, at, lengthBytes, outer)) return false;
    let known: MemberNetwork | undefined;
    for (const entry of drivers) {
      const found = this.#decode(entry, outer.payloadAt, outer.payloadBytes);
      if (found === undefined) continue;
      known ??= found;
      const remote = found.members.senderOf(bytes, at, version);
      if (remote === undefined) continue;
      // What is checked with the payload, or rewritten, is read anew each time.
      const isKept = this.#accept(now, found.network, remote.port) && !entry.isLink &&
        !found.network.encapsulation.isPerPacket && outer.payloadAt + outer.payloadBytes === at + lengthBytes;
      if (isKept) last.keep(at, this.#header.payloadAt, version, remote.port);
      return true;
    }
    known?.network.drops.count("not-a-member");
    return known !== undefined;
  }

  /**
   * Takes a packet that a member without a packet plane has sent by its channel.
   * @param at where the driver's header begins, behind that of EtherIP
   * @param key as `channelKey` says it
   * @param portOf the remote's port in a network, if the sender is in it
   * @returns whether it was of a network that this host has
   */
  takeFromChannel(
    now: Millis,
    key: number,
    at: number,
    lengthBytes: number,
    portOf: (network: number) => number | undefined,
  ): boolean {
    let known: MemberNetwork | undefined;
    for (const entry of this.#drivers.get(key) ?? []) {
      const found = this.#decode(entry, at, lengthBytes);
      if (found === undefined) continue;
      known ??= found;
      const port = portOf(found.network.definition.network);
      if (port === undefined) continue;
      this.#accept(now, found.network, port);
      return true;
    }
    known?.network.drops.count("not-a-member");
    return known !== undefined;
  }

  /** @returns the network that the header names, if this host has it; `#header` says what is carried */
  #decode(entry: DriverNetworks, at: number, lengthBytes: number): MemberNetwork | undefined {
    if (entry.isLink) {
      // RFC 3378 §3: what has another version is thrown away.
      if (lengthBytes < ETHERIP_HEADER_BYTES || this.#bytes[at] !== ETHERIP_VERSION) return undefined;
      at += ETHERIP_HEADER_BYTES;
      lengthBytes -= ETHERIP_HEADER_BYTES;
    }
    if (entry.driver.decode(this.#bytes, at, lengthBytes, this.#header) !== undefined) return undefined;
    return entry.networks.get(this.#header.identifier);
  }

  /** @returns whether it was a frame that was handed on */
  #accept(now: Millis, network: CarriedNetwork, port: number): boolean {
    const header = this.#header;
    const refusal = network.encapsulation.accept(this.#bytes, header);
    if (refusal !== undefined) {
      network.drops.count(refusal);
      return false;
    }
    const { sink } = this.#parts;
    const isFrame = header.payload === "ethernet";
    if (isFrame) sink.take(now, port, header.payloadAt, header.payloadBytes);
    else sink.takePacket(now, port, header.payloadAt, header.payloadBytes);
    return isFrame;
  }

  /** Puts the headers before a frame, and its virtio header before them, and seals it. */
  #seal(
    now: Millis,
    remote: MemberRemote,
    at: number,
    lengthBytes: number,
    linkBytes: number,
    flow: number,
  ): void {
    const { outer, network: { encapsulation, driver } } = remote;
    if (outer === undefined) return;
    const bytes = this.#bytes;
    const view = this.#view;
    const virtio = at - VIRTIO_HEADER_BYTES;
    const kinds = view.getUint16(virtio, true);
    const sizes = view.getUint32(virtio + 4, true);
    const checksumOffset = view.getUint16(virtio + 8, true);
    const end = at + lengthBytes;
    const payloadAt = encapsulation.payload === "ip" ? at + linkBytes : at;
    encapsulation.encode(bytes, payloadAt, end - payloadAt, flow);
    let carriedAt = payloadAt - encapsulation.headerBytes;
    if (driver.capabilities.transport.kind === "link") {
      carriedAt -= ETHERIP_HEADER_BYTES;
      bytes[carriedAt] = ETHERIP_VERSION;
      bytes[carriedAt + 1] = 0;
    }
    const packetAt = carriedAt - outer.lengthBytes;
    outer.write(bytes, packetAt, end - carriedAt, flow);
    const header = packetAt - VIRTIO_HEADER_BYTES;
    view.setUint16(header, kinds, true);
    view.setUint16(header + 2, 0, true);
    view.setUint16(header + 4, sizes & 0xffff, true);
    view.setUint16(header + 6, (sizes >>> 16) + at - packetAt, true);
    view.setUint16(header + 8, checksumOffset, true);
    const innerBytes = at + linkBytes - packetAt;
    if (!this.#parts.sealer.seal(now, packetAt, end - packetAt, outer.version, innerBytes)) {
      this.#sendOneByOne(now, remote, packetAt, end - packetAt, innerBytes);
    }
  }

  /** Without a session: the device begins one, or says why not. */
  #sendOneByOne(
    now: Millis,
    { network }: MemberRemote,
    at: number,
    lengthBytes: number,
    inner: number,
  ): void {
    const header = readVirtioHeader(this.#bytes, at - VIRTIO_HEADER_BYTES);
    const packets = splitSuperpacket(this.#bytes.slice(at, at + lengthBytes), header, inner);
    for (const packet of packets ?? []) {
      if (finishOuter(packet, inner)) this.#parts.device.handlePacket(now, packet);
    }
    if (packets === undefined) network.drops.count("malformed");
  }

  #outerFor({ address, network }: MemberRemote): OuterHeader | undefined {
    const source = this.#own.find((own) => own.family === address.family);
    const { transport } = network.driver.capabilities;
    const carries = transport.kind === "udp"
      ? { udpPort: transport.port }
      : { protocol: transport.kind === "ip" ? transport.protocol : IPPROTO_ETHERIP };
    return source && new OuterHeader({ source, destination: address, carries });
  }

  #isOwn(at: number, version: IpFamily): boolean {
    for (const own of this.#own) if (isAt(own, this.#bytes, at, version)) return true;
    return false;
  }

  #unlist({ key, driverName, identifier }: MemberNetwork): void {
    const drivers = this.#drivers.get(key) ?? [];
    const listed = drivers.find((each) => each.driver.name === driverName);
    listed?.networks.delete(identifier);
    if (listed?.networks.size === 0) drivers.splice(drivers.indexOf(listed), 1);
    if (drivers.length === 0) this.#drivers.delete(key);
  }
}

/** What carries a driver's packets in the mesh, as a number: the protocol above, the port of UDP below. */
export function keyOf(transport: DriverTransport): number {
  if (transport.kind === "udp") return (IPPROTO_UDP << 16) | transport.port;
  return (transport.kind === "ip" ? transport.protocol : IPPROTO_ETHERIP) << 16;
}
