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
  ipDestinationOffset,
  type IpFamily,
  ipSourceOffset,
  OuterHeader,
  OuterPacket,
  readOuterPacket,
  uint16At,
} from "../../../net/mod.ts";
import type { DecodeFailure } from "../../../overlay/mod.ts";
import type { Device } from "../../../wireguard/mod.ts";
import {
  AddressTable,
  carrierHeaderBytes,
  carrierOf,
  type DecodedNetwork,
  isForbiddenOfHost,
  PacketDecoder,
  type PacketSource,
  type PlaneRemote,
  writeCarrierHeader,
} from "../../frames/mod.ts";
import type { SessionSealer } from "../session_sealer.ts";
import { finishOuter, GSO, readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import type { FrameShape } from "./frame_shape.ts";
import type { CarriedNetwork, FrameDrop, FrameUnderlay, UnderlayParts } from "./frame_underlay.ts";
import { RepeatedHeader } from "./repeated_header.ts";

const IPPROTO_UDP = 17;
const UDP_PORT_OFFSET = 2;

/** Why a packet is of no network: its driver cannot read it, or a channel has brought it and this host has no such one. */
export type UnreadableReason = DecodeFailure | "unknown-network";

/** Sessions, and memory. */
export interface MemberUnderlayParts extends UnderlayParts {
  readonly cipher: BatchCipher;
  readonly device: Device;
  readonly sealer: SessionSealer;
  /** Room for one packet with `HEADROOM_BYTES` before it. */
  readonly singleAt: number;
  /** Counts what is of no network. */
  onUnreadable(reason: UnreadableReason): void;
}

/** A member, and what stands before the packets for it; nothing, as long as this host has no address of that family. */
interface MemberRemote {
  readonly port: number;
  readonly network: CarriedNetwork;
  readonly address: IpAddress;
  outer: OuterHeader | undefined;
}

/** A network as it is on the wire, and whose packets are its. */
class MemberNetwork implements DecodedNetwork<SendingMember> {
  readonly definition: CarriedNetwork["definition"];
  readonly driver: CarriedNetwork["driver"];
  readonly encapsulation: CarriedNetwork["encapsulation"];
  readonly carried: CarriedNetwork;
  readonly members: AddressTable<SendingMember>;
  readonly channels: Map<string, SendingMember>;

  /** @param former what it was before it changed */
  constructor(carried: CarriedNetwork, former: MemberNetwork | undefined) {
    ({ definition: this.definition, driver: this.driver, encapsulation: this.encapsulation } = carried);
    this.carried = carried;
    this.members = former?.members ?? new AddressTable<SendingMember>();
    this.channels = former?.channels ?? new Map<string, SendingMember>();
  }

  remoteOf(source: PacketSource): SendingMember | undefined {
    if (source.kind === "channel") return this.channels.get(source.nodeId);
    return this.members.find(source.bytes, source.at, source.family);
  }

  countDrop(reason: FrameDrop): void {
    this.carried.drops.count(reason);
  }
}

/** Who may send in a network. */
interface SendingMember {
  readonly port: number;
  readonly network: CarriedNetwork;
}

/** Sends through sessions. What came through one is shown to `take`. */
export class MemberUnderlay implements FrameUnderlay {
  readonly descriptors: readonly number[] = [];
  readonly #parts: MemberUnderlayParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #networks = new Map<number, MemberNetwork>();
  readonly #remotes = new Map<number, MemberRemote>();
  readonly #decoder: PacketDecoder<SendingMember>;
  readonly #outer = new OuterPacket();
  readonly #source: Extract<PacketSource, { readonly kind: "member" | "plain" }>;
  readonly #last: RepeatedHeader;
  #own: readonly IpAddress[] = [];
  readonly #ownTable = new AddressTable<IpAddress>();

  constructor(parts: MemberUnderlayParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#view = new DataView(parts.cipher.memory.buffer);
    this.#last = new RepeatedHeader(parts.cipher.memory);
    this.#decoder = new PacketDecoder<SendingMember>((reason) => parts.onUnreadable(reason));
    this.#source = { kind: "member", bytes: this.#bytes, at: 0, family: 4 };
  }

  /** Packets come from these addresses, and are taken that are for them. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.#last.clear();
    for (const address of this.#own) this.#ownTable.delete(address);
    for (const address of addresses) this.#ownTable.set(address, address);
    this.#own = addresses;
    for (const remote of this.#remotes.values()) remote.outer = this.#outerFor(remote);
  }

  setNetwork(carried: CarriedNetwork): void {
    this.#last.clear();
    const number = carried.definition.network;
    const former = this.#networks.get(number);
    if (former !== undefined) this.#decoder.remove(former);
    const network = new MemberNetwork(carried, former);
    this.#networks.set(number, network);
    this.#decoder.add(network);
    for (const remote of this.#remotes.values()) {
      if (remote.network === carried) remote.outer = this.#outerFor(remote);
    }
  }

  removeNetwork(number: number): void {
    const network = this.#networks.get(number);
    if (network === undefined) return;
    this.#last.clear();
    this.#networks.delete(number);
    this.#decoder.remove(network);
  }

  setRemote(network: CarriedNetwork, { port, via }: PlaneRemote): void {
    this.removeRemote(port);
    this.#last.clear();
    const entry = this.#networks.get(network.definition.network);
    const address = via.kind === "member" ? IpAddress.parse(via.address) : undefined;
    if (entry === undefined || address === undefined) return;
    const remote: MemberRemote = { port, network, address, outer: undefined };
    remote.outer = this.#outerFor(remote);
    entry.members.set(address, remote);
    this.#remotes.set(port, remote);
  }

  removeRemote(port: number): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    this.#last.clear();
    this.#remotes.delete(port);
    const members = this.#networks.get(remote.network.definition.network)?.members;
    const { address } = remote;
    // Another port may stand for the same member by now.
    if (members?.find(address.bytes, 0, address.family) === remote) members.delete(address);
  }

  /** Packets of this node's channel are of the network from now on. */
  setChannel(network: CarriedNetwork, port: number, nodeId: string): void {
    this.#networks.get(network.definition.network)?.channels.set(nodeId, { port, network });
  }

  removeChannel(network: CarriedNetwork, port: number, nodeId: string): void {
    const channels = this.#networks.get(network.definition.network)?.channels;
    if (channels?.get(nodeId)?.port === port) channels.delete(nodeId);
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
    const carrier = protocol === IPPROTO_UDP ? uint16At(bytes, at + headBytes + UDP_PORT_OFFSET) : protocol;
    if (!this.#decoder.expects(carrier)) return false;
    const outer = this.#outer;
    if (this.#ownTable.find(bytes, at + ipDestinationOffset(version), version) === undefined) return false;
    // A fragment has no whole header; the host may wait for the others.
    if (!readOuterPacket(bytes, at, lengthBytes, outer)) return false;
    const source = this.#source;
    source.at = at + ipSourceOffset(version);
    source.family = version;
    const sender = this.#decoder.decode(carrier, bytes, outer.payloadAt, outer.payloadBytes, source);
    if (typeof sender === "string") return sender === "dropped";
    this.#hand(now, sender);
    const { encapsulation, driver } = sender.network;
    // What is checked with the payload, or rewritten, is read anew each time.
    const isKept = encapsulation.payload === "ethernet" && !encapsulation.isPerPacket &&
      driver.capabilities.transport.kind !== "link" &&
      outer.payloadAt + outer.payloadBytes === at + lengthBytes;
    if (isKept) last.keep(at, this.#decoder.header.payloadAt, version, sender.port);
    return true;
  }

  /** @returns whether a superpacket of this host's must not be sent to a member; it is counted */
  forbids(at: number, lengthBytes: number, version: IpFamily): boolean {
    const virtio = at - VIRTIO_HEADER_BYTES;
    const isBatch = ((this.#bytes[virtio + 1] ?? 0) & 0x7f) === GSO.UDP;
    const segmentBytes = isBatch ? this.#view.getUint16(virtio + 4, true) : 0;
    return isForbiddenOfHost(this.#decoder, this.#bytes, at, lengthBytes, version, segmentBytes);
  }

  /**
   * Takes a packet that a member without a packet plane has sent by its channel.
   * @param carrier as `carrierOf` says it
   * @returns whether it was of a network that this host has
   */
  takeFromChannel(now: Millis, nodeId: string, carrier: number, at: number, lengthBytes: number): boolean {
    const source: PacketSource = { kind: "channel", nodeId };
    const sender = this.#decoder.decode(carrier, this.#bytes, at, lengthBytes, source);
    if (typeof sender === "string") return sender === "dropped";
    this.#hand(now, sender);
    return true;
  }

  #hand(now: Millis, { port, network }: SendingMember): void {
    const { payloadAt, payloadBytes } = this.#decoder.header;
    const { sink } = this.#parts;
    if (network.encapsulation.payload === "ethernet") sink.take(now, port, payloadAt, payloadBytes);
    else sink.takePacket(now, port, payloadAt, payloadBytes);
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
    const headerAt = payloadAt - encapsulation.headerBytes;
    const carriedAt = headerAt - carrierHeaderBytes(driver);
    writeCarrierHeader(driver, bytes, headerAt);
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
      else network.drops.count("malformed");
    }
    if (packets === undefined) network.drops.count("malformed");
  }

  #outerFor({ address, network }: MemberRemote): OuterHeader | undefined {
    const source = this.#own.find((own) => own.family === address.family);
    const { transport } = network.driver.capabilities;
    const carrier = carrierOf(transport);
    const carries = transport.kind === "udp" ? { udpPort: carrier } : { protocol: carrier };
    return source && new OuterHeader({ source, destination: address, carries });
  }
}
