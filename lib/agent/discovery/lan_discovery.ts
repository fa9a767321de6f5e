/**
 * Discovery on the networks that this host is in, and reaching a member again that announces itself at another endpoint.
 * @module
 */

import { KeyedRateLimiter } from "../../base/mod.ts";
import { type AgentOptions, DEFAULT_DISCOVERY_PORT } from "../../config/mod.ts";
import { Discovery, type DiscoveryParts, type DiscoveryProvider } from "../../discovery/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { type Cidr, type Endpoint, IpAddress } from "../../net/mod.ts";
import { LanSockets } from "../../transport/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";
import type { HealthWatch } from "../health/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import type { OverlayInterface } from "../overlay/mod.ts";

/** 239.255.42.98, of the block that stays within a site (RFC 2365 §6.1). */
const GROUP = IpAddress.fromBytes(Uint8Array.of(239, 255, 42, 98));
/** Through one router at most. */
const GROUP_TTL = 2;
/** Each member may announce another endpoint 3 times at once, then every 5 s. */
const LIMITS = { burst: 3, everyMs: 5_000, maxSources: 1_024 };
/** A path that works answers sooner. */
const ANSWER_MS = 2_000;

/** Who announces itself, and who receives what others announce. */
interface LanDiscoveryParts extends Omit<DiscoveryParts, "socket" | "providers"> {
  /** Knows which devices lead into overlay networks. */
  readonly endpoints?: Pick<EndpointSelector, "overlayDevices">;
  readonly options: AgentOptions;
  /** The overlay's prefixes: nothing is announced in the overlay itself. */
  readonly overlay: readonly Cidr[];
}

/** Announces by multicast, by broadcast and to the peers that the options name, by the runtime's own sockets. */
export class LanDiscovery {
  /** By which ways it announces, for people. */
  readonly providers: readonly string[];
  /** Who has announced itself. */
  readonly discovery: Discovery;
  readonly #sockets: LanSockets;

  private constructor(sockets: LanSockets, parts: LanDiscoveryParts) {
    const { options: { discoveryPeers } } = parts;
    const providers: DiscoveryProvider[] = [
      { name: "multicast", announce: (datagram) => sockets.multicast(datagram) },
      { name: "broadcast", announce: (datagram) => sockets.broadcast(datagram) },
    ];
    if (discoveryPeers.length > 0) {
      providers.push({
        name: "static",
        announce: (datagram) => discoveryPeers.forEach((peer) => sockets.send(datagram, peer)),
      });
    }
    this.providers = providers.map(({ name }) => name);
    this.#sockets = sockets;
    this.discovery = new Discovery({ ...parts, socket: sockets, providers });
  }

  /** @returns undefined when the options say no, or when this host lets nobody listen, which the log says */
  static async start(parts: LanDiscoveryParts): Promise<LanDiscovery | undefined> {
    const { options, overlay, log } = parts;
    if (!options.discovery) return undefined;
    try {
      const sockets = await LanSockets.open({
        port: DEFAULT_DISCOVERY_PORT,
        group: GROUP,
        ttl: GROUP_TTL,
        interfaces: () => callableAddresses(options, overlay, parts.endpoints?.overlayDevices() ?? new Set()),
      });
      const lan = new LanDiscovery(sockets, parts);
      lan.discovery.start();
      return lan;
    } catch (error) {
      log.warn("discovery is off", { port: DEFAULT_DISCOVERY_PORT, error });
      return undefined;
    }
  }

  /** Follows this host's addresses; new ones are announced at once. */
  async followInterfaces(): Promise<void> {
    if (await this.#sockets.refresh()) this.discovery.handleChange();
  }

  /** Says goodbye and closes. @returns when the goodbye has gone out */
  async close(): Promise<void> {
    // From an address that is gone nothing can be sent, and a goodbye from another one is believed after a greeting.
    await this.followInterfaces();
    await this.#sockets.flush();
    await this.discovery.close();
  }
}

/** IPv4 alone: there is no broadcast in IPv6, and who has only that needs endpoints in the token. */
function callableAddresses(
  { interfaceName }: AgentOptions,
  overlay: readonly Cidr[],
  overlayDevices: ReadonlySet<string>,
): IpAddress[] {
  return Deno.networkInterfaces()
    .filter(({ name, family }) => family === "IPv4" && name !== interfaceName && !overlayDevices.has(name))
    .map(({ address }) => IpAddress.parse(address))
    .filter((address) => address !== undefined)
    .filter((address) => !address.isLoopback && !overlay.some((cidr) => cidr.contains(address)));
}

interface MovedMembersParts extends AgentContext {
  readonly messages: MessagePlane;
  readonly health: HealthWatch;
  /** Absent without a packet plane. */
  readonly overlay: OverlayInterface | undefined;
}

/**
 * Tries the endpoint that a member announces when the path by which it was reached is dead. Whoever is there proves itself
 * by the handshake, as everywhere; a path that works is never given up for an announcement.
 */
export class MovedMembers {
  readonly #parts: MovedMembersParts;
  readonly #limiter = new KeyedRateLimiter(LIMITS);

  constructor(parts: MovedMembersParts) {
    this.#parts = parts;
  }

  /** Follows one announcement; those of no member, and those that come too often, are left alone. */
  async follow(nodeId: string, endpoint: Endpoint): Promise<void> {
    const { clock, mesh: { roster, identity } } = this.#parts;
    const member = roster.get(nodeId as NodeId)?.record.nodeId;
    if (member === undefined || member === identity.id) return;
    if (!this.#limiter.allows(clock.now(), nodeId)) return;
    await Promise.all([this.#followLink(member), this.#followTunnel(member, endpoint)]);
  }

  async #followLink(nodeId: NodeId): Promise<void> {
    const { messages, health } = this.#parts;
    if (messages.links.get(nodeId) !== undefined) {
      if (await health.askLink(nodeId, ANSWER_MS) !== undefined) return;
      // It would be taken for alive for half a minute, and nobody be dialled.
      messages.links.close(nodeId, "you are somewhere else");
    }
    messages.dialer.redial(nodeId);
  }

  async #followTunnel(nodeId: NodeId, endpoint: Endpoint): Promise<void> {
    const { health, overlay } = this.#parts;
    if (overlay === undefined || await health.askTunnel(nodeId, ANSWER_MS) !== undefined) return;
    overlay.peers.tryAt(nodeId, endpoint);
  }
}
