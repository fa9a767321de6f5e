/**
 * Discovery by the public BitTorrent DHT, for nodes whose options ask for it.
 * @module
 */

import { sleep } from "../../base/mod.ts";
import type { AgentOptions, DhtBootstrapOption } from "../../config/mod.ts";
import { Dht, type DhtParts } from "../../discovery/mod.ts";
import { type Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { LocalDatagrams } from "../../transport/mod.ts";
import { ownEndpoints } from "../endpoint_selector.ts";

/** A host that was just started may have no network yet. */
const RESOLVE_AGAIN_MS = 60_000;
/** Of one name. */
const MAX_ADDRESSES_EACH = 4;
const ANYWHERE = IpAddress.fromBytes(new Uint8Array(4));

/** Who is announced, and who receives what is found. */
interface DhtDiscoveryParts extends Omit<DhtParts, "routers" | "socket"> {
  readonly options: AgentOptions;
  /** The overlay's prefixes: nobody is looked for in the overlay itself. */
  readonly overlay: readonly Cidr[];
}

/** Announces this node, and looks for others, by a socket of its own; over IPv4, as most of the DHT does. */
export class DhtDiscovery {
  readonly #parts: DhtDiscoveryParts;
  readonly #stop = new AbortController();
  #dht: Dht | undefined;

  private constructor(parts: DhtDiscoveryParts) {
    this.#parts = parts;
  }

  /** Begins, and waits for nothing. @returns undefined, and sends nothing, unless the options say yes */
  static start(parts: DhtDiscoveryParts): DhtDiscovery | undefined {
    if (!parts.options.discoveryDht) return undefined;
    const discovery = new DhtDiscovery(parts);
    discovery.#begin().catch((error) => parts.log.warn("discovery by the DHT is off", { error }));
    return discovery;
  }

  /** How many nodes of the DHT answered in the last round, at most 8. */
  get contacts(): number {
    return this.#dht?.contacts ?? 0;
  }

  /** @returns how many datagrams were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#dht?.drops() ?? {};
  }

  /** Ends. Harmless when repeated. @returns when what was sent before has gone out */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#dht?.close();
  }

  async #begin(): Promise<void> {
    const { options: { discoveryDhtBootstrap }, timers, log } = this.#parts;
    const { signal } = this.#stop;
    for (;;) {
      const routers = (await Promise.all(discoveryDhtBootstrap.map((node) => resolve(node, signal)))).flat();
      if (signal.aborted) return;
      if (routers.length > 0) return this.#enter(routers);
      log.debug("no name of a node of the DHT has an address");
      await sleep(timers, RESOLVE_AGAIN_MS, signal);
    }
  }

  /** @throws SocketError */
  #enter(routers: readonly Endpoint[]): void {
    const dht = this.#dht = new Dht({
      ...this.#parts,
      routers,
      socket: LocalDatagrams.open({ address: ANYWHERE, port: 0 }),
      observer: (endpoint) => this.#handleFound(endpoint),
    });
    dht.start();
  }

  /** This node finds itself, too. */
  #handleFound(endpoint: Endpoint): void {
    const { options, overlay, observer } = this.#parts;
    if (overlay.some((cidr) => cidr.contains(endpoint.address))) return;
    if (!ownEndpoints(options).some((own) => own.equals(endpoint))) observer(endpoint);
  }
}

async function resolve({ hostname, port }: DhtBootstrapOption, signal: AbortSignal): Promise<Endpoint[]> {
  const literal = IpAddress.parse(hostname);
  if (literal !== undefined) return [new Endpoint(literal, port)];
  try {
    const addresses = await Deno.resolveDns(hostname, "A", { signal });
    return addresses.slice(0, MAX_ADDRESSES_EACH)
      .map((address) => IpAddress.parse(address))
      .filter((address) => address !== undefined)
      .map((address) => new Endpoint(address, port));
  } catch {
    // There are others, and another time.
    return [];
  }
}
