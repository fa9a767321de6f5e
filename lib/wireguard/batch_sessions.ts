/**
 * For a data plane that seals and opens whole batches in memory of its own: it asks here which session a batch
 * belongs to, and reports what it did. What is no plain traffic goes through `Device` as ever.
 *
 * ```
 *   out: peerFor(packet) ── peer.sessionForBatch ── counter.claim, seal with sendKey ──▶ peer.noteSealed
 *   in:  sessionAt(index) ── isFresh, open with receiveKey, accept, isFrom(each packet) ──▶ peer.noteOpened
 * ```
 * @module
 */

import type { Millis } from "../base/mod.ts";
import { ipDestinationOffset, type IpFamily, ipSourceOffset } from "../net/mod.ts";
import type { AllowedIps } from "./allowed_ips.ts";
import type { DeviceContext } from "./device_context.ts";
import type { Keypair } from "./keypair.ts";
import type { Peer } from "./peer.ts";

/** A session and whose it is. */
export interface BatchSession {
  readonly peer: Peer;
  readonly keypair: Keypair;
}

/** Belongs to one device, and is used between its other calls, on the same thread. */
export class BatchSessions {
  readonly #allowedIps: AllowedIps<Peer>;
  /**
   * Whether a packet may come from a peer, where other than cryptokey routing decides.
   * @param isOwn what that says: whether the source is an address of the peer
   */
  admitsSource:
    | ((peer: Peer, memory: Uint8Array, at: number, lengthBytes: number, isOwn: boolean) => boolean)
    | undefined;
  readonly #context: Pick<DeviceContext<Peer>, "indices" | "counters" | "timers" | "changed">;

  constructor(
    allowedIps: AllowedIps<Peer>,
    context: Pick<DeviceContext<Peer>, "indices" | "counters" | "timers" | "changed">,
  ) {
    this.#allowedIps = allowedIps;
    this.#context = context;
  }

  /**
   * From now on, remembers each peer whose session, endpoint or path MTU has changed.
   * @returns those; whoever has seen a change takes it out
   */
  watch(): Set<Peer> {
    return this.#context.changed ??= new Set();
  }

  /** When sessions carry nothing more, in milliseconds from their beginning; and when whoever began one begins the next. */
  get limitsMs(): { readonly reject: number; readonly rekey: number } {
    const { rejectAfterTimeMs: reject, rekeyAfterTimeMs: rekey } = this.#context.timers;
    return { reject, rekey };
  }

  /**
   * @param at where an IP packet of this `version` begins in `memory`
   * @returns whose packet it is, or undefined when nobody's
   */
  peerFor(memory: Uint8Array, at: number, version: IpFamily): Peer | undefined {
    return this.#allowedIps.lookupBytes(memory, at + ipDestinationOffset(version), version);
  }

  /**
   * @param index the receiver's index of a transport message
   * @returns the session, or undefined, counted, when there is none or it is too old
   */
  sessionAt(now: Millis, index: number): BatchSession | undefined {
    const { indices, counters, timers } = this.#context;
    const entry = indices.get(index);
    if (entry?.keypair === undefined) counters.count("unknown-session");
    else if (now - entry.keypair.createdAt >= timers.rejectAfterTimeMs) counters.count("expired-session");
    else return entry as BatchSession;
    return undefined;
  }

  /** @returns whose packet it is that is sent to an address of 4 or 16 bytes, or undefined when nobody's */
  peerAt(address: Uint8Array): Peer | undefined {
    return this.#allowedIps.lookupBytes(address, 0, address.length === 4 ? 4 : 6);
  }

  /** Whether `peer` may send the packet of this `version` that begins at `at`; counted when not. */
  isFrom(peer: Peer, memory: Uint8Array, at: number, version: IpFamily, lengthBytes: number): boolean {
    // Cryptokey routing: an address belongs to one peer, both ways (paper §2).
    const isOwn = this.#allowedIps.lookupBytes(memory, at + ipSourceOffset(version), version) === peer;
    const { admitsSource } = this;
    if (admitsSource === undefined ? isOwn : admitsSource(peer, memory, at, lengthBytes, isOwn)) return true;
    this.#context.counters.count("source-not-allowed");
    return false;
  }
}
