/**
 * A node's own word on where it is to be found.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import type { SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, NodeStatementSchema } from "../../proto/mod.ts";
import { idBytes, type NodeId, nodeIdFromBytes } from "../identity/mod.ts";
import {
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  readEndpoints,
  readTime,
  readVersion,
  type Signed,
  signPayload,
} from "./signed.ts";

/** How many endpoints of each plane a node may state. */
export const MAX_STATED_ENDPOINTS = 8;

/** What statement signatures are made under. */
export const STATEMENT_LABEL = "weft node statement v1";

/** Where a node is, as it says itself. */
export interface NodeStatement {
  readonly nodeId: NodeId;
  /** Of the packet plane (UDP). */
  readonly endpoints: readonly Endpoint[];
  /** Of the message plane (TCP). */
  readonly channelEndpoints: readonly Endpoint[];
  /** Grows with every statement of this node; at least 1. */
  readonly version: number;
  readonly issuedAt: UnixMillis;
}

/** A statement with its node's signature. */
export type SignedStatement = Signed;

/**
 * Signs a statement with the node's own key.
 * @throws RangeError when the statement is one that nobody would accept
 */
export function signStatement(statement: NodeStatement, signingKey: SigningKey): SignedStatement {
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
export function verifyStatement(signed: SignedStatement, nodeKey: VerifyingKey): NodeStatement | undefined {
  const statement = decodeStatement(signed.payload);
  return statement && isSignedBy(STATEMENT_LABEL, signed, nodeKey) ? statement : undefined;
}

/** @returns the statement in a payload, its signature not checked, or undefined when it is malformed */
export function decodeStatement(payload: Uint8Array): NodeStatement | undefined {
  const message = decodeMessage(NodeStatementSchema, payload, MAX_PAYLOAD_BYTES);
  if (message === undefined) return undefined;
  const nodeId = nodeIdFromBytes(message.nodeId);
  const endpoints = readEndpoints(message.endpoints, MAX_STATED_ENDPOINTS);
  const channelEndpoints = readEndpoints(message.channelEndpoints, MAX_STATED_ENDPOINTS);
  const version = readVersion(message.version);
  const issuedAt = readTime(message.issuedAt);
  if (
    nodeId === undefined || endpoints === undefined || channelEndpoints === undefined ||
    version === undefined || issuedAt === undefined
  ) return undefined;
  return { nodeId, endpoints, channelEndpoints, version, issuedAt };
}
