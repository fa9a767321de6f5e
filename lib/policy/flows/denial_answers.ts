/**
 * What somebody is told whose packet a policy has rejected: a reset of TCP (RFC 9293 §3.10.7), or ICMP (RFC 1812 §5.2.7.1,
 * RFC 4443 §3.1).
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { IP_PROTOCOL, resetOf, TCP_FLAGS, undeliverable } from "../../net/mod.ts";
import type { PacketFields } from "./packet_fields.ts";

/** A flood of denied packets is answered no more often. */
const ANSWERS_PER_SECOND = 100;

/** The answers of one guard. */
export class DenialAnswers {
  #left = ANSWERS_PER_SECOND;
  #since = 0;

  /** Earns again what was spent. */
  handleTimeout(now: Millis): void {
    if (now - this.#since < 1_000) return;
    this.#since = now;
    this.#left = ANSWERS_PER_SECOND;
  }

  /** @returns the answer to the packet at `at`, or undefined for one that gets none */
  make(memory: Uint8Array, at: number, lengthBytes: number, fields: PacketFields): Uint8Array | undefined {
    const { family, protocol, tcpFlags, payloadAt, isFragment } = fields;
    const isTcp = protocol === IP_PROTOCOL.TCP && !isFragment;
    if (this.#left <= 0 || isTcp && (tcpFlags & TCP_FLAGS.RST) !== 0) return undefined;
    this.#left--;
    return isTcp
      ? resetOf(memory.subarray(at, at + lengthBytes), family, payloadAt - at)
      : undeliverable(memory, at, lengthBytes, { version: family, why: "prohibited" });
  }
}
