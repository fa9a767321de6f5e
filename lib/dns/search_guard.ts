/**
 * Names that stub resolvers make of short ones and of absent ones (resolv.conf(5), `search`, `ndots`), and that would tell
 * the servers outside what is asked for in the zone.
 *
 * ```text
 *   typed                      asked for              what becomes of it
 *   gone.weft.internal   ──▶   gone.weft.internal.example.com   does not exist: nobody is asked
 *   api.web-1            ──▶   api.web-1.             does not exist: no top-level domain has a digit or hyphen
 *   nas.lan              ──▶   nas.lan.               forwarded: a name of the site, whoever is called `lan`
 *   api.beta             ──▶   api.beta.              others are asked for `beta.` alone; below it, if that exists
 * ```
 * @module
 */

import type { Authority } from "./authority.ts";
import { DomainName } from "./domain_name.ts";

/** What is to be done about a name that is in none of the zones. */
export type SearchVerdict =
  | { readonly kind: "forward" }
  | { readonly kind: "no-name" }
  /** To be forwarded if this name exists. */
  | { readonly kind: "below"; readonly top: DomainName };

const FORWARD: SearchVerdict = { kind: "forward" };
const NO_NAME: SearchVerdict = { kind: "no-name" };
/** All top-level domains are letters (RFC 1123 §2.1), or of this prefix (RFC 5890 §2.3.2.1). */
const TOP_LEVEL = /^(?:[a-z]+|xn--.*)$/i;

/** What sites call their own networks (RFC 6762, appendix G); few servers there know the name itself, without one below. */
const OF_SITES = new Set(["intranet", "internal", "private", "corp", "home", "lan"]);

/** Judges names by what the zone holds at the time. */
export class SearchGuard {
  readonly #authority: Authority;
  readonly #searched: readonly DomainName[];

  /** @param searched the domains that this host's resolver appends to names, beside the zone */
  constructor(authority: Authority, searched: readonly DomainName[]) {
    this.#authority = authority;
    this.#searched = searched.filter(({ labelCount }) => labelCount > 0);
  }

  /** Whether a search list makes this of a name that the zone has, `db.example.com` or `db.` of `db.weft.internal`. */
  shadows(name: DomainName): boolean {
    const { origin } = this.#authority;
    if (name.labelCount === 0) return false;
    const domains = this.#searched.filter((domain) => name.isWithin(domain));
    const depths = [...domains.map(({ labelCount }) => name.labelCount - labelCount), name.labelCount];
    return depths.some((depth) => {
      const found = depth > 0 ? domainOf(name, depth)?.join(origin) : undefined;
      return found !== undefined && this.#authority.holds(found);
    });
  }

  /** @param name one that the authority has no answer for */
  judge(name: DomainName): SearchVerdict {
    const { origin } = this.#authority;
    for (const domain of this.#searched) {
      const depth = name.labelCount - domain.labelCount;
      if (depth < origin.labelCount || !name.isWithin(domain)) continue;
      if (domainOf(name, depth)?.isWithin(origin)) return NO_NAME;
    }
    const { labelCount } = name;
    if (labelCount === 0) return FORWARD;
    // Of this host's site, whoever calls itself by a name of it.
    if (this.#searched.some((domain) => name.isWithin(domain))) return FORWARD;
    const top = name.ancestor(labelCount - 1);
    const short = top.join(origin);
    if (short === undefined || !this.#authority.holds(short)) return FORWARD;
    if (OF_SITES.has(top.firstLabel.toLowerCase())) return FORWARD;
    if (!TOP_LEVEL.test(top.firstLabel)) return NO_NAME;
    return labelCount > 1 ? { kind: "below", top } : FORWARD;
  }
}

/** @returns the first `labels` of a name, as a name of their own */
function domainOf(name: DomainName, labels: number): DomainName | undefined {
  const lengthBytes = name.wire.length - name.ancestor(labels).wire.length;
  const wire = new Uint8Array(lengthBytes + 1);
  wire.set(name.wire.subarray(0, lengthBytes));
  return DomainName.fromWire(wire);
}
