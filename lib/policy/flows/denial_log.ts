/**
 * The last denials, equal ones together, until somebody takes them. What is of one source and more than its share is counted
 * in its last record.
 * @module
 */

import { IP_PROTOCOL, IpAddress } from "../../net/mod.ts";
import type { PacketFields } from "./packet_fields.ts";
import { type Denial, DIRECTION } from "./packet_guard.ts";

/** Records that wait, of all sources and of one. */
const MAX_RECORDS = 256;
const MAX_RECORDS_PER_SOURCE = 32;

/** What is said of a denial beside the packet's own fields. */
export interface DenialContext {
  readonly network: string;
  readonly direction: number;
  readonly rule: string;
  readonly isTrial: boolean;
  /** Of the wall clock, in milliseconds. */
  readonly at: number;
  readonly packets: number;
}

/** Denials of one guard. */
export class DenialLog {
  readonly #records = new Map<string, { denial: Denial; count: number }>();
  readonly #bySource = new Map<string, number>();
  /** Packets that found no room. */
  lost = 0;

  /** Takes one down. */
  note(bytes: Uint8Array, fields: PacketFields, context: DenialContext): void {
    const { sourceAt, destinationAt, addressBytes, protocol, destinationPort } = fields;
    const source = bytes.subarray(sourceAt, sourceAt + addressBytes).toHex();
    const destination = bytes.subarray(destinationAt, destinationAt + addressBytes).toHex();
    const { direction, rule, isTrial, packets } = context;
    const key = `${source}/${destination}/${protocol}/${destinationPort}/${direction}/${rule}/${isTrial}`;
    const known = this.#records.get(key);
    if (known !== undefined) {
      known.count += packets;
      return;
    }
    const own = this.#bySource.get(source) ?? 0;
    if (own >= MAX_RECORDS_PER_SOURCE || this.#records.size >= MAX_RECORDS) {
      this.lost += packets;
      return;
    }
    this.#bySource.set(source, own + 1);
    const denial: Denial = {
      at: context.at,
      network: context.network,
      direction: direction === DIRECTION.OUT ? "out" : direction === DIRECTION.IN ? "in" : "through",
      source: addressText(bytes, sourceAt, addressBytes),
      destination: addressText(bytes, destinationAt, addressBytes),
      protocol: protocolName(protocol),
      sourcePort: fields.sourcePort,
      destinationPort,
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
      if (this.#records.size === 0) this.#bySource.clear();
      return { ...denial, count };
    }
    return undefined;
  }
}

/** @returns `tcp`, `udp`, `icmp`, `sctp`, or the number */
export function protocolName(protocol: number): string {
  switch (protocol) {
    case IP_PROTOCOL.TCP:
      return "tcp";
    case IP_PROTOCOL.UDP:
      return "udp";
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return "icmp";
    case 132:
      return "sctp";
    default:
      return String(protocol);
  }
}

function addressText(bytes: Uint8Array, at: number, length: number): string {
  return IpAddress.fromBytes(bytes.slice(at, at + length)).toString();
}
