/**
 * The ports of a running node in the gateways before it: asked for at the start, followed to another network, given back at
 * the stop.
 *
 *     port-mapping/nonce   12 bytes by which a gateway knows this node's mappings, also after a crash
 *
 * @module
 */

import { type Environment, randomBytes, sleep, type StateStore } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { type MappedTransport, NONCE_BYTES, type PortMappingState } from "../../port_mapping/mod.ts";
import type { MappedEndpoints } from "../endpoint_selector.ts";
import { type HostView, hostView, type OwnGateway, ownGateways } from "./gateway.ts";
import { GatewayMapping, type GatewayMappingParts } from "./gateway_mapping.ts";

const COLLECTION = "port-mapping";
const NONCE = "nonce";
/** As long as most gateways take by the last of the protocols. */
const SETTLE_MS = 3_000;
const SETTLE_LOOK_MS = 20;

/** A gateway that is being asked. */
export type OpenMapping = Pick<GatewayMapping, "gateway" | "state" | "drops" | "close">;

/** Whose port it is, and who is told. */
export interface PortMappingParts extends Pick<Environment, "clock" | "timers" | "random" | "log"> {
  readonly options: AgentOptions;
  readonly store: StateStore;
  /** The names of devices that lead into overlay networks. */
  readonly overlayDevices: () => ReadonlySet<string>;
  /** Told when `endpoints` may have changed. */
  readonly onChange: () => void;
  /** This host; a test has another. */
  readonly host?: HostView;
  /** Asks a gateway; a test has its own. */
  readonly open?: (parts: GatewayMappingParts) => OpenMapping;
}

/** What one gateway was brought to. */
export interface GatewayState {
  readonly gateway: OwnGateway;
  readonly state: PortMappingState;
}

/** Keeps the node's port mapped in whichever gateway its host is behind. */
export class PortMapping {
  readonly #parts: PortMappingParts;
  readonly #host: HostView;
  #mappings: readonly OpenMapping[] = [];
  #isClosed = false;

  private constructor(parts: PortMappingParts) {
    this.#parts = parts;
    const { options: { interfaceName }, overlayDevices } = parts;
    this.#host = parts.host ??
      hostView((name) => name === interfaceName || overlayDevices().has(name));
  }

  /** Begins, and waits for nothing. @returns undefined, and sends nothing, when the options say so */
  static start(parts: PortMappingParts): PortMapping | undefined {
    if (!mayMap(parts.options)) return undefined;
    const mapping = new PortMapping(parts);
    mapping.follow();
    return mapping;
  }

  /** What is mapped now. */
  get endpoints(): MappedEndpoints {
    const ports = this.#mappings.map(({ state }) => state.kind === "mapped" ? state.ports : {});
    const those = (transport: MappedTransport) =>
      ports.map((port) => port[transport]).filter((endpoint): endpoint is Endpoint => endpoint !== undefined);
    return { packets: those("udp"), channels: those("tcp") };
  }

  /** How each gateway stands; none when this host is behind none. */
  get gateways(): readonly GatewayState[] {
    return this.#mappings.map(({ gateway, state }) => ({ gateway, state }));
  }

  /** @returns once each gateway has opened the port, or won't, or after 3 s */
  async settled(): Promise<void> {
    const late = new AbortController();
    const isAsked = () => this.#mappings.some(({ state }) => state.kind === "asking");
    const { clock, timers } = this.#parts;
    for (const until = clock.now() + SETTLE_MS; isAsked() && clock.now() < until;) {
      await sleep(timers, SETTLE_LOOK_MS, late.signal);
    }
  }

  /** @returns how much was dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const mapping of this.#mappings) {
      for (const [reason, count] of Object.entries(mapping.drops())) sum[reason] = (sum[reason] ?? 0) + count;
    }
    return sum;
  }

  /** Looks where this host is now; to be called every few seconds. */
  follow(): void {
    if (this.#isClosed) return;
    const gateways = ownGateways(this.#host);
    const kept = this.#mappings.filter(({ gateway }) => gateways.some((other) => isSame(gateway, other)));
    // The former gateway can't be reached from here; what stands in it expires.
    for (const mapping of this.#mappings) if (!kept.includes(mapping)) void mapping.close();
    const fresh = gateways.filter((gateway) => !kept.some((mapping) => isSame(mapping.gateway, gateway)));
    const hasChanged = fresh.length > 0 || kept.length < this.#mappings.length;
    this.#mappings = [...kept, ...fresh.flatMap((gateway) => this.#open(gateway) ?? [])];
    if (hasChanged) this.#parts.onChange();
  }

  /** Gives everything back. Harmless when repeated. @returns when that is done, or after 3 s */
  async close(): Promise<void> {
    this.#isClosed = true;
    const mappings = this.#mappings;
    this.#mappings = [];
    await Promise.all(mappings.map((mapping) => mapping.close()));
  }

  #open(gateway: OwnGateway): OpenMapping | undefined {
    const { options: { port, rootless, testTimers }, log, open } = this.#parts;
    const { portMappingLifetimeMs } = testTimers;
    const parts = (): GatewayMappingParts => ({
      ...this.#parts,
      ...gateway,
      port,
      nonce: this.#nonce(),
      // Channels alone need no UDP.
      transports: rootless ? ["tcp"] : ["udp", "tcp"],
      ...portMappingLifetimeMs !== undefined && { lifetimeSeconds: portMappingLifetimeMs / 1000 },
      onChange: () => this.#handleChange(),
    });
    try {
      return open === undefined ? new GatewayMapping(parts()) : open(parts());
    } catch (error) {
      // The address has just gone, or the disk is full; the next look may find it otherwise.
      log.debug("cannot ask the gateway for a port", { error });
      return undefined;
    }
  }

  /** @throws StateError */
  #nonce(): Uint8Array {
    const { store, random } = this.#parts;
    const kept = store.get(COLLECTION, NONCE);
    if (kept?.length === NONCE_BYTES) return kept;
    const nonce = randomBytes(random, NONCE_BYTES);
    store.put(COLLECTION, NONCE, nonce);
    return nonce;
  }

  #handleChange(): void {
    if (this.#isClosed) return;
    const { log, onChange } = this.#parts;
    for (const { gateway: { gateway }, state } of this.gateways) {
      if (state.kind === "mapped") {
        const { protocol, ports: { udp, tcp } } = state;
        log.info("a port is open in the gateway", {
          from: `${gateway}`,
          protocol,
          udp: `${udp}`,
          tcp: `${tcp}`,
        });
      }
      if (state.kind === "unmapped") log.debug("no port is open in the gateway", { ...state.failures });
    }
    onChange();
  }
}

/**
 * Whether a gateway is asked at all: not by nodes that call out to no neighbours, of which the gateway is one, nor by those
 * that meet on the loopback.
 */
export function mayMap(
  { portMapping, discovery, endpoints }: Pick<AgentOptions, "portMapping" | "discovery" | "endpoints">,
): boolean {
  const isOnLoopback = endpoints.some((endpoint) =>
    endpoint instanceof Endpoint && endpoint.address.isLoopback
  );
  return portMapping !== "off" && discovery && !isOnLoopback;
}

function isSame(a: OwnGateway, b: OwnGateway): boolean {
  return a.gateway.equals(b.gateway) && a.local.equals(b.local) && a.zone === b.zone;
}
