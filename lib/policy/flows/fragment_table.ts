/**
 * Fragments whose first one has passed: what comes behind it has no ports, and passes for its sake (RFC 791 §3.2, RFC 8200
 * §4.5). What comes before its first one does not pass: nothing is held back to wait for it.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { PacketFields } from "./packet_fields.ts";

/** As long as hosts wait for the rest (RFC 1122 §3.3.2 allows 60 s and more; Linux waits 30). */
const LIFETIME_MS = 30_000;
/** Packets at once, of all sources and of one; an older one goes for a new one. */
const MAX_PACKETS = 4_096;
const MAX_PACKETS_PER_SOURCE = 512;

/** A packet whose first fragment has passed. */
interface BegunPacket {
  readonly endsAt: number;
  /** Where its first fragment ends, in units of 8 bytes. */
  readonly firstEnd: number;
  readonly via: number;
}

/** Packets by their source, then by destination, identification and protocol. */
export class FragmentTable {
  readonly #bySource = new Map<string, Map<string, BegunPacket>>();
  #size = 0;

  /** Remembers a packet whose first fragment has passed, and by whom it went. */
  pass(now: Millis, bytes: Uint8Array, fields: PacketFields, via: number): void {
    const source = sourceOf(bytes, fields);
    const key = keyOf(bytes, fields);
    const known = this.#bySource.get(source)?.get(key);
    if (known === undefined) this.#makeRoom(source);
    const own = this.#bySource.get(source) ?? new Map<string, BegunPacket>();
    const firstEnd = Math.max((fields.end - fields.fragmentAt) >> 3, known?.firstEnd ?? 0);
    own.set(key, { endsAt: now + LIFETIME_MS, firstEnd, via });
    this.#bySource.set(source, own);
    if (known === undefined) this.#size++;
  }

  /**
   * @returns by whom a later fragment goes, 0 for the straight way; undefined when its first one has not passed, or it overlaps
   * that one and would replace what was decided by (RFC 3128, RFC 5722 §4)
   */
  viaOf(now: Millis, bytes: Uint8Array, fields: PacketFields): number | undefined {
    const begun = this.#bySource.get(sourceOf(bytes, fields))?.get(keyOf(bytes, fields));
    const passes = begun !== undefined && now < begun.endsAt && fields.fragmentOffset >= begun.firstEnd;
    return passes ? begun.via : undefined;
  }

  /** Forgets all: the rules have changed. */
  clear(): void {
    this.#bySource.clear();
    this.#size = 0;
  }

  #makeRoom(source: string): void {
    if ((this.#bySource.get(source)?.size ?? 0) >= MAX_PACKETS_PER_SOURCE) this.#forgetOldest(source);
    if (this.#size < MAX_PACKETS) return;
    for (const [other, packets] of this.#bySource) {
      this.#forgetOldest(other);
      // The next one to give is another source.
      if (this.#bySource.delete(other) && packets.size > 0) this.#bySource.set(other, packets);
      return;
    }
  }

  #forgetOldest(source: string): void {
    const own = this.#bySource.get(source);
    for (const key of own?.keys() ?? []) {
      own?.delete(key);
      this.#size--;
      return;
    }
  }
}

/** Fragments are rare enough for keys that are made of text. */
function sourceOf(bytes: Uint8Array, { sourceAt, addressBytes }: PacketFields): string {
  return bytes.subarray(sourceAt, sourceAt + addressBytes).toHex();
}

function keyOf(bytes: Uint8Array, fields: PacketFields): string {
  const { destinationAt, addressBytes, fragmentId, fragmentProtocol } = fields;
  const destination = bytes.subarray(destinationAt, destinationAt + addressBytes).toHex();
  return `${destination}/${fragmentId}/${fragmentProtocol}`;
}
