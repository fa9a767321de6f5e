/**
 * Sending through one socket: a GSO batch, many datagrams of one size in one call, where the path takes it (Linux
 * UDP_SEGMENT), or many single datagrams in one call where it does not (sendmmsg(2)).
 * @module
 */

import {
  encodeSocketAddress,
  ERRNO,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IPV6_MTU_DISCOVER,
  IPV6_PKTINFO,
  MMSGHDR_BYTES,
  MSGHDR,
  PMTU_DISCOVERY_PROBE,
  POLLOUT,
  type RawCalls,
  ReceivedEndpoint,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_SEGMENT,
  VECTOR_BYTES,
  writeAddress,
  writePollfd,
} from "../../../host/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";

/** A send is at most so long: 65,535 less the headers of IPv4 and UDP. */
export const MAX_SEND_BYTES = 65_507;
/** A send is at most so many datagrams (Linux UDP_MAX_SEGMENTS). */
export const MAX_SEND_SEGMENTS = 64;

/** WireGuard's header and tag. */
const SEALED_OVERHEAD_BYTES = 32;
/** IP and TCP with timestamps, as streams have them. */
const IPV4_HEADER_BYTES = 52;
const IPV6_HEADER_BYTES = 72;
/** Linux takes room for its own headers from it, and wraps or refuses below some 300 (MAX_TCP_HEADER). */
const LEAST_SUPERPACKET_BYTES = 2048;

/** One call sends so many single datagrams at most. */
const MAX_SINGLES = 64;

/** How long a full socket is waited for before its batch is dropped, in milliseconds. */
const SEND_PATIENCE_MS = 20;

// Where the structures lie from the start of the area: `MAX_SINGLES` headers and vectors, and what all of them share.
const VECTORS: number = MAX_SINGLES * MMSGHDR_BYTES;
const NAME: number = VECTORS + MAX_SINGLES * VECTOR_BYTES;
const CONTROL: number = NAME + 32;
/** The address to send from stands after the size of a segment, so that either can be left out. */
const LOCAL: number = CONTROL + 24;
const POLL: number = LOCAL + 40;
/** How much memory the structures take. */
export const SENDER_AREA_BYTES: number = POLL + 8;

/** Why a datagram was not sent. */
export type SendDrop = "no-route" | "too-large" | "socket-full" | "send-failed";

/** Descriptor and memory of a sender. */
export interface GsoSenderParts {
  readonly io: RawCalls;
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** Where the structures lie in the memory, on a multiple of 64. */
  readonly area: number;
  readonly fd: number;
  readonly family: 4 | 6;
  readonly hasGso: boolean;
  readonly onDrop: (reason: SendDrop, datagrams: number) => void;
}

/** What is to be done about a call that failed: it is repeated, its batch cut, or its datagrams are given up. */
type Verdict = "again" | "cut" | SendDrop;

/** One socket's way out. */
export class GsoSender {
  readonly #parts: GsoSenderParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Of endpoints that were made elsewhere; those that have sent to us bring their own. */
  readonly #addresses = new WeakMap<Endpoint, Uint8Array>();
  #hasGso: boolean;
  #destination: Endpoint | undefined;
  /** The address of this host that it leaves from; the host's routes choose when it is not known. */
  #local: Uint8Array | undefined;
  // Of one call of `send`.
  #hasWaited = false;
  #hasRepeated = false;

  constructor(parts: GsoSenderParts) {
    this.#parts = parts;
    this.#hasGso = parts.hasGso;
    this.#bytes = new Uint8Array(parts.memory.buffer);
    const view = this.#view = new DataView(parts.memory.buffer);
    const { area, base, fd, family } = parts;
    for (let i = 0; i < MAX_SINGLES; i++) {
      const header = area + i * MMSGHDR_BYTES;
      writeAddress(view, header + MSGHDR.NAME, base + area + NAME);
      writeAddress(view, header + MSGHDR.VECTOR, base + area + VECTORS + i * VECTOR_BYTES);
      view.setBigUint64(header + MSGHDR.VECTOR_LENGTH, 1n, true);
    }
    // struct cmsghdr: length, level, type; then the size of a segment
    view.setBigUint64(area + CONTROL, 18n, true);
    view.setInt32(area + CONTROL + 8, SOL_UDP, true);
    view.setInt32(area + CONTROL + 12, UDP_SEGMENT, true);
    view.setBigUint64(area + LOCAL, family === 6 ? 36n : 28n, true);
    view.setInt32(area + LOCAL + 8, family === 6 ? SOL_IPV6 : SOL_IP, true);
    view.setInt32(area + LOCAL + 12, family === 6 ? IPV6_PKTINFO : IP_PKTINFO, true);
    writePollfd(view, area + POLL, fd, POLLOUT);
  }

  /** Whether batches are sent by GSO; a socket that can't is found out while sending. */
  get hasGso(): boolean {
    return this.#hasGso;
  }

  /** Sends datagrams of `segmentBytes` each, the last perhaps shorter, that lie one after the other at `at`. */
  send(at: number, lengthBytes: number, segmentBytes: number, destination: Endpoint): void {
    if (!this.#address(destination)) {
      this.#parts.onDrop("no-route", Math.ceil(lengthBytes / segmentBytes));
      return;
    }
    this.#hasWaited = this.#hasRepeated = false;
    let goesAsBatch = this.#hasGso;
    for (let sent = 0; sent < lengthBytes;) {
      const left = lengthBytes - sent;
      const done = goesAsBatch || left <= segmentBytes
        ? this.#sendBatch(at + sent, left, segmentBytes)
        : this.#sendSingles(at + sent, left, segmentBytes);
      // What is left goes one by one; the next batch may have another way to go.
      if (done === 0) goesAsBatch = false;
      sent += done;
    }
  }

  /** Sends one datagram that nobody cuts on its way; where the host has no such option, one as any other. */
  sendProbe(at: number, lengthBytes: number, destination: Endpoint): void {
    const { io, fd } = this.#parts;
    const isIpv4 = destination.address.family === 4;
    const level = isIpv4 ? SOL_IP : SOL_IPV6;
    const option = isIpv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
    const former = io.option(fd, level, option);
    const isSet = former >= 0 && io.setOption(fd, level, option, PMTU_DISCOVERY_PROBE) >= 0;
    this.send(at, lengthBytes, lengthBytes, destination);
    if (isSet) io.setOption(fd, level, option, former);
  }

  /** Sends as much as one send takes. @returns how many bytes are done with; 0 when the batch must be cut */
  #sendBatch(at: number, lengthBytes: number, segmentBytes: number): number {
    const { io, fd, base, area, onDrop } = this.#parts;
    const segments = Math.max(1, Math.min(MAX_SEND_SEGMENTS, Math.floor(MAX_SEND_BYTES / segmentBytes)));
    const chunkBytes = Math.min(segments * segmentBytes, lengthBytes);
    const isGso = chunkBytes > segmentBytes;
    if (isGso) this.#view.setUint16(area + CONTROL + 16, segmentBytes, true);
    for (;;) {
      this.#describe(0, at, chunkBytes, isGso);
      if (io.sendmsg(fd, base + area) >= 0) return chunkBytes;
      const verdict = this.#judge(isGso);
      if (verdict === "again") continue;
      if (verdict === "cut") return 0;
      onDrop(verdict, Math.ceil(chunkBytes / segmentBytes));
      return chunkBytes;
    }
  }

  /** Sends as many datagrams as one call takes, each by itself. @returns how many bytes are done with */
  #sendSingles(at: number, lengthBytes: number, segmentBytes: number): number {
    const { io, fd, base, area, onDrop } = this.#parts;
    const count = Math.min(MAX_SINGLES, Math.ceil(lengthBytes / segmentBytes));
    for (let i = 0; i < count; i++) {
      const from = i * segmentBytes;
      this.#describe(i, at + from, Math.min(segmentBytes, lengthBytes - from), false);
    }
    // What the call says is of the first datagram; later ones that it can't send are left for the next call.
    const sent = io.sendmmsg(fd, base + area, count);
    if (sent > 0) return Math.min(sent * segmentBytes, lengthBytes);
    const verdict = this.#judge(false);
    if (verdict === "again") return this.#sendSingles(at, lengthBytes, segmentBytes);
    // A firewall judges each by itself, and the last may be short enough; other faults are those of the whole path.
    const isOne = verdict === "send-failed" || verdict === "too-large";
    onDrop(verdict as SendDrop, isOne ? 1 : Math.ceil(lengthBytes / segmentBytes));
    return isOne ? Math.min(segmentBytes, lengthBytes) : lengthBytes;
  }

  /** Says what the call that failed just now means. */
  #judge(isGso: boolean): Verdict {
    const { io, base, area } = this.#parts;
    switch (io.errno) {
      case ERRNO.EINTR:
        return "again";
      case ERRNO.EIO:
        // A path without checksums by hardware, or with IPsec, takes none.
        if (!isGso) return "send-failed";
        this.#hasGso = false;
        return "cut";
      case ERRNO.EMSGSIZE:
        // The host cuts single datagrams to fragments, but none of a batch.
        return isGso ? "cut" : "too-large";
      case ERRNO.EINVAL:
        // Older kernels say it of such a batch; of a datagram, when the address that it leaves from is gone.
        return isGso ? "cut" : this.#forgetLocal() ? "again" : "send-failed";
      case ERRNO.ENETUNREACH:
        // Some say this of that address.
        return this.#forgetLocal() ? "again" : "no-route";
      case ERRNO.ENETDOWN:
      case ERRNO.EHOSTUNREACH:
        return "no-route";
      case ERRNO.EAGAIN:
        if (this.#hasWaited) return "socket-full";
        this.#hasWaited = true;
        io.poll(base + area + POLL, 1, SEND_PATIENCE_MS);
        return "again";
      case ERRNO.ENOBUFS:
        return "socket-full";
      case ERRNO.ECONNREFUSED:
        // It is told of an earlier datagram, and told once.
        if (this.#hasRepeated) return "send-failed";
        this.#hasRepeated = true;
        return "again";
      default:
        return "send-failed";
    }
  }

  /** Fills in header `index`: what is sent, and which control messages go along: none, either, or both. */
  #describe(index: number, at: number, lengthBytes: number, isGso: boolean): void {
    const { base, area, family } = this.#parts;
    const header = area + index * MMSGHDR_BYTES;
    const vector = area + VECTORS + index * VECTOR_BYTES;
    writeAddress(this.#view, vector, base + at);
    this.#view.setUint32(vector + 8, lengthBytes, true);
    this.#view.setUint32(header + MSGHDR.NAME_LENGTH, family === 6 ? 28 : 16, true);
    const localBytes = this.#local === undefined ? 0 : family === 6 ? 40 : 32;
    const controlBytes = (isGso ? LOCAL - CONTROL : 0) + localBytes;
    const control = controlBytes === 0 ? 0 : base + area + (isGso ? CONTROL : LOCAL);
    writeAddress(this.#view, header + MSGHDR.CONTROL, control);
    this.#view.setUint32(header + MSGHDR.CONTROL_LENGTH, controlBytes, true);
  }

  /** @returns whether there was one to forget */
  #forgetLocal(): boolean {
    if (this.#local === undefined) return false;
    this.#local = undefined;
    if (this.#destination instanceof ReceivedEndpoint) this.#destination.local = undefined;
    return true;
  }

  /** Puts the destination's address in place. @returns false when this socket can't reach it */
  #address(destination: Endpoint): boolean {
    const isReceived = destination instanceof ReceivedEndpoint && destination.family === this.#parts.family;
    const local = isReceived ? destination.local : undefined;
    if (destination === this.#destination && local === this.#local) return true;
    const address = isReceived ? destination.socketAddress : this.#addressOf(destination);
    if (address === undefined) return false;
    const { area } = this.#parts;
    this.#bytes.set(address, area + NAME);
    this.#destination = destination;
    this.#local = local;
    // The index of an interface stays 0: the way out is the routes' choice.
    if (local !== undefined) this.#bytes.set(local, area + LOCAL + (local.length === 16 ? 16 : 20));
    return true;
  }

  #addressOf(destination: Endpoint): Uint8Array | undefined {
    let address = this.#addresses.get(destination);
    if (address === undefined) {
      address = encodeSocketAddress(destination, this.#parts.family);
      if (address !== undefined) this.#addresses.set(destination, address);
    }
    return address;
  }
}

/**
 * @param overheadBytes what is put before each packet until it is sealed, as overlay networks do
 * @returns the longest superpackets whose packets, of `mtuBytes` each, fit one send; never less than 2048 bytes
 */
export function superpacketBounds(
  mtuBytes: number,
  overheadBytes = 0,
): { readonly ipv4: number; readonly ipv6: number } {
  // Sealed packets are padded.
  const sealedBytes = Math.ceil((mtuBytes + overheadBytes) / 16) * 16 + SEALED_OVERHEAD_BYTES;
  const fitting = Math.floor(
    MAX_SEND_BYTES / (overheadBytes === 0 ? mtuBytes + SEALED_OVERHEAD_BYTES : sealedBytes),
  );
  const packets = Math.max(1, Math.min(MAX_SEND_SEGMENTS, fitting));
  return {
    ipv4: Math.max(LEAST_SUPERPACKET_BYTES, packets * (mtuBytes - IPV4_HEADER_BYTES) + IPV4_HEADER_BYTES),
    ipv6: Math.max(LEAST_SUPERPACKET_BYTES, packets * (mtuBytes - IPV6_HEADER_BYTES) + IPV6_HEADER_BYTES),
  };
}
