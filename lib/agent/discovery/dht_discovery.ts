/**
 * Discovery by the public BitTorrent DHT, for nodes whose options ask for it, and finding out which member, if any, is at
 * an endpoint that it names.
 * @module
 */

import { sleep, type Timers } from "../../base/mod.ts";
import type { AgentOptions, DhtBootstrapOption } from "../../config/mod.ts";
import { Dht, type DhtParts } from "../../discovery/mod.ts";
import { type Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { LocalDatagrams } from "../../transport/mod.ts";
import { ownEndpoints } from "../endpoint_selector.ts";
import type { LinkDialer } from "../links/mod.ts";

/** A host that was just started may have no network yet. */
const RESOLVE_AGAIN_MS = 60_000;
/** Of one name. */
const MAX_ADDRESSES_EACH = 4;
/** More endpoints than this do not wait; the next round finds them again. */
const MAX_WAITING = 32;
/** For whom an endpoint is probed; whoever else is missing is tried in the next round. */
const MAX_MEMBERS_EACH = 16;
/** Probes under way at the same time; an endpoint that swallows everything holds one of them up for seconds. */
const MAX_PROBING = 4;
/** After each probe, whatever came of it. */
const PROBE_PAUSE_MS = 500;
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

/**
 * Probes one endpoint after another, for each member that is missing: of a handshake nobody but the right one learns who
 * is called. An endpoint where nobody listens is left at once.
 */
export class DhtProber {
  readonly #timers: Timers;
  readonly #dialer: Pick<LinkDialer, "missing" | "probe">;
  readonly #onMember: (nodeId: NodeId, endpoint: Endpoint) => void;
  readonly #waiting = new Map<string, Endpoint>();
  readonly #proved = new Map<NodeId, Endpoint>();
  readonly #stop = new AbortController();
  #probing = 0;

  /** @param onMember called when a member has proved that it is at an endpoint */
  constructor(
    timers: Timers,
    dialer: Pick<LinkDialer, "missing" | "probe">,
    onMember: (nodeId: NodeId, endpoint: Endpoint) => void,
  ) {
    this.#timers = timers;
    this.#dialer = dialer;
    this.#onMember = onMember;
  }

  /** Has an endpoint probed after those that wait; when 32 do, it is dropped. */
  add(endpoint: Endpoint): void {
    if (this.#stop.signal.aborted || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(endpoint.toString(), endpoint);
    if (this.#probing < MAX_PROBING) void this.#probeAll();
  }

  /** @returns where a member was last found, one endpoint at most */
  endpointsOf(nodeId: NodeId): Endpoint[] {
    const endpoint = this.#proved.get(nodeId);
    return endpoint === undefined ? [] : [endpoint];
  }

  close(): void {
    this.#stop.abort();
    this.#waiting.clear();
  }

  async #probeAll(): Promise<void> {
    this.#probing++;
    // What is added meanwhile comes in the same loop, and what another one has taken does not.
    for (const [key, endpoint] of this.#waiting) {
      this.#waiting.delete(key);
      await this.#probeAt(endpoint);
    }
    this.#probing--;
  }

  async #probeAt(endpoint: Endpoint): Promise<void> {
    const { signal } = this.#stop;
    for (const nodeId of this.#dialer.missing().slice(0, MAX_MEMBERS_EACH)) {
      const outcome = await this.#dialer.probe(nodeId, endpoint);
      if (signal.aborted) return;
      if (outcome === "linked") {
        this.#proved.set(nodeId, endpoint);
        this.#onMember(nodeId, endpoint);
        return;
      }
      await sleep(this.#timers, PROBE_PAUSE_MS, signal);
      if (outcome === "nobody" || signal.aborted) return;
    }
  }
}
