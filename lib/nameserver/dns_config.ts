/**
 * How a name server is set up, and what can be wrong with that and its records.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import { DomainName, type ForwardLimits } from "../dns/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";
import type { TcpLimits } from "./tcp_service.ts";

/** The zone of a network (the top-level domain is reserved for private use, ICANN resolution 2024.07.29.06). */
export const DEFAULT_DNS_ZONE = "weft.internal.";

/** Other servers for the names under a suffix. */
export interface DnsForward {
  /** `.` for all names that no longer suffix has. */
  readonly suffix: string;
  /** Asked in this order; none: names under the suffix are refused. */
  readonly servers: readonly Endpoint[];
}

/** What may be bounded. */
export interface DnsLimits {
  /** Queries of one source in a second; this host itself is not limited. 100,000 unless told. */
  readonly queriesPerSecond?: number;
  /** What TCP clients may take. */
  readonly tcp?: Partial<TcpLimits>;
  /** What asking other servers may take. */
  readonly forward?: Partial<ForwardLimits>;
}

/** How a name server is set up. */
export interface DnsConfig {
  /** The zone that it has authority over, `weft.internal.` unless told. */
  readonly zone?: string;
  /** Blocks whose addresses it knows the names of. */
  readonly cidrs?: readonly Cidr[];
  /** Its own name for SOA and NS, below the zone unless it ends with a dot; `ns` unless told. */
  readonly name?: string;
  /** Where it listens, over UDP and TCP; port 0 is any free one. */
  readonly listen: readonly Endpoint[];
  /** Who is answered: sources in these blocks, and this host; everybody unless told. */
  readonly clients?: readonly Cidr[];
  /** Whom it asks for names of other zones; without any, those are refused. */
  readonly forward?: readonly DnsForward[];
  /** The domains that this host's resolver appends to names: what it makes of names in the zone is asked of nobody. */
  readonly searched?: readonly string[];
  /** `fast`: a worker with the system's own calls (Linux); `portable`: the runtime's sockets; `auto`: what runs here. */
  readonly sockets?: "auto" | "fast" | "portable";
  /** What may be bounded; each has a default. */
  readonly limits?: DnsLimits;
}

/** A record, name or zone that cannot be used; the message says why. */
export class InvalidRecordError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidRecord";
}

/** @returns the name of a zone @throws InvalidRecordError when it is no domain name */
export function parseZone(text: string): DomainName {
  const name = DomainName.parse(text);
  if (name !== undefined) return name;
  throw new InvalidRecordError(
    `Cannot use the name ${JSON.stringify(text.slice(0, 60))}: it is no domain name`,
    {
      hint: "Write labels of letters, digits and hyphens with dots between them, for example weft.internal.",
    },
  );
}
