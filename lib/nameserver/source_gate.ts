/**
 * Who may ask, decided on the `struct sockaddr` of a sender where it lies.
 * @module
 */

import { AF_INET6 } from "../host/mod.ts";

/** Blocks whose addresses are answered, and addresses of this host, as bytes. */
export interface GateRules {
  /** Undefined answers everybody. */
  readonly clients: readonly { readonly bytes: Uint8Array; readonly prefixBits: number }[] | undefined;
  readonly own: readonly Uint8Array[];
  readonly queriesPerSecond: number;
}

/** What becomes of a sender's query. */
export type GateVerdict = "admitted" | "dropped-source" | "dropped-rate";

/** Sources share buckets by chance when there are more; each then gets less, never more. */
const BUCKETS = 4096;

/** A token bucket for each source; this host itself is not limited. */
export class SourceGate {
  readonly #rules: GateRules;
  readonly #tokens: Float64Array;
  readonly #times = new Float64Array(BUCKETS);

  constructor(rules: GateRules) {
    this.#rules = rules;
    this.#tokens = new Float64Array(BUCKETS).fill(rules.queriesPerSecond);
  }

  /**
   * @param at where the `struct sockaddr_in` or `sockaddr_in6` lies in `memory`
   * @param nowMs a monotonic time
   */
  judge(memory: Uint8Array, at: number, nowMs: number): GateVerdict {
    const isIpv6 = memory[at] === AF_INET6;
    const addressAt = isIpv6 ? at + 8 : at + 4;
    const addressBytes = isIpv6 ? 16 : 4;
    if (memory[at + 2] === 0 && memory[at + 3] === 0) return "dropped-source";
    if (this.#isOwn(memory, addressAt, addressBytes)) return "admitted";
    if (!this.#isClient(memory, addressAt, addressBytes)) return "dropped-source";
    return this.#take(memory, addressAt, addressBytes, nowMs) ? "admitted" : "dropped-rate";
  }

  #isOwn(memory: Uint8Array, at: number, addressBytes: number): boolean {
    if (addressBytes === 4 ? memory[at] === 127 : isLoopback6(memory, at)) return true;
    for (const own of this.#rules.own) {
      if (own.length === addressBytes && matches(memory, at, own, 8 * addressBytes)) return true;
    }
    return false;
  }

  #isClient(memory: Uint8Array, at: number, addressBytes: number): boolean {
    const { clients } = this.#rules;
    if (clients === undefined) return true;
    for (const { bytes, prefixBits } of clients) {
      if (bytes.length === addressBytes && matches(memory, at, bytes, prefixBits)) return true;
    }
    return false;
  }

  #take(memory: Uint8Array, at: number, addressBytes: number, nowMs: number): boolean {
    const { queriesPerSecond } = this.#rules;
    if (queriesPerSecond === Infinity) return true;
    let hash = 0x811c9dc5 | 0;
    for (let i = 0; i < addressBytes; i++) hash = Math.imul(hash ^ (memory[at + i] ?? 0), 0x01000193);
    // The low bits of FNV depend on few of the bytes.
    const bucket = (hash ^ (hash >>> 15)) & (BUCKETS - 1);
    const elapsedMs = nowMs - (this.#times[bucket] ?? 0);
    const filled = (this.#tokens[bucket] ?? 0) + (elapsedMs * queriesPerSecond) / 1000;
    const tokens = filled > queriesPerSecond ? queriesPerSecond : filled;
    this.#times[bucket] = nowMs;
    this.#tokens[bucket] = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }
}

function matches(memory: Uint8Array, at: number, bytes: Uint8Array, prefixBits: number): boolean {
  const whole = prefixBits >> 3;
  for (let i = 0; i < whole; i++) if (memory[at + i] !== bytes[i]) return false;
  const restBits = prefixBits & 7;
  return restBits === 0 || (((memory[at + whole] ?? 0) ^ (bytes[whole] ?? 0)) >> (8 - restBits)) === 0;
}

function isLoopback6(memory: Uint8Array, at: number): boolean {
  for (let i = 0; i < 15; i++) if (memory[at + i] !== 0) return false;
  return memory[at + 15] === 1;
}
