/**
 * Fragments whose first one has passed: what comes behind it has no ports, and passes for its sake (RFC 791 §3.2, RFC 8200
 * §4.5). What comes before its first one does not pass: nothing is held back to wait for it.
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import type { PacketFields } from "./packet_fields.ts";

/** As long as hosts wait for the rest (RFC 1122 §3.3.2 allows 60 s and more; Linux waits 30). */
const LIFETIME_MS = 30_000;
/** Packets at once; the oldest goes for a new one. */
const MAX_PACKETS = 4_096;

/** Packets by their addresses, identification and protocol. */
export class FragmentTable {
  readonly #endsAt = new Map<string, Millis>();

  /** Remembers a packet whose first fragment has passed. */
  pass(now: Millis, bytes: Uint8Array, fields: PacketFields): void {
    if (this.#endsAt.size >= MAX_PACKETS) {
      for (const oldest of this.#endsAt.keys()) {
        this.#endsAt.delete(oldest);
        break;
      }
    }
    this.#endsAt.set(keyOf(bytes, fields), millis(now + LIFETIME_MS));
  }

  /** Whether the first one of a later fragment has passed. */
  passes(now: Millis, bytes: Uint8Array, fields: PacketFields): boolean {
    const endsAt = this.#endsAt.get(keyOf(bytes, fields));
    return endsAt !== undefined && now < endsAt;
  }

  /** Forgets all: the rules have changed. */
  clear(): void {
    this.#endsAt.clear();
  }
}

/** Fragments are rare enough for a key that is made of text. */
function keyOf(bytes: Uint8Array, fields: PacketFields): string {
  const end = fields.destinationAt + fields.addressBytes;
  return `${bytes.subarray(fields.sourceAt, end).toHex()}/${fields.fragmentId}/${fields.protocol}`;
}
