/**
 * What a leader answers to a machine that it has let in, and whether it can be believed.
 * @module
 */

import type { UnixMillis } from "../base/mod.ts";
import { networkIdOf, type NodeId } from "./identity/mod.ts";
import { type JoinToken, MAX_CLOCK_AHEAD_MS, verifyRecord } from "./records/mod.ts";
import type { Admitted } from "./wire/mod.ts";

/**
 * Judges an answer by the token that the machine came with.
 * @param self the machine itself, and what time it has
 * @returns what is wrong with the answer, or undefined when it is right
 */
export function admittedProblem(
  { record, settings: { verifyingKey, cidrs } }: Admitted,
  token: JoinToken,
  self: { readonly nodeId: NodeId; readonly wall: UnixMillis },
): string | undefined {
  if (networkIdOf(verifyingKey) !== token.networkId) {
    return "the leader speaks for another network than the token";
  }
  if (cidrs[0]?.equals(token.cidr) !== true) return "the leader's network is not the token's";
  const own = verifyRecord(record, verifyingKey);
  if (own === undefined || own.nodeId !== self.nodeId || own.revoked || own.networkId !== token.networkId) {
    return "the record that the leader sent is not this node's";
  }
  const { wall } = self;
  if (own.issuedAt > wall + MAX_CLOCK_AHEAD_MS || own.expiresAt <= wall) {
    const minutes = Math.round(Math.abs(own.issuedAt - wall) / 60_000);
    return `the leader's clock and this one's are ${minutes} minutes apart`;
  }
  return undefined;
}
