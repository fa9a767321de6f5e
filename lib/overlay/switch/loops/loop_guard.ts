/**
 * Finds ports that lead back to their network by another way, and blocks one of each two.
 *
 *     bridged port 1 ──probe──▶ somebody's bridge ──▶ bridged port 2, here or on another host: the higher of both is blocked
 *
 * Who is blocked is blocked for 10 s, then for twice as long each time, up to 300 s; after 600 s without a loop it begins
 * anew. A probe proves nothing about who sent it: whoever is behind a bridged port can have it blocked, and no other,
 * since the number of a port in a probe is drawn at random and is sent out at that port alone.
 *
 * @module
 */

import { equalBytes, type Millis, millis, type RandomSource, randomUint32 } from "../../../base/mod.ts";
import type { SwitchEvent } from "../frame_forwarder.ts";
import type { FrameQueue } from "../frame_queue.ts";
import type { PortState } from "../switch_state.ts";
import { decodeLoopProbe, encodeLoopProbe, SWITCH_ID_BYTES } from "./loop_probe.ts";

const PROBE_MS = 5_000;
/** However much there is to suspect. */
const MIN_PROBE_MS = 1_000;
const FIRST_BLOCK_MS = 10_000;
const MAX_BLOCK_MS = 300_000;
const FORGIVEN_MS = 600_000;
/** Nobody fetches events if there are more; the oldest are the first to go. */
const MAX_EVENTS = 1_024;

/** How a port has been blocked. */
interface Block {
  readonly port: PortState;
  until: Millis;
  forMs: number;
}

/** Sends probes, and judges those that come in. */
export class LoopGuard {
  readonly #switchId = new Uint8Array(SWITCH_ID_BYTES);
  readonly #queue: FrameQueue;
  readonly #random: RandomSource;
  /** Bridged ports of this host, with the numbers that their probes have. */
  readonly #bridged: Map<PortState, number> = new Map();
  readonly #blocks: Map<PortState, Block> = new Map();
  readonly #events: SwitchEvent[] = [];
  #probeAt = 0;
  #probedAt = -Infinity;

  /** @param random the switch's id is drawn from it */
  constructor(random: RandomSource, queue: FrameQueue) {
    random.fill(this.#switchId);
    this.#random = random;
    this.#queue = queue;
  }

  /** A port has come, or changed. */
  setPort(port: PortState): void {
    if (!port.isLocal || !port.allowsForeign) return this.removePort(port);
    if (this.#bridged.has(port)) return;
    this.#bridged.set(port, randomUint32(this.#random));
    this.#probeAt = 0;
  }

  /** A port is gone, or is none of a bridge any more. */
  removePort(port: PortState): void {
    this.#bridged.delete(port);
    this.#blocks.delete(port);
    port.isBlocked = false;
  }

  /** There is reason to probe at once, or a second after the last time. */
  suspect(): void {
    this.#probeAt = Math.min(this.#probeAt, this.#probedAt + MIN_PROBE_MS);
  }

  /** @param at where the payload of a probe begins that came in at `from` */
  handleProbe(now: Millis, from: PortState, bytes: Uint8Array, at: number): void {
    if (!this.#bridged.has(from) || from.isBlocked) return;
    const { switchId, port: number, networkId } = decodeLoopProbe(bytes, at);
    if (equalBytes(switchId, this.#switchId)) {
      const [sender] = this.#bridged.entries().find(([, own]) => own === number) ?? [];
      if (sender?.network !== from.network || sender.isBlocked) return;
      // A port that gets back what it sent leads back by itself.
      return this.#block(now, sender.port > from.port ? sender : from);
    }
    const own = from.network.id;
    const isSame = equalBytes(networkId, own) && own.some((byte) => byte !== 0);
    if (isSame && this.#switchId.toHex() > switchId.toHex()) this.#block(now, from);
  }

  /** Probes and ends blocks when they are due. */
  handleTimeout(now: Millis): void {
    for (const block of this.#blocks.values()) {
      if (block.port.isBlocked && now >= block.until) {
        block.port.isBlocked = false;
        this.#probeAt = 0;
      }
      if (now >= block.until + FORGIVEN_MS) this.#blocks.delete(block.port);
    }
    if (this.#bridged.size === 0 || now < this.#probeAt) return;
    this.#probeAt = now + PROBE_MS;
    this.#probedAt = now;
    for (const [port, number] of this.#bridged) {
      if (port.isBlocked) continue;
      const probe = { switchId: this.#switchId, port: number, networkId: port.network.id };
      this.#queue.push({ port: port.port, frame: encodeLoopProbe(probe) });
    }
  }

  /** @returns when something is due */
  pollTimeout(): Millis | undefined {
    if (this.#bridged.size === 0) return undefined;
    let at = this.#probeAt;
    for (const { port, until } of this.#blocks.values()) if (port.isBlocked) at = Math.min(at, until);
    return millis(at);
  }

  /** @returns the oldest event */
  pollEvent(): SwitchEvent | undefined {
    return this.#events.shift();
  }

  #block(now: Millis, port: PortState): void {
    const former = this.#blocks.get(port);
    const forMs = former === undefined ? FIRST_BLOCK_MS : Math.min(2 * former.forMs, MAX_BLOCK_MS);
    this.#blocks.set(port, { port, until: millis(now + forMs), forMs });
    port.isBlocked = true;
    if (this.#events.length >= MAX_EVENTS) this.#events.shift();
    this.#events.push({ kind: "loop", port: port.port, blockedMs: forMs });
  }
}
