/**
 * What a member asks a leader about endpoints of overlay networks, and why a leader refuses.
 * @module
 */

import { type IpAddress, MAC_BYTES, MacAddress } from "../../net/mod.ts";
import {
  type EndpointRequest as WireRequest,
  type EndpointRequestSchema,
  type MessageFields,
  RefusalReason,
} from "../../proto/mod.ts";
import { NODE_NAME } from "../bounds.ts";
import { idBytes, type NodeId, nodeIdFromBytes } from "../identity/mod.ts";
import { complete, readAddress, readList } from "../records/mod.ts";

/** One address of each family. */
const MAX_ADDRESSES = 2;

/** What is to become of an endpoint. */
export type EndpointAct =
  /** It is to be the asker's. */
  | {
    readonly kind: "add";
    /** Any when absent. */
    readonly mac?: MacAddress;
    /** Of a family that is not named, any. */
    readonly addresses: readonly IpAddress[];
    readonly allowsForeign: boolean;
    /** Where the asker is in a plain underlay. */
    readonly underlayAddress?: IpAddress;
  }
  | { readonly kind: "remove" }
  /** It is to be another member's. */
  | { readonly kind: "move"; readonly to: NodeId; readonly underlayAddress?: IpAddress };

/** An endpoint, by the names of its network and its own, and what is to become of it. */
export interface EndpointRequest {
  readonly network: string;
  readonly name: string;
  readonly act: EndpointAct;
}

/** Why a leader does not do what a member asks of an endpoint. */
export type EndpointRefusal =
  | "unknown-network"
  | "unknown-endpoint"
  | "duplicate-endpoint"
  | "address-taken"
  | "address-not-allowed"
  | "not-permitted"
  | "too-many"
  | "no-address";

const REFUSAL_NUMBERS: Readonly<Record<EndpointRefusal, RefusalReason>> = {
  "unknown-network": RefusalReason.UNKNOWN_NETWORK,
  "unknown-endpoint": RefusalReason.UNKNOWN_ENDPOINT,
  "duplicate-endpoint": RefusalReason.DUPLICATE_ENDPOINT,
  "address-taken": RefusalReason.ADDRESS_TAKEN,
  "address-not-allowed": RefusalReason.ADDRESS_NOT_ALLOWED,
  "not-permitted": RefusalReason.NOT_PERMITTED,
  "too-many": RefusalReason.TOO_MANY,
  "no-address": RefusalReason.NO_ADDRESS,
};

/** @returns the reason as it is sent */
export function refusalToWire(reason: EndpointRefusal | undefined): RefusalReason {
  return reason === undefined ? RefusalReason.UNSPECIFIED : REFUSAL_NUMBERS[reason];
}

/** @returns the reason, or undefined when none is said that a member is told */
export function readRefusal(reason: RefusalReason): EndpointRefusal | undefined {
  const all = Object.keys(REFUSAL_NUMBERS) as EndpointRefusal[];
  return all.find((text) => REFUSAL_NUMBERS[text] === reason);
}

/** @returns the fields of the message */
export function endpointRequestToWire(
  { network, name, act }: EndpointRequest,
): MessageFields<typeof EndpointRequestSchema> {
  return { network, name, act: actToWire(act) };
}

function actToWire(act: EndpointAct): NonNullable<MessageFields<typeof EndpointRequestSchema>["act"]> {
  if (act.kind === "remove") return { case: "remove", value: {} };
  const { underlayAddress } = act;
  const place = underlayAddress === undefined ? {} : { underlayAddress: underlayAddress.bytes };
  if (act.kind === "move") return { case: "move", value: { nodeId: idBytes(act.to), ...place } };
  const { mac, addresses, allowsForeign } = act;
  const value = { addresses: addresses.map(({ bytes }) => bytes), allowsForeign, ...place };
  return { case: "add", value: { ...value, ...mac && { mac: mac.toBytes() } } };
}

/** @returns the request, or undefined when it is malformed */
export function readEndpointRequest({ network, name, act }: WireRequest): EndpointRequest | undefined {
  if (!NODE_NAME.test(network) || !NODE_NAME.test(name)) return undefined;
  return complete<EndpointRequest>({ network, name, act: readAct(act) });
}

function readAct(act: WireRequest["act"]): EndpointAct | undefined {
  if (act.case === "remove") return { kind: "remove" };
  if (act.case === undefined) return undefined;
  const { underlayAddress } = act.value;
  const place = underlayAddress.length === 0 ? {} : { underlayAddress: readAddress(underlayAddress) };
  if (act.case === "move") {
    const to = nodeIdFromBytes(act.value.nodeId);
    return complete<Extract<EndpointAct, { kind: "move" }>>({ kind: "move", to, ...place });
  }
  const { mac, addresses, allowsForeign } = act.value;
  return complete<Extract<EndpointAct, { kind: "add" }>>({
    kind: "add",
    ...mac.length > 0 && { mac: mac.length === MAC_BYTES ? MacAddress.fromBytes(mac) : undefined },
    addresses: readList(addresses, MAX_ADDRESSES, readAddress),
    allowsForeign,
    ...place,
  });
}
