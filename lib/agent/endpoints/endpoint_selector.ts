/**
 * Where this node is, and from there, which way to the others comes first.
 * @module
 */

import type { AgentOptions } from "../../config/mod.ts";
import type { MeshState, Signed } from "../../mesh/mod.ts";
import type { Cidr, Endpoint } from "../../net/mod.ts";
import { orderCandidates } from "./local_endpoints.ts";
import { ownEndpoints, ownPrefixes } from "./own_endpoints.ts";

/** Knows the networks that this host is in. */
export class EndpointSelector {
  readonly #mesh: MeshState;
  readonly #options: AgentOptions;
  /** The networks that this host is in, as of the last look. */
  #prefixes: readonly Cidr[] = [];

  constructor(mesh: MeshState, options: AgentOptions) {
    this.#mesh = mesh;
    this.#options = options;
  }

  /** The networks of the overlay. */
  get overlay(): readonly Cidr[] {
    const { cidr, ipv6Cidr } = this.#mesh;
    return ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
  }

  /** Looks where this host is now. @returns what to tell the others, if that has changed */
  state(): Signed | undefined {
    this.#prefixes = ownPrefixes(this.#options);
    const endpoints = ownEndpoints(this.#options);
    return this.#mesh.stateEndpoints(endpoints, endpoints);
  }

  /**
   * @param stated what a member states of itself: it comes first, for that is signed
   * @param heard where it was heard
   * @returns the endpoints at which it may be, in the order in which they are worth a try
   */
  candidates(stated: readonly Endpoint[], heard: readonly Endpoint[]): Endpoint[] {
    const isStated = (endpoint: Endpoint): boolean => stated.some((other) => other.equals(endpoint));
    return orderCandidates([...stated, ...heard.filter((endpoint) => !isStated(endpoint))], {
      underlay: this.#prefixes,
      overlay: this.overlay,
    });
  }
}
