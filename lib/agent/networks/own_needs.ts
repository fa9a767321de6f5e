/**
 * What a host asks of leaders by itself: other addresses for an endpoint that has lost its own to an older one, the endpoint of
 * the gateway that it is to be, and that others hear where it is in a plain underlay.
 * @module
 */

import type { Clock, Logger } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import { blocksOf, endpointKey, gatewayAddress } from "../../overlay/mod.ts";
import type { EndpointRequests } from "./endpoint_requests.ts";
import { GATEWAY_ENDPOINT, type KnownEndpoint, type KnownNetwork, type NetworkBook } from "./network_book.ts";

/** How often a leader is asked again. */
const ASK_AGAIN_MS = 5_000;
/** More endpoints than one host has are not remembered. */
const MAX_REMEMBERED = 1024;

/** What it works with. */
export interface OwnNeedsParts {
  readonly book: NetworkBook;
  readonly requests: EndpointRequests;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ownId: () => NodeId;
  readonly underlayAddress: (network: KnownNetwork) => IpAddress | undefined;
  /** Whether somebody asks for this endpoint now. */
  readonly isPending: (key: string) => boolean;
}

/** Looks for it, and asks. */
export class OwnNeeds {
  readonly #parts: OwnNeedsParts;
  /** When a leader was asked last, by the keys of endpoints. */
  readonly #askedAt = new Map<string, number>();

  constructor(parts: OwnNeedsParts) {
    this.#parts = parts;
  }

  /** Early and repeated calls are harmless. */
  look(): void {
    const { book, underlayAddress } = this.#parts;
    const ownId = this.#parts.ownId();
    for (const network of book.networks.values()) {
      const { definition: { gateway }, endpoints, conflict } = network;
      if (conflict !== undefined) continue;
      const isGateway = gateway !== undefined && book.ownerOf(gateway as NodeId)?.nodeId === ownId;
      if (isGateway && !endpoints.has(GATEWAY_ENDPOINT)) this.#ask(network, GATEWAY_ENDPOINT, undefined);
      for (const endpoint of endpoints.values()) {
        if (endpoint.owner?.nodeId !== ownId) continue;
        const { name, underlayAddress: stated } = endpoint.definition;
        const isMisplaced = underlayAddress(network)?.toString() !== stated?.toString();
        if (endpoint.conflict !== undefined || isMisplaced) this.#ask(network, name, endpoint);
      }
    }
  }

  #ask(network: KnownNetwork, name: string, known: KnownEndpoint | undefined): void {
    const { clock, log, requests, isPending, underlayAddress } = this.#parts;
    const key = endpointKey({ network: network.definition.name, name });
    const now = clock.now();
    if (isPending(key) || now - (this.#askedAt.get(key) ?? -Infinity) < ASK_AGAIN_MS) return;
    if (this.#askedAt.size >= MAX_REMEMBERED) this.#askedAt.clear();
    this.#askedAt.set(key, now);
    const addresses = name === GATEWAY_ENDPOINT ? blocksOf(network.definition).map(gatewayAddress) : [];
    const wanted = { name, addresses, allowsForeign: known?.definition.allowsForeign ?? false };
    requests.add(network, wanted, underlayAddress(network)).then(
      () => log.info("a leader has signed an endpoint anew", { endpoint: key }),
      (error) => log.warn("cannot have an endpoint signed", { endpoint: key, error }),
    );
  }
}
