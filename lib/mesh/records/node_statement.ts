/**
 * Where a node is to be found, as it says itself and signs.
 * @module
 */

import type { Clock, UnixMillis } from "../../base/mod.ts";
import type { SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, NodeStatementSchema } from "../../proto/mod.ts";
import { idBytes, type NodeId, type NodeIdentity, nodeIdFromBytes } from "../identity/mod.ts";
import {
  complete,
  isReachable,
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  readEndpoints,
  readPositive,
  readTime,
  type Signed,
  signPayload,
} from "./signed.ts";

/** How many endpoints of each plane a node may state. */
export const MAX_STATED_ENDPOINTS = 8;

/** What statement signatures are made under. */
export const STATEMENT_LABEL = "weft node statement v1";

/** Where a node is, on both planes. */
export interface OwnEndpoints {
  /** Of the packet plane (UDP), the best first. */
  readonly endpoints: readonly Endpoint[];
  /** Of the message plane (TCP), the best first. */
  readonly channelEndpoints: readonly Endpoint[];
}

/** Where a node is, as it says itself. */
export interface NodeStatement extends OwnEndpoints {
  readonly nodeId: NodeId;
  /** Grows with every statement of this node; at least 1. */
  readonly version: number;
  readonly issuedAt: UnixMillis;
}

/**
 * Signs a statement with the node's own key.
 * @throws RangeError when the statement is one that nobody would accept
 */
export function signStatement(statement: NodeStatement, signingKey: SigningKey): Signed {
  const payload = encodeMessage(NodeStatementSchema, {
    nodeId: idBytes(statement.nodeId),
    endpoints: statement.endpoints.map(String),
    channelEndpoints: statement.channelEndpoints.map(String),
    version: BigInt(statement.version),
    issuedAt: BigInt(statement.issuedAt),
  });
  if (decodeStatement(payload) === undefined) {
    throw new RangeError(`Cannot sign a statement of ${statement.nodeId}: a field is out of bounds`);
  }
  return signPayload(STATEMENT_LABEL, payload, signingKey);
}

/** @returns the statement, or undefined when it is malformed or not signed by `nodeKey` */
export function verifyStatement(signed: Signed, nodeKey: VerifyingKey): NodeStatement | undefined {
  const statement = decodeStatement(signed.payload);
  return statement && isSignedBy(STATEMENT_LABEL, signed, nodeKey) ? statement : undefined;
}

/** @returns the statement in a payload, its signature not checked, or undefined when it is malformed */
export function decodeStatement(payload: Uint8Array): NodeStatement | undefined {
  const message = decodeMessage(NodeStatementSchema, payload, MAX_PAYLOAD_BYTES);
  return message && complete<NodeStatement>({
    nodeId: nodeIdFromBytes(message.nodeId),
    endpoints: readEndpoints(message.endpoints, MAX_STATED_ENDPOINTS),
    channelEndpoints: readEndpoints(message.channelEndpoints, MAX_STATED_ENDPOINTS),
    version: readPositive(message.version),
    issuedAt: readTime(message.issuedAt),
  });
}

/**
 * Signs the first eight endpoints of each plane that can be reached at all.
 *
 * @param previous the node's last statement, as far as it remembers
 * @returns undefined when `previous` says the same, and not from the future
 */
export function signOwnStatement(
  identity: NodeIdentity,
  own: OwnEndpoints,
  options: { readonly clock: Clock; readonly previous: NodeStatement | undefined },
): Signed | undefined {
  const { clock, previous } = options;
  const endpoints = presentable(own.endpoints);
  const channelEndpoints = presentable(own.channelEndpoints);
  if (
    // What was stated by a clock that was ahead is not believed by others until it is stated anew.
    previous !== undefined && previous.issuedAt <= clock.wall() &&
    endpoints.join() === previous.endpoints.join() &&
    channelEndpoints.join() === previous.channelEndpoints.join()
  ) return undefined;
  const issuedAt = clock.wall();
  // The wall clock, so that a node whose state was restored from a copy is not behind itself.
  const version = Math.max((previous?.version ?? 0) + 1, issuedAt);
  return signStatement(
    { nodeId: identity.id, endpoints, channelEndpoints, version, issuedAt },
    identity.signingKey,
  );
}

function presentable(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(endpoints.filter(isReachable).map((endpoint) => [endpoint.toString(), endpoint]));
  return [...byText.values()].slice(0, MAX_STATED_ENDPOINTS);
}
