/**
 * Packets that are longer than the path of their peer takes: who has sent them is told (RFC 1191, RFC 8201), or they are
 * cut (RFC 791 §2.3).
 *
 * ```
 *   IPv4 that may be cut ──────────▶ fragments, each sealed by itself
 *   other IPv4 ────────────────────▶ ICMP "fragmentation needed" to who sent it
 *   IPv6 of more than 1,280 bytes ─▶ ICMPv6 "packet too big", of 1,280 bytes at least
 *   IPv6 of less ──────────────────▶ fragments: a link that has less must carry so much (RFC 8200 §5)
 * ```
 *
 * The longest segment of TCP that is named in passing is lowered, so that connections begin with what fits.
 * @module
 */

import {
  BoundedQueue,
  type Counters,
  type Millis,
  type RandomSource,
  randomUint32,
  RateMeter,
} from "../base/mod.ts";
import {
  clampTcpMss,
  cutIpv4,
  cutIpv6,
  type IpFamily,
  ipSourceOffset,
  IPV6_LEAST_MTU_BYTES,
  mayBeCut,
  undeliverable,
} from "../net/mod.ts";
import type { AllowedIps } from "./allowed_ips.ts";
import type { DropReason } from "./outcomes.ts";
import type { Peer } from "./peer.ts";

/** So many answers are made at once (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)). */
const ANSWERS_BURST = 50;
/** So many more are earned in a second. */
const ANSWERS_PER_SECOND = 200;
/** Answers that wait to be handed to the host. */
const MAX_ANSWERS = 64;

/** The least limit: every host takes so much (RFC 791 §3.1). */
export const MIN_PATH_MTU_BYTES = 576;

/** @throws RangeError when a path can't have this MTU */
export function checkPathMtu(mtuBytes: number | undefined): void {
  if (mtuBytes === undefined || Number.isInteger(mtuBytes) && mtuBytes >= MIN_PATH_MTU_BYTES) return;
  throw new RangeError(
    `Cannot take a path with an MTU of ${mtuBytes} bytes: it is ${MIN_PATH_MTU_BYTES} at least`,
  );
}

/** What a device lends. */
export interface PathMtuParts {
  readonly allowedIps: AllowedIps<Peer>;
  readonly counters: Counters<DropReason>;
  readonly random: RandomSource;
  /** Sends a packet of this node's own making to a peer. */
  readonly send: (now: Millis, packet: Uint8Array) => void;
}

/** Belongs to one device. */
export class PathMtu {
  readonly #parts: PathMtuParts;
  readonly #answerRate = new RateMeter(ANSWERS_PER_SECOND, ANSWERS_BURST);
  /** For the host. */
  readonly #answers = new BoundedQueue<Uint8Array>(MAX_ANSWERS);
  #identification: number;

  constructor(parts: PathMtuParts) {
    this.#parts = parts;
    this.#identification = randomUint32(parts.random);
  }

  /**
   * Sends to a peer whose path has a limit.
   * @param packet of this `version`, whole, its header checked; it may be changed
   * @returns why it was dropped, or undefined
   */
  send(now: Millis, peer: Peer, packet: Uint8Array, version: IpFamily): DropReason | undefined {
    const { pathMtuBytes: mtuBytes } = peer;
    if (packet.length <= mtuBytes) {
      clampTcpMss(packet, 0, packet.length, { version, mtuBytes });
      return peer.send(now, packet);
    }
    const isCut = version === 4 ? mayBeCut(packet, 0) : packet.length <= IPV6_LEAST_MTU_BYTES;
    if (!isCut) return this.#refuse(now, packet, version, mtuBytes);
    const fragments = version === 4
      ? cutIpv4(packet, mtuBytes)
      : cutIpv6(packet, mtuBytes, this.#identification = (this.#identification + 1) >>> 0);
    if (fragments.length === 0) return this.#count("malformed-packet");
    let refused: DropReason | undefined;
    for (const fragment of fragments) refused ??= peer.send(now, fragment);
    return refused;
  }

  /** @returns an answer for the host, or undefined */
  pollAnswer(): Uint8Array | undefined {
    return this.#answers.shift();
  }

  #refuse(now: Millis, packet: Uint8Array, version: IpFamily, limitBytes: number): DropReason {
    const { allowedIps, send } = this.#parts;
    if (this.#answerRate.tryTake(now, 1)) {
      const mtuBytes = version === 4 ? limitBytes : Math.max(IPV6_LEAST_MTU_BYTES, limitBytes);
      const answer = undeliverable(packet, 0, packet.length, { version, why: "too-big", mtuBytes });
      const isPassedOn = allowedIps.lookupBytes(packet, ipSourceOffset(version), version) !== undefined;
      if (answer !== undefined && isPassedOn) send(now, answer);
      else if (answer !== undefined) this.#answers.push(answer);
    }
    return this.#count("packet-too-long");
  }

  #count(reason: DropReason): DropReason {
    this.#parts.counters.count(reason);
    return reason;
  }
}
