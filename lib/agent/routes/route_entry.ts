/**
 * How routes travel: the bodies of the entries by which members offer networks, and by which the network's key says which of
 * them are led to.
 *
 *     route-offer/192.168.50.0/24         RouteOffer, of the member that is to lead there
 *     route-down/192.168.50.0/24          nothing: while it is there, its member has no way to that network itself
 *     route/192.168.50.0/24@NODE          RouteDecision, of the network's key
 *
 * @module
 */

import { decodeHex, encodeHex, type UnixMillis, unixMillis } from "../../base/mod.ts";
import { MAX_ENTRY_BODY_BYTES, type NodeId, parseNodeId } from "../../mesh/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, RouteDecisionSchema, RouteOfferSchema } from "../../proto/mod.ts";

/** The kind of the entries by which the network's key says what is led to; only it writes them. */
export const ROUTE_KIND = "route";
/** The kind of the entries by which members offer networks; whoever heeds one looks for the network key's word. */
export const ROUTE_OFFER_KIND = "route-offer";
/** The kind of the entries by which members say that they have no way themselves to a network that they lead to. */
export const ROUTE_DOWN_KIND = "route-down";

/** What a member says of a network. */
export interface RouteOffer {
  readonly masquerade: boolean;
  /** It is offered no longer. */
  readonly withdrawn: boolean;
}

/** What the network's key says of a network and a member. */
export interface RouteDecision {
  readonly masquerade: boolean;
  readonly rejected: boolean;
  /** The version of the offer that was decided on; 0 when there was none. */
  readonly offerVersion: number;
  readonly decidedBy: NodeId;
  readonly decidedAt: UnixMillis;
}

/** @returns the body of the entry */
export function encodeOffer({ masquerade, withdrawn }: RouteOffer): Uint8Array {
  return encodeMessage(RouteOfferSchema, { masquerade, withdrawn });
}

/** Never throws. @returns what is offered, or undefined when key or body is malformed */
export function decodeOffer(key: string, body: Uint8Array): (RouteOffer & { prefix: Cidr }) | undefined {
  const prefix = parsePrefix(key);
  const wire = decodeMessage(RouteOfferSchema, body, MAX_ENTRY_BODY_BYTES);
  if (prefix === undefined || wire === undefined) return undefined;
  return { prefix, masquerade: wire.masquerade, withdrawn: wire.withdrawn };
}

/** @returns the body of the entry */
export function encodeDecision(decision: RouteDecision): Uint8Array {
  const { masquerade, rejected, offerVersion, decidedBy, decidedAt } = decision;
  return encodeMessage(RouteDecisionSchema, {
    masquerade,
    rejected,
    offerVersion: BigInt(offerVersion),
    decidedBy: decodeHex(decidedBy) ?? new Uint8Array(0),
    decidedAt: BigInt(decidedAt),
  });
}

/** Never throws. @returns what was decided, and of what; undefined when key or body is malformed */
export function decodeDecision(
  key: string,
  body: Uint8Array,
): (RouteDecision & { readonly prefix: Cidr; readonly nodeId: NodeId }) | undefined {
  const at = key.indexOf("@");
  const prefix = at < 0 ? undefined : parsePrefix(key.slice(0, at));
  const nodeId = at < 0 ? undefined : parseNodeId(key.slice(at + 1));
  const wire = decodeMessage(RouteDecisionSchema, body, MAX_ENTRY_BODY_BYTES);
  const decidedBy = wire && parseNodeId(encodeHex(wire.decidedBy));
  if (wire === undefined || prefix === undefined || nodeId === undefined || decidedBy === undefined) {
    return undefined;
  }
  const [version, decidedAt] = [readNumber(wire.offerVersion), readNumber(wire.decidedAt)];
  if (version === undefined || decidedAt === undefined) return undefined;
  const { masquerade, rejected } = wire;
  return {
    prefix,
    nodeId,
    masquerade,
    rejected,
    offerVersion: version,
    decidedBy,
    decidedAt: unixMillis(decidedAt),
  };
}

/** @returns the key of the entry that says whether a member leads to a network */
export function decisionKey(prefix: Cidr, nodeId: NodeId): string {
  return `${prefix}@${nodeId}`;
}

/** Never throws. @returns the network, if it is written in the one way that keys have it */
export function parsePrefix(text: string): Cidr | undefined {
  const prefix = Cidr.parse(text);
  return prefix !== undefined && `${prefix}` === text ? prefix : undefined;
}

function readNumber(value: bigint): number | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}
