/**
 * Sending and receiving trains of datagrams through one socket: `struct msghdr` and its control messages, in memory that
 * the kernel of the packet plane shares (recvmsg(2), Linux UDP_SEGMENT and UDP_GRO).
 * @module
 */

import { ERRNO, type RawIo } from "../../host/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { encodeSocketAddress, SOCKADDR_BYTES, SocketAddressReader } from "./socket_address.ts";

/** A send is at most so long: 65,535 less the headers of IPv4 and UDP. */
export const MAX_SEND_BYTES = 65_507;
/** A send is at most so many datagrams (Linux UDP_MAX_SEGMENTS). */
export const MAX_SEND_SEGMENTS = 64;
/** A receive brings at most so many bytes. */
export const MAX_RECEIVE_BYTES = 65_536;

const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
// linux/in.h, linux/in6.h: struct in_pktinfo { ifindex, address to send from, destination }, struct in6_pktinfo { address, ifindex }
const SOL_IP = 0;
const IP_PKTINFO = 8;
const SOL_IPV6 = 41;
const IPV6_PKTINFO = 50;
const POLLOUT = 4;
/** Empty datagrams and errors of earlier sends are passed over, but not for ever. */
const MAX_RECEIVE_ATTEMPTS = 64;
/** How long a full socket is waited for before its train is dropped, in milliseconds. */
const SEND_PATIENCE_MS = 20;

// Where the structures lie from the start of the area; two msghdr of 56 bytes with what they point to.
const TX_HEADER = 0;
const TX_VECTOR = 64;
const TX_NAME = 96;
const TX_CONTROL = 128;
/** The address to send from stands after the size of a segment, so that either can be left out. */
const TX_LOCAL = 152;
const RX_HEADER = 256;
const RX_VECTOR = 320;
const RX_CONTROL = 384;
const RX_CONTROL_BYTES = 96;
const RX_NAME = 480;
const POLL = 512;
/** How much memory the structures take. */
export const UDP_AREA_BYTES = 576;

/** Why a datagram was not sent. */
export type SendDrop = "no-route" | "too-large" | "socket-full" | "send-failed";

/** What the trains work with. */
export interface UdpTrainsParts {
  readonly io: RawIo;
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** Where the structures lie in the memory, on a multiple of 64. */
  readonly area: number;
  /** Where received datagrams go: room for `MAX_RECEIVE_BYTES`. */
  readonly receiveAt: number;
  readonly fd: number;
  readonly family: 4 | 6;
  readonly hasGso: boolean;
  readonly onDrop: (reason: SendDrop, datagrams: number) => void;
}

/** One socket's trains, both ways. */
export class UdpTrains {
  /** Datagrams of the train that was received last have this size, only the last may be shorter. */
  segmentBytes = 0;
  readonly #parts: UdpTrainsParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #addresses = new WeakMap<Endpoint, Uint8Array>();
  /**
   * Which address of this host an endpoint has used: what is sent to it leaves from there. An endpoint that was made
   * elsewhere has none, and the host's routes choose.
   */
  readonly #locals = new WeakMap<Endpoint, Uint8Array>();
  readonly #reader = new SocketAddressReader();
  #hasGso: boolean;
  #destination: Endpoint | undefined;
  #hasLocal = false;
  /** Where the last train's address of this host stands; 0 when it is not known. */
  #localAt = 0;

  constructor(parts: UdpTrainsParts) {
    this.#parts = parts;
    this.#hasGso = parts.hasGso;
    this.#bytes = new Uint8Array(parts.memory.buffer);
    this.#view = new DataView(parts.memory.buffer);
    const { area, fd } = parts;
    for (
      const [header, vector, name] of [[TX_HEADER, TX_VECTOR, TX_NAME], [
        RX_HEADER,
        RX_VECTOR,
        RX_NAME,
      ]] as const
    ) {
      this.#pointer(header, name);
      this.#pointer(header + 16, vector);
      this.#view.setBigUint64(area + header + 24, 1n, true);
    }
    this.#pointer(RX_HEADER + 32, RX_CONTROL);
    this.#view.setBigUint64(area + RX_VECTOR, BigInt(parts.base + parts.receiveAt), true);
    this.#view.setBigUint64(area + RX_VECTOR + 8, BigInt(MAX_RECEIVE_BYTES), true);
    // struct cmsghdr: length, level, type; then the size of a segment
    this.#view.setBigUint64(area + TX_CONTROL, 18n, true);
    this.#view.setInt32(area + TX_CONTROL + 8, SOL_UDP, true);
    this.#view.setInt32(area + TX_CONTROL + 12, UDP_SEGMENT, true);
    const isIpv6 = parts.family === 6;
    this.#view.setBigUint64(area + TX_LOCAL, isIpv6 ? 36n : 28n, true);
    this.#view.setInt32(area + TX_LOCAL + 8, isIpv6 ? SOL_IPV6 : SOL_IP, true);
    this.#view.setInt32(area + TX_LOCAL + 12, isIpv6 ? IPV6_PKTINFO : IP_PKTINFO, true);
    this.#view.setInt32(area + POLL, fd, true);
    this.#view.setInt16(area + POLL + 4, POLLOUT, true);
  }

  /** Whether trains are sent as such; a path that can't is found out while sending. */
  get hasGso(): boolean {
    return this.#hasGso;
  }

  /** Sends datagrams of `segmentBytes` each, the last perhaps shorter, that lie one after the other at `at`. */
  send(at: number, lengthBytes: number, segmentBytes: number, destination: Endpoint): void {
    if (!this.#address(destination)) {
      this.#parts.onDrop("no-route", Math.ceil(lengthBytes / segmentBytes));
      return;
    }
    let sent = 0;
    while (sent < lengthBytes) {
      const segments = this.#hasGso
        ? Math.max(1, Math.min(MAX_SEND_SEGMENTS, Math.floor(MAX_SEND_BYTES / segmentBytes)))
        : 1;
      const chunkBytes = Math.min(segments * segmentBytes, lengthBytes - sent);
      // A path without checksum offload takes no trains (EIO); the rest goes one by one.
      if (!this.#sendChunk(at + sent, chunkBytes, segmentBytes)) continue;
      sent += chunkBytes;
    }
  }

  /** @returns how many bytes came, at `receiveAt`; 0 when nothing waits. `segmentBytes` says how they are cut */
  receive(): number {
    const { io, fd, base, area } = this.#parts;
    this.#view.setUint32(area + RX_HEADER + 8, SOCKADDR_BYTES, true);
    // The kernel writes back how much it used.
    this.#view.setUint32(area + RX_HEADER + 40, RX_CONTROL_BYTES, true);
    for (let attempt = 0; attempt < MAX_RECEIVE_ATTEMPTS; attempt++) {
      const length = io.recvmsg(fd, base + area + RX_HEADER);
      if (length >= 0) {
        this.segmentBytes = length;
        this.#readControl();
        // An empty datagram is one all the same: there may be more behind it.
        if (length > 0) return length;
        continue;
      }
      // What an earlier send met (ECONNREFUSED and the like) is told once and has nothing to do with this.
      if (io.errno === ERRNO.EAGAIN) return 0;
    }
    return 0;
  }

  /** Who sent the train that was received last. */
  get source(): Endpoint {
    const { area, family } = this.#parts;
    const source = this.#reader.read(this.#bytes, area + RX_NAME, this.#localAt);
    if (this.#localAt > 0 && !this.#locals.has(source)) {
      this.#locals.set(source, this.#bytes.slice(this.#localAt, this.#localAt + (family === 6 ? 16 : 4)));
      // It was sent to without one until now.
      if (source === this.#destination) this.#destination = undefined;
    }
    return source;
  }

  /** @returns false when it must be tried again in another way */
  #sendChunk(at: number, lengthBytes: number, segmentBytes: number): boolean {
    const { io, fd, base, area, onDrop } = this.#parts;
    const isTrain = lengthBytes > segmentBytes;
    const datagrams = Math.ceil(lengthBytes / segmentBytes);
    this.#view.setBigUint64(area + TX_VECTOR, BigInt(base + at), true);
    this.#view.setUint32(area + TX_VECTOR + 8, lengthBytes, true);
    if (isTrain) this.#view.setUint16(area + TX_CONTROL + 16, segmentBytes, true);
    this.#setControl(isTrain);
    for (let isSecond = false;; isSecond = true) {
      if (io.sendmsg(fd, base + area + TX_HEADER) >= 0) return true;
      // The address has gone from this host. Kernels say one or the other, and only then is it known what is wrong.
      if (this.#hasLocal && (io.errno === ERRNO.EINVAL || io.errno === ERRNO.ENETUNREACH)) {
        this.#forgetLocal();
        this.#setControl(isTrain);
        continue;
      }
      switch (io.errno) {
        case ERRNO.EINTR:
          continue;
        case ERRNO.EAGAIN:
          if (isSecond) break;
          io.poll(base + area + POLL, 1, SEND_PATIENCE_MS);
          continue;
        case ERRNO.EIO:
        case ERRNO.EINVAL:
          if (!isTrain) break;
          this.#hasGso = false;
          return false;
      }
      const { errno } = io;
      onDrop(
        errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS
          ? "socket-full"
          : errno === ERRNO.EMSGSIZE
          ? "too-large"
          : errno === ERRNO.ENETUNREACH || errno === ERRNO.EHOSTUNREACH
          ? "no-route"
          : "send-failed",
        datagrams,
      );
      return true;
    }
  }

  /** Reads the size of the segments and the address of this host from the control messages. */
  #readControl(): void {
    const { area } = this.#parts;
    this.#localAt = 0;
    const used = this.#view.getUint32(area + RX_HEADER + 40, true);
    for (let at = area + RX_CONTROL; at + 20 <= area + RX_CONTROL + used;) {
      const length = this.#view.getUint32(at, true);
      const level = this.#view.getInt32(at + 8, true);
      const type = this.#view.getInt32(at + 12, true);
      if (level === SOL_UDP && type === UDP_GRO) {
        this.segmentBytes = this.#view.getInt32(at + 16, true) || this.segmentBytes;
      } else if (level === SOL_IPV6 && type === IPV6_PKTINFO) this.#localAt = at + 16;
      else if (level === SOL_IP && type === IP_PKTINFO) this.#localAt = at + 20;
      if (length < 16) return;
      at += (length + 7) & ~7;
    }
  }

  /** Says which control messages go along: none, either, or both. */
  #setControl(isTrain: boolean): void {
    const { base, area, family } = this.#parts;
    const localBytes = !this.#hasLocal ? 0 : family === 6 ? 40 : 32;
    const from = isTrain ? TX_CONTROL : TX_LOCAL;
    const length = (isTrain ? TX_LOCAL - TX_CONTROL : 0) + localBytes;
    this.#view.setBigUint64(area + TX_HEADER + 32, length > 0 ? BigInt(base + area + from) : 0n, true);
    this.#view.setUint32(area + TX_HEADER + 40, length, true);
  }

  #forgetLocal(): void {
    this.#hasLocal = false;
    if (this.#destination !== undefined) this.#locals.delete(this.#destination);
  }

  /** Puts the destination's address in place. @returns false when this socket can't reach it */
  #address(destination: Endpoint): boolean {
    if (destination === this.#destination) return true;
    let address = this.#addresses.get(destination);
    if (address === undefined) {
      address = encodeSocketAddress(destination, this.#parts.family);
      if (address === undefined) return false;
      this.#addresses.set(destination, address);
    }
    this.#bytes.set(address, this.#parts.area + TX_NAME);
    this.#view.setUint32(this.#parts.area + TX_HEADER + 8, address.length, true);
    this.#destination = destination;
    const local = this.#locals.get(destination);
    this.#hasLocal = local !== undefined;
    // The index of an interface stays 0: the way out is the routes' choice.
    if (local !== undefined) {
      this.#bytes.set(local, this.#parts.area + TX_LOCAL + (local.length === 16 ? 16 : 20));
    }
    return true;
  }

  #pointer(at: number, to: number): void {
    const { base, area } = this.#parts;
    this.#view.setBigUint64(area + at, BigInt(base + area + to), true);
  }
}
