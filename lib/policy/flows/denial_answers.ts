/**
 * What somebody is told whose packet a policy has rejected: a reset of TCP (RFC 9293 §3.10.7), or ICMP (RFC 1812 §5.2.7.1,
 * RFC 4443 §3.1).
 * @module
 */

import { IP_PROTOCOL, resetOf, TCP_FLAGS, undeliverable } from "../../net/mod.ts";
import type { PacketFields } from "./packet_fields.ts";

/** A flood of denied packets is answered no more often, and that of one source leaves something for the others. */
const ANSWERS_PER_SECOND = 100;
const ANSWERS_PER_SOURCE = 25;
/** Sources are told apart by the last bits of their addresses: two that share them share their answers. */
const SOURCES = 256;

/** The answers of one guard. */
export class DenialAnswers {
  #left = ANSWERS_PER_SECOND;
  #since = 0;
  readonly #bySource = new Uint8Array(SOURCES);

  /** Earns again what was spent. */
  refill(now: number): void {
    if (now - this.#since < 1_000) return;
    this.#since = now;
    this.#left = ANSWERS_PER_SECOND;
    this.#bySource.fill(0);
  }

  /** @returns the answer to the packet at `at`, or undefined for one that gets none */
  make(memory: Uint8Array, at: number, fields: PacketFields): Uint8Array | undefined {
    const { family, protocol, tcpFlags, payloadAt, isFragment, sourceAt, addressBytes, end } = fields;
    const isTcp = protocol === IP_PROTOCOL.TCP && !isFragment;
    if (this.#left <= 0 || isTcp && (tcpFlags & TCP_FLAGS.RST) !== 0) return undefined;
    // Nobody is told of what was for many (RFC 1122 §3.2.2, RFC 4443 §2.4 (e.3)).
    if (isForMany(memory, fields)) return undefined;
    const source = memory[sourceAt + addressBytes - 1] ?? 0;
    const spent = this.#bySource[source] ?? 0;
    if (spent >= ANSWERS_PER_SOURCE) return undefined;
    this.#bySource[source] = spent + 1;
    this.#left--;
    return isTcp
      ? resetOf(memory.subarray(at, end), family, payloadAt - at)
      : undeliverable(memory, at, end - at, { version: family, why: "prohibited" });
  }
}

/** Multicast of both families, and the broadcast of no particular network. */
function isForMany(memory: Uint8Array, { family, destinationAt }: PacketFields): boolean {
  const first = memory[destinationAt] ?? 0;
  return family === 4 ? first >= 224 : first === 0xff;
}
