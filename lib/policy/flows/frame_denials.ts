/**
 * The last denials of frames without IP, equal ones together, until somebody takes them.
 * @module
 */

import { type EthernetHeader, MacAddress, putUint16 } from "../../net/mod.ts";
import type { DenialContext } from "./denial_log.ts";
import { type Denial, DIRECTION } from "./packet_guard.ts";

const MAX_RECORDS = 64;

/** Denials of one guard. */
export class FrameDenials {
  readonly #records = new Map<string, { denial: Denial; count: number }>();
  /** Frames that found no room. */
  lost = 0;

  /** Takes one down. */
  note(header: EthernetHeader, context: DenialContext): void {
    const { sourceHigh, sourceLow, destinationHigh, destinationLow, etherType } = header;
    const { direction, rule, isTrial, packets, at, network } = context;
    const source = macText(sourceHigh, sourceLow);
    const destination = macText(destinationHigh, destinationLow);
    const key = `${source}/${destination}/${etherType}/${direction}/${rule}/${isTrial}`;
    const known = this.#records.get(key);
    if (known !== undefined) {
      known.count += packets;
      return;
    }
    if (this.#records.size >= MAX_RECORDS) {
      this.lost += packets;
      return;
    }
    const denial: Denial = {
      at,
      network,
      direction: direction === DIRECTION.OUT ? "out" : direction === DIRECTION.IN ? "in" : "through",
      source,
      destination,
      protocol: `ethertype:0x${etherType.toString(16).padStart(4, "0")}`,
      sourcePort: 0,
      destinationPort: 0,
      rule,
      isTrial,
      count: 1,
    };
    this.#records.set(key, { denial, count: packets });
  }

  /** @returns the oldest one, which is forgotten */
  poll(): Denial | undefined {
    for (const [key, { denial, count }] of this.#records) {
      this.#records.delete(key);
      return { ...denial, count };
    }
    return undefined;
  }
}

function macText(high: number, low: number): string {
  const bytes = new Uint8Array(6);
  putUint16(bytes, 0, high);
  putUint16(bytes, 2, low >>> 16);
  putUint16(bytes, 4, low & 0xffff);
  return MacAddress.fromBytes(bytes).toString();
}
