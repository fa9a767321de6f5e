/**
 * What hosts and routers of the virtual Internet are plugged into, and what can be said of them there.
 * @module
 */

import { expectRun } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";

/** Something with a socket in the wall: the Internet itself, or the LAN of a site. */
export interface Network {
  /** What it is called in messages. */
  readonly label: string;
  /** What processes of a host must have in their environment here, such as a proxy. */
  readonly environment: Readonly<Record<string, string>>;
  /** Connects the far end of a cable, and gives its near end addresses and routes. */
  plug(cable: Cable): Promise<Plugged>;
}

/** What somebody has who is plugged in. */
export interface Plugged {
  readonly addresses: Addresses;
  readonly reachability: Reachability;
}

/** The addresses of one interface; a family that the network hasn't is undefined. */
export interface Addresses {
  readonly address4: string | undefined;
  readonly address6: string | undefined;
}

/** How a NAT chooses the outside port of an inside one (RFC 4787 §4.1). */
export type Mapping = "endpoint-independent" | "address-and-port-dependent";

/** Whose datagrams a NAT lets in to a mapping (RFC 4787 §5). */
export type Filtering = "endpoint-independent" | "address-dependent" | "address-and-port-dependent";

/** What others may send to a host over one family. */
export interface FamilyReachability {
  /** Undefined where addresses are global. */
  readonly mapping: Mapping | undefined;
  /** `endpoint-independent` where nobody is kept out. */
  readonly filtering: Filtering;
}

/** What decides which hosts can exchange datagrams directly. */
export interface Reachability {
  /** The network itself: two hosts of one LAN need nothing else. */
  readonly lan: Network | undefined;
  readonly ipv4: FamilyReachability | undefined;
  readonly ipv6: FamilyReachability | undefined;
  /** Whether UDP leaves at all. */
  readonly hasUdp: boolean;
  /** Whether the router opens ports when it is asked to. */
  readonly hasPortMapping: boolean;
}

/** The reachability of whom nothing keeps anything from. */
export const UNFILTERED: FamilyReachability = { mapping: undefined, filtering: "endpoint-independent" };

/**
 * A veth pair: the near end is the interface of a host or a router and stays there, the far end is plugged into a network
 * and can be pulled out and plugged in elsewhere.
 */
export class Cable {
  readonly namespace: NetworkNamespace;
  readonly interfaceName: string;
  #far: { namespace: NetworkNamespace; interfaceName: string } | undefined;

  /** @param namespace where the near end appears, as `interfaceName`, when it is first plugged in */
  constructor(namespace: NetworkNamespace, interfaceName: string) {
    this.namespace = namespace;
    this.interfaceName = interfaceName;
  }

  /** Brings the far end into `namespace` under that name. The near end then has no addresses and is up. */
  async plugInto(namespace: NetworkNamespace, interfaceName: string, mtuBytes: number): Promise<void> {
    const near = this.interfaceName;
    if (this.#far === undefined) {
      await namespace.ip(
        `link add ${interfaceName} type veth peer name ${near} netns ${this.namespace.name}`,
      );
    } else {
      await this.unplug();
      const { namespace: former, interfaceName: formerName } = this.#far;
      if (former === namespace) await former.ip(`link set ${formerName} name ${interfaceName}`);
      else await former.ip(`link set ${formerName} netns ${namespace.name} name ${interfaceName}`);
    }
    this.#far = { namespace, interfaceName };
    // No addresses by themselves, so none that must be checked for duplicates first (RFC 4862 §5.4).
    await ipBatch(namespace, [
      `link set ${interfaceName} mtu ${mtuBytes} addrgenmode none`,
      `link set ${interfaceName} up`,
    ]);
    await ipBatch(this.namespace, [
      `link set ${near} mtu ${mtuBytes} addrgenmode none`,
      `link set ${near} up`,
    ]);
  }

  /** Pulls the far end out: the near end has no carrier and no addresses any more. */
  async unplug(): Promise<void> {
    const far = this.#far;
    if (far === undefined) return;
    await ipBatch(far.namespace, [
      `link set ${far.interfaceName} down nomaster`,
      `addr flush dev ${far.interfaceName}`,
    ]);
    await this.namespace.ip(`addr flush dev ${this.interfaceName}`);
  }
}

/** Runs `ip` commands in one process. @throws Error when one fails */
export async function ipBatch(namespace: NetworkNamespace, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  await expectRun(["sh", "-c", 'printf "%s\\n" "$@" | ip -n "$0" -batch -', namespace.name, ...commands]);
}

/** Sets kernel parameters of a namespace. */
export async function setParameters(
  namespace: NetworkNamespace,
  parameters: Readonly<Record<string, string | number>>,
): Promise<void> {
  const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  await namespace.expectRun(["sysctl", "-q", "-w", ...settings]);
}

/** Parameters of everything that routes. */
export const ROUTER_PARAMETERS: Readonly<Record<string, number>> = {
  "net.ipv4.ip_forward": 1,
  "net.ipv6.conf.all.forwarding": 1,
  "net.ipv4.conf.all.rp_filter": 0,
  "net.ipv4.conf.default.rp_filter": 0,
  "net.ipv4.conf.all.send_redirects": 0,
  "net.ipv4.conf.default.send_redirects": 0,
};

/** Replaces all of a namespace's nftables rules at once. */
export async function loadRules(namespace: NetworkNamespace, text: string): Promise<void> {
  await namespace.expectRun(["sh", "-c", 'printf "%s" "$0" | nft -f -', `flush ruleset\n${text}`]);
}
