/**
 * What the network's key signs of overlay networks and endpoints, and the kinds and keys of those entries. How they are
 * encoded is the business of whoever exchanges them: what carries frames loads no protobuf.
 * @module
 */

import type { UnixMillis } from "../base/mod.ts";
import type { IpAddress, MacAddress } from "../net/mod.ts";
import type { OverlayNetwork } from "./network.ts";

/** The kind of entries that define networks; their key is the name. */
export const NETWORK_KIND = "network";
/** The kind of entries that define endpoints; their key is `NETWORK/NAME`. */
export const ENDPOINT_KIND = "endpoint";

/** A network, and since when it is there. */
export interface NetworkDefinition extends OverlayNetwork {
  /** When it was made, by the clock of who signed it. */
  readonly createdAt: UnixMillis;
}

/** An endpoint, as the network's key signs it. */
export interface EndpointDefinition {
  /** The name of its network. */
  readonly network: string;
  readonly name: string;
  /** The id of its network. */
  readonly networkId: string;
  /** Whose it is: a node id of 32 hexadecimal digits. */
  readonly nodeId: string;
  readonly mac: MacAddress;
  readonly addresses: readonly IpAddress[];
  /** Frames may come from addresses that nobody has been given. */
  readonly allowsForeign: boolean;
  /** Grows when it goes to another member; at least 1. */
  readonly generation: number;
  /** Where its host is in a plain underlay. */
  readonly underlayAddress?: IpAddress;
  /** When it was made, by the clock of who signed it. */
  readonly createdAt: UnixMillis;
}

/** @returns the key of an endpoint's entry */
export function endpointKey({ network, name }: Pick<EndpointDefinition, "network" | "name">): string {
  return `${network}/${name}`;
}
