/**
 * What goes with the two streams of a relayed link.
 *
 * ```
 *   +---------+------------------+
 *   | 1: u8   | node id, 16 bytes|   A to R: the target; R to B: the origin
 *   +---------+------------------+
 * ```
 * @module
 */

import { idBytes, type NodeId, nodeIdFromBytes } from "../../../mesh/mod.ts";

/** Streams of this topic ask the other end for a way to a member. */
export const RELAY_TOPIC = "link-relay";
/** Streams of this topic come from a member, through the other end. */
export const RELAYED_TOPIC = "link-relayed";

const VERSION = 1;
const HEADER_BYTES = 17;

/** @returns the header that names a member */
export function encodeRelayHeader(nodeId: NodeId): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES);
  out[0] = VERSION;
  out.set(idBytes(nodeId), 1);
  return out;
}

/** @returns whom the header names, or undefined when it is none of this version */
export function decodeRelayHeader(header: Uint8Array): NodeId | undefined {
  if (header.length !== HEADER_BYTES || header[0] !== VERSION) return undefined;
  return nodeIdFromBytes(header.subarray(1));
}

/** Why a relay does not connect two members: the code with which it resets the stream. */
export const RelayRefusal = {
  /** The header can't be read. */
  malformed: 1,
  /** It relays for nobody now. */
  unwilling: 2,
  /** Whoever asks is no member, or asks for itself. */
  notMember: 3,
  /** It has no link of its own to the target. */
  noLink: 4,
  /** There are too many streams, or they come too fast. */
  tooMany: 5,
  /** One of the two streams broke. */
  broken: 6,
} as const;
