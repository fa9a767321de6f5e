/**
 * What a machine sends that wants to be let in.
 * @module
 */

import type { Clock } from "../base/mod.ts";
import type { NodeIdentity } from "./identity/mod.ts";
import type { JoinParameters } from "./mesh_state.ts";
import { type JoinToken, signOwnStatement } from "./records/mod.ts";
import { encodeMeshMessage } from "./wire/mod.ts";

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
