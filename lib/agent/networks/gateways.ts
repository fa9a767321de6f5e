/**
 * The networks that this node leads out of: which of them it can, and the host that does it.
 * @module
 */

import { type Environment, WeftError } from "../../base/mod.ts";
import { findRouteOverlap, type GatewayHost, type HostGateway, type HostNetwork } from "../../host/mod.ts";
import type { Cidr } from "../../net/mod.ts";

/** How often the host is asked where its default routes lead now, in milliseconds. */
const REVIEW_INTERVAL_MS = 10_000;

/** What leads out. */
export interface GatewayParts extends Pick<Environment, "timers" | "log"> {
  /** The blocks of the mesh. */
  readonly meshBlocks: readonly Cidr[];
  /** The host's links and routes; to be closed by whoever opened it. */
  readonly network: HostNetwork;
  readonly host: Pick<GatewayHost, "follow" | "close" | "lacks">;
}

/** A host cannot lead out of a network: an address would mean two things there. */
export class GatewayError extends WeftError {
  readonly code = "Gateway";
}

/** Leads out of the networks whose gateway this node is, between their first `set` and `close`. */
export class Gateways implements Disposable {
  readonly #parts: GatewayParts;
  readonly #gateways = new Map<string, HostGateway>();
  #failure: WeftError | undefined;
  #cancel: (() => void) | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /**
   * To be asked before a gateway's TAP is made, since an address would mean two things on this host.
   * @throws GatewayError when this node cannot lead out of it
   */
  check(gateway: HostGateway): void {
    const found = this.#problem(gateway);
    if (found === undefined) return;
    throw new GatewayError(`Cannot lead out of the network ${gateway.network}: ${found.problem}`, {
      hint: found.hint,
    });
  }

  /**
   * Leads out of a network, whose TAP is there.
   * @throws HostError, NotPermittedError, StateError; then it is not led out of
   */
  set(gateway: HostGateway): void {
    this.#gateways.set(gateway.network, gateway);
    this.#follow();
    const failure = this.#failure;
    if (failure === undefined) return this.#warnOfLacks(gateway);
    this.remove(gateway.network);
    throw failure;
  }

  /** No longer leads out of a network; harmless when it never did. */
  remove(network: string): void {
    if (this.#gateways.delete(network)) this.#follow();
  }

  /** Takes everything back. Harmless when repeated. */
  close(): void {
    this.#gateways.clear();
    this.#follow();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #problem(gateway: HostGateway): { readonly problem: string; readonly hint: string } | undefined {
    const { meshBlocks, network } = this.#parts;
    const others = [...this.#gateways.values()].filter((other) => other.network !== gateway.network);
    const routes = network.listRoutes();
    for (const block of gateway.blocks) {
      const other = others.find(({ blocks }) => blocks.some((taken) => taken.overlaps(block)));
      if (other !== undefined) {
        return {
          problem:
            `this node leads out of the network ${other.network} already, which has addresses of ${block} too`,
          hint: `Make another member the gateway of ${gateway.network}, or give it another block.`,
        };
      }
      if (meshBlocks.some((taken) => taken.overlaps(block))) {
        return {
          problem: `the mesh itself has addresses of ${block}`,
          hint: `Give the network ${gateway.network} another block to have a gateway.`,
        };
      }
      const route = findRouteOverlap(block, routes, gateway.device);
      if (route !== undefined) {
        return {
          problem: `this host routes ${route.cidr} to ${
            route.interfaceName ?? "nowhere"
          } already, which has addresses of ${block}`,
          hint: `Make another member the gateway of ${gateway.network}, or remove that route.`,
        };
      }
    }
    return undefined;
  }

  #follow(): void {
    const { host, log, timers } = this.#parts;
    this.#cancel?.();
    this.#cancel = undefined;
    const before = this.#failure?.message;
    this.#failure = undefined;
    try {
      host.follow([...this.#gateways.values()]);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.#failure = error;
      if (before !== error.message) log.warn("cannot lead out of overlay networks", { error });
    }
    if (this.#gateways.size === 0) return;
    // The way out changes with cables and wireless networks.
    this.#cancel = timers.setTimer(REVIEW_INTERVAL_MS, () => this.#follow());
  }

  #warnOfLacks({ network, blocks }: HostGateway): void {
    const { host, log } = this.#parts;
    if (!blocks.some(({ family }) => host.lacks.includes(family))) return;
    log.warn(
      "this host forwards no IPv6 for the gateway: its kernel can for all interfaces only, and does not",
      {
        network,
        hint: "Run `sysctl net.ipv6.conf.all.forwarding=1`, or use Linux 6.17 or later.",
      },
    );
  }
}
