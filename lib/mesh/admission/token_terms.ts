/**
 * What a token gives whoever joins with it, beside what all have.
 * @module
 */

import { type Cidr, IpAddress } from "../../net/mod.ts";
import { MAX_EPHEMERAL_MS, MIN_EPHEMERAL_MS } from "../bounds.ts";

/** What a token gives whoever joins with it, beside what all have. */
export interface TokenTerms {
  /** How long the member may be away before a leader removes it, in milliseconds; absent for ever. */
  readonly ephemeralMs?: number | undefined;
  /** Whether a leader's operator has to let each machine in. */
  readonly needsApproval?: boolean | undefined;
  /** The overlay address, or `any` for one that the machine asks for. */
  readonly address?: string | undefined;
}

/** @returns those that are there */
export function presentTerms({ ephemeralMs, needsApproval, address }: TokenTerms): TokenTerms {
  return {
    ...ephemeralMs !== undefined && { ephemeralMs },
    ...needsApproval && { needsApproval },
    ...address !== undefined && { address },
  };
}

/**
 * @param token with how many machines it admits, and the overlay's block
 * @returns its terms
 * @throws RangeError when one is out of bounds
 */
export function termsOf(
  { ephemeralMs, needsApproval, address, uses, cidr }: TokenTerms & {
    readonly uses?: number | undefined;
    readonly cidr: Cidr;
  },
): TokenTerms {
  if (
    ephemeralMs !== undefined &&
    !(Number.isInteger(ephemeralMs) && ephemeralMs >= MIN_EPHEMERAL_MS && ephemeralMs <= MAX_EPHEMERAL_MS)
  ) {
    throw new RangeError("Cannot make a token: ephemeral members may be away for one second to a year");
  }
  if (address === undefined || address === "any") {
    return presentTerms({ ephemeralMs, needsApproval, address });
  }
  const fixed = IpAddress.parse(address);
  if (fixed === undefined || !cidr.contains(fixed)) {
    throw new RangeError(`Cannot make a token for the address ${address}: it is not in ${cidr}`);
  }
  if (uses !== 1) {
    throw new RangeError("Cannot make a token with an address for more than one machine: say one use");
  }
  return presentTerms({ ephemeralMs, needsApproval, address: fixed.toString() });
}

/** @returns the terms as the audit log has them */
export function detailOf({ ephemeralMs, needsApproval, address }: TokenTerms): Record<string, string> {
  return {
    ...ephemeralMs !== undefined && { ephemeralMs: `${ephemeralMs}` },
    ...needsApproval && { approval: "needed" },
    ...address !== undefined && { address },
  };
}
