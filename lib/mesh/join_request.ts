/**
 * What a machine asks for when it joins, and the message in which it does.
 * @module
 */

import type { Clock } from "../base/mod.ts";
import type { IpAddress } from "../net/mod.ts";
import type { NodeIdentity } from "./identity/mod.ts";
import { type JoinToken, type OwnStatement, signOwnStatement } from "./records/mod.ts";
import { encodeMeshMessage } from "./wire/mod.ts";

/** What a machine asks for when it joins. */
export interface JoinParameters extends OwnStatement {
  readonly name: string;
  /** The overlay address, which the token has to allow; absent for any. */
  readonly address?: IpAddress | undefined;
  /** For how long it may be away before it is removed, in milliseconds; for ever, or as its token says, when absent. */
  readonly ephemeralMs?: number | undefined;
  /** Of the record that it has of a leader that others have not heard of. */
  readonly knownVersion?: number;
}

/** @returns the message by which a machine asks to be let in */
export function encodeJoinRequest(
  identity: NodeIdentity,
  token: JoinToken,
  options: JoinParameters & { readonly clock: Clock },
): Uint8Array {
  const { name, address, ephemeralMs, knownVersion, clock } = options;
  const statement = signOwnStatement(identity, options, { clock, previous: undefined });
  const { publicKey, signingKey: { verifyingKey } } = identity;
  const { secret } = token;
  const optional = {
    ...statement && { statement },
    ...address && { address },
    ...ephemeralMs !== undefined && { ephemeralMs },
    ...knownVersion !== undefined && { knownVersion },
  };
  const request = { secret, name, publicKey, verifyingKey, ...optional };
  return encodeMeshMessage({ kind: "join-request", request });
}
