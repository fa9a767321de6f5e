/**
 * This host's own network below overlay networks: packets in the clear, as other implementations send and take them.
 *
 * ```
 *   frame ─ header ─ cut by the cipher ─▶ UDP_SEGMENT batch, by the flow's source port     (UDP)
 *                                       ▶ sendmmsg                                          (IP)
 *   superframe ─ tag ────────────────────▶ a packet socket, whole                           (a link)
 *   UDP_GRO batches, packets, superframes ─ the driver ─ known host or group? ─▶ sink
 * ```
 * @module
 */

import type { Millis } from "../../../../base/mod.ts";
import { type BatchCipher, MAX_BATCH } from "../../../../crypto/mod.ts";
import { PACKET_READER_BYTES, type RawCalls } from "../../../../host/mod.ts";
import {
  ETHERNET_HEADER_BYTES,
  internetChecksum,
  type IpAddress,
  ipPacketLength,
} from "../../../../net/mod.ts";
import { DecodedHeader } from "../../../../overlay/mod.ts";
import { describeReceived, fillsWhole, type PlaneRemote } from "../../../frames/mod.ts";
import { GroReceiver, PLACE_BYTES, RECEIVER_AREA_BYTES } from "../../udp/mod.ts";
import { GSO, NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "../../superpacket.ts";
import type { FrameShape } from "../frame_shape.ts";
import type { CarriedNetwork, FrameDrop, FrameUnderlay, UnderlayParts } from "../frame_underlay.ts";
import {
  type ListedReceiver,
  nameOf,
  type PlainNetwork,
  PlainNetworks,
  type PlainRemote,
} from "./plain_networks.ts";
import { PlainLinks } from "./plain_links.ts";
import { PLAIN_OUTPUT_BYTES, type PlainDestination, PlainOutput } from "./plain_output.ts";

// Where the structures lie from the start of the area.
const OUTPUT = 0;
const READER: number = Math.ceil(PLAIN_OUTPUT_BYTES / 64) * 64;
const RECEIVER: number = Math.ceil((READER + PACKET_READER_BYTES) / 64) * 64;
const GATHERED: number = Math.ceil((RECEIVER + RECEIVER_AREA_BYTES) / 64) * 64;
/** How much memory the structures take, and packets that are gathered. */
export const PLAIN_AREA_BYTES: number = GATHERED + 68 * 1024;

/** Calls and memory. */
export interface PlainUnderlayParts extends UnderlayParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The memory's address in this process. */
  readonly base: number;
  /** Where the structures lie, on a multiple of 64: `PLAIN_AREA_BYTES`. */
  readonly plainAt: number;
  /** Where received packets go: room for `RECEIVE_ROOM_BYTES`, for the time of one call. */
  readonly receiveAt: number;
  /** Room for one packet with `HEADROOM_BYTES` before it. */
  readonly singleAt: number;
  /** A network cannot be carried. */
  onFailed(network: number, error: Error): void;
}

/** All plain networks of the worker. */
export class PlainUnderlay implements FrameUnderlay {
  readonly #parts: PlainUnderlayParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #networks: PlainNetworks;
  readonly #output: PlainOutput;
  readonly #links: PlainLinks;
  readonly #header = new DecodedHeader();
  /** One for all sockets, because each call is done with what it received. */
  readonly #receiver: GroReceiver;
  readonly #to: PlainDestination;
  /** How many frames the call under way has handed over. */
  #handed = 0;

  constructor(parts: PlainUnderlayParts) {
    const { io, base, cipher: { memory }, plainAt, receiveAt } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#networks = new PlainNetworks((network, error) => parts.onFailed(network, error));
    this.#to = { fd: -1, hasGso: false, name: new Uint8Array(0), drops: { count() {} } };
    this.#output = new PlainOutput({
      io,
      memory,
      base,
      area: plainAt + OUTPUT,
      gatherAt: plainAt + GATHERED,
    });
    this.#links = new PlainLinks({ ...parts, readerAt: plainAt + READER });
    this.#receiver = new GroReceiver({ io, memory, base, area: plainAt + RECEIVER, fd: -1, receiveAt });
  }

  get descriptors(): readonly number[] {
    return [...this.#networks.receivers.keys()];
  }

  setNetwork(network: CarriedNetwork): void {
    this.#output.flush();
    this.#networks.set(network);
  }

  removeNetwork(network: number): void {
    // Its descriptors are closed.
    this.#output.flush();
    this.#networks.remove(network);
  }

  setRemote(_network: CarriedNetwork, remote: PlaneRemote): void {
    this.#networks.setRemote(remote);
  }

  removeRemote(port: number): void {
    this.#networks.removeRemote(port);
  }

  close(): void {
    this.#output.flush();
    this.#networks.close();
  }

  flush(): void {
    this.#output.flush();
  }

  send(now: Millis, port: number, frame: FrameShape): void {
    const remote = this.#networks.remotes.get(port);
    if (remote === undefined) return;
    const { carried: { encapsulation, drops } } = remote.network;
    if (encapsulation.payload === "ip" && frame.version === 0) return drops.count("not-ip");
    frame.readFlow();
    const name = remote.learned?.find(now, this.#bytes, frame.at) ?? remote.name;
    const { at, lengthBytes, linkBytes, flow } = frame;
    if (!encapsulation.isPerPacket) return this.#wrapAndSend(remote, name, at, lengthBytes, linkBytes, flow);
    const { cipher, cutAt, cutRoomBytes, singleAt } = this.#parts;
    const cut = cipher.cutSuperpacket({
      at,
      lengthBytes,
      out: cutAt,
      roomBytes: cutRoomBytes,
      innerBytes: linkBytes,
    });
    if (typeof cut === "string") return drops.count("malformed");
    const end = cutAt + cut.lengthBytes;
    for (let from = cutAt; from < end; from += cut.segmentBytes) {
      const to = Math.min(end, from + cut.segmentBytes);
      this.#bytes.copyWithin(singleAt, from, to);
      this.#bytes.fill(0, singleAt - VIRTIO_HEADER_BYTES, singleAt);
      this.#wrapAndSend(remote, name, singleAt, to - from, Math.min(linkBytes, to - from), flow);
    }
  }

  receive(now: Millis, fd: number): boolean {
    const receiver = this.#networks.receivers.get(fd);
    if (receiver === undefined) return false;
    this.#handed = 0;
    if (receiver.kind === "link") return this.#links.receive(now, receiver);
    const received = this.#receiver;
    const batches = received.receive(fd);
    for (let i = 0; i < batches; i++) {
      const source = received.source(i).address;
      this.#takeBatch(
        now,
        receiver,
        source,
        received.at(i),
        received.lengthBytes(i),
        received.segmentBytes(i),
      );
    }
    return batches > 0 && !received.isDrained;
  }

  #takeBatch(
    now: Millis,
    receiver: ListedReceiver,
    source: IpAddress,
    at: number,
    lengthBytes: number,
    segmentBytes: number,
  ): void {
    if (segmentBytes >= lengthBytes) return this.#takePacket(now, receiver, source, at, lengthBytes, 0);
    // A superpacket of UDP inside of one packet looks like a batch of packets.
    if (this.#isOnePacket(receiver, at, lengthBytes)) {
      return this.#takePacket(now, receiver, source, at, lengthBytes, segmentBytes);
    }
    const { drivers, gapBytes } = receiver;
    const segments = Math.ceil(lengthBytes / segmentBytes);
    const count = Math.min(segments, 1 + Math.floor((PLACE_BYTES - lengthBytes) / gapBytes));
    this.#spread(at, lengthBytes, segmentBytes, count, gapBytes);
    for (let i = 0; i < count; i++) {
      const length = Math.min(segmentBytes, lengthBytes - i * segmentBytes);
      this.#takePacket(now, receiver, source, at + i * (segmentBytes + gapBytes), length, 0);
    }
    for (const { networks } of drivers.values()) {
      for (let i = count; i < segments; i++) this.#countStranger(networks, "underlay-full");
      break;
    }
  }

  /**
   * Moves the first `count` packets of a batch apart: what is written before a frame is longer than most headers, and would
   * stand in the end of the packet before.
   */
  #spread(at: number, lengthBytes: number, segmentBytes: number, count: number, gapBytes: number): void {
    for (let i = count - 1; i > 0; i--) {
      const from = at + i * segmentBytes;
      this.#bytes.copyWithin(from + i * gapBytes, from, Math.min(from + segmentBytes, at + lengthBytes));
    }
  }

  #isOnePacket({ drivers }: ListedReceiver, at: number, lengthBytes: number): boolean {
    const header = this.#header;
    for (const { driver } of drivers.values()) {
      if (driver.decode(this.#bytes, at, lengthBytes, header) !== undefined) continue;
      const linkBytes = header.payload === "ethernet" ? ETHERNET_HEADER_BYTES : 0;
      return fillsWhole(this.#bytes, header.payloadAt, header.payloadBytes, linkBytes);
    }
    return false;
  }

  /** Takes one packet as the socket gave it. @param toldBytes the size of segments that the kernel has told, or 0 */
  #takePacket(
    now: Millis,
    receiver: ListedReceiver,
    source: IpAddress,
    at: number,
    lengthBytes: number,
    toldBytes: number,
  ): void {
    if (receiver.hasIpHeader) {
      const whole = ipPacketLength(this.#bytes, at, lengthBytes);
      if (whole === undefined) return;
      const headerBytes = ((this.#bytes[at] ?? 0) & 15) * 4;
      at += headerBytes;
      lengthBytes = whole - headerBytes;
    }
    const network = this.#decode(receiver, at, lengthBytes);
    if (network === undefined) return;
    const { carried: { drops }, hosts, anybody } = network;
    const remote = hosts.find(source.bytes, 0, source.family) ?? anybody;
    if (remote === undefined) return drops.count("not-a-member");
    const { payload, payloadAt, payloadBytes } = this.#header;
    if (payload === "ip") return this.#takeIp(now, remote, payloadAt, payloadBytes);
    if (payloadBytes < ETHERNET_HEADER_BYTES) return drops.count("header-truncated");
    remote.learned?.learn(now, this.#bytes, payloadAt + 6, source, (host) => nameOf(network, host));
    const { mtuBytes } = network.definition;
    const kind = describeReceived(
      this.#bytes,
      payloadAt,
      payloadBytes,
      ETHERNET_HEADER_BYTES,
      mtuBytes,
      toldBytes,
    );
    if (kind === "unfinished") this.#parts.sink.takeWhole(now, remote.port, payloadAt, payloadBytes);
    else if (this.#handed++ >= MAX_BATCH) drops.count("underlay-full");
    else this.#parts.sink.take(now, remote.port, payloadAt, payloadBytes);
  }

  #takeIp(now: Millis, { port, network }: PlainRemote, at: number, lengthBytes: number): void {
    const bytes = this.#bytes;
    const { definition: { mtuBytes }, carried: { drops } } = network;
    if (describeReceived(bytes, at, lengthBytes, 0, mtuBytes, 0) === "unfinished") {
      const virtio = at - VIRTIO_HEADER_BYTES;
      if (bytes[virtio + 1] !== GSO.NONE) return drops.count("malformed");
      const start = at + this.#view.getUint16(virtio + 6, true);
      const sum = internetChecksum(bytes, start, at + lengthBytes - start);
      this.#view.setUint16(start + this.#view.getUint16(virtio + 8, true), sum === 0 ? 0xffff : sum);
    }
    if (this.#handed++ >= MAX_BATCH) drops.count("underlay-full");
    else this.#parts.sink.takePacket(now, port, at, lengthBytes);
  }

  /** @returns the network that the header names, if this host has it; `#header` says what is carried */
  #decode({ drivers }: ListedReceiver, at: number, lengthBytes: number): PlainNetwork | undefined {
    const header = this.#header;
    for (const { driver, networks } of drivers.values()) {
      const failure = driver.decode(this.#bytes, at, lengthBytes, header);
      const network = failure === undefined ? networks.get(header.identifier) : undefined;
      if (network === undefined) {
        if (drivers.size === 1) this.#countStranger(networks, `header-${failure ?? "wrong-network"}`);
        continue;
      }
      const refusal = network.carried.encapsulation.accept(this.#bytes, header);
      if (refusal === undefined) return network;
      network.carried.drops.count(`header-${refusal}`);
      return undefined;
    }
    return undefined;
  }

  /** What is of no network is counted with the first one that listens there. */
  #countStranger(networks: ReadonlyMap<number, PlainNetwork>, reason: FrameDrop): void {
    for (const { carried } of networks.values()) return carried.drops.count(reason);
  }

  /** Puts the driver's header before a frame, whose virtio header stands before it, and sends it. */
  #wrapAndSend(
    { network }: PlainRemote,
    name: Uint8Array | undefined,
    at: number,
    lengthBytes: number,
    linkBytes: number,
    flow: number,
  ): void {
    const { carried: { encapsulation, driver, drops }, sockets } = network;
    const bytes = this.#bytes;
    const view = this.#view;
    const virtio = at - VIRTIO_HEADER_BYTES;
    const kinds = view.getUint16(virtio, true);
    const headerLength = view.getUint16(virtio + 2, true);
    const segment = view.getUint16(virtio + 4, true);
    const start = view.getUint16(virtio + 6, true);
    const offset = view.getUint16(virtio + 8, true);
    const end = at + lengthBytes;
    const payloadAt = encapsulation.payload === "ip" ? at + linkBytes : at;
    encapsulation.encode(bytes, payloadAt, end - payloadAt, flow);
    const headerAt = payloadAt - encapsulation.headerBytes;
    const { kind } = driver.capabilities.transport;
    const isUnfinished = kinds >>> 8 !== GSO.NONE || (kinds & NEEDS_CHECKSUM) !== 0;
    if (isUnfinished || kind === "link") {
      const header = headerAt - VIRTIO_HEADER_BYTES;
      const more = isUnfinished ? at - headerAt : 0;
      view.setUint16(header, kinds, true);
      view.setUint16(header + 2, headerLength === 0 ? 0 : headerLength + more, true);
      view.setUint16(header + 4, segment, true);
      view.setUint16(header + 6, start + more, true);
      view.setUint16(header + 8, offset, true);
    }
    if (kind === "link") return this.#links.send(network, headerAt, end - headerAt);
    const sender = name === undefined ? undefined : name.length === 16 ? sockets?.ipv4 : sockets?.ipv6;
    const fd = sender?.fds[(flow >>> 8) % sender.fds.length];
    if (name === undefined || sender === undefined || fd === undefined) return drops.count("no-remote");
    const to = this.#to;
    to.fd = fd;
    to.hasGso = sender.hasGso;
    to.name = name;
    to.drops = drops;
    if (!isUnfinished) return this.#output.gather(to, headerAt, end - headerAt);
    const { cipher, cutAt, cutRoomBytes } = this.#parts;
    const cut = cipher.cutSuperpacket({
      at: headerAt,
      lengthBytes: end - headerAt,
      out: cutAt,
      roomBytes: cutRoomBytes,
      innerBytes: at + linkBytes - headerAt,
    });
    if (typeof cut === "string") return drops.count("malformed");
    if (cut.packets === 1) this.#output.gather(to, cutAt, cut.lengthBytes);
    else this.#output.send(to, cutAt, cut.lengthBytes, cut.segmentBytes);
  }
}
