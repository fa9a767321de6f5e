/**
 * Discovery on the networks that this host is in.
 * @module
 */

import { type AgentOptions, DEFAULT_DISCOVERY_PORT } from "../../config/mod.ts";
import { Discovery, type DiscoveryParts, type DiscoveryProvider } from "../../discovery/mod.ts";
import { type Cidr, IpAddress } from "../../net/mod.ts";
import { LanSockets } from "../../transport/mod.ts";

/** 239.255.42.98, of the block that stays within a site (RFC 2365 §6.1). */
const GROUP = IpAddress.fromBytes(Uint8Array.of(239, 255, 42, 98));
/** Through one router at most. */
const GROUP_TTL = 2;

/** Who announces itself, and who receives what others announce. */
interface LanDiscoveryParts extends Omit<DiscoveryParts, "socket" | "providers"> {
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
        interfaces: () => callableAddresses(options, overlay),
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
function callableAddresses({ interfaceName }: AgentOptions, overlay: readonly Cidr[]): IpAddress[] {
  return Deno.networkInterfaces()
    .filter(({ name, family }) => family === "IPv4" && name !== interfaceName)
    .map(({ address }) => IpAddress.parse(address))
    .filter((address) => address !== undefined)
    .filter((address) => !address.isLoopback && !overlay.some((cidr) => cidr.contains(address)));
}
