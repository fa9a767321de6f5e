/**
 * A site: a LAN behind a router, which may translate addresses, filter, map ports on request, and serve a proxy.
 * @module
 */

import type { CapturedProcess } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";
import { startConnectProxy } from "../programs.ts";
import type { Core } from "./core.ts";
import { type NatBehaviour, natRules } from "./nat_rules.ts";
import {
  Cable,
  type FamilyReachability,
  type Filtering,
  ipBatch,
  loadRules,
  type Mapping,
  type Network,
  type Plugged,
  type Reachability,
  ROUTER_PARAMETERS,
  setParameters,
} from "./network.ts";
import { startPortMapper } from "./port_mapper.ts";

/** What a site is made of. */
export interface SiteOptions {
  /** The translation of IPv4; without it the hosts have global addresses. */
  readonly nat?: NatBehaviour;
  /** Whether hosts have global IPv6 addresses; no unless told. */
  readonly hasIpv6?: boolean;
  /** Whether nobody outside may begin; yes unless told. */
  readonly isFirewalled?: boolean;
  /** What may leave; anything unless told. */
  readonly outbound?: "anything" | "tcp" | "nothing";
  /** Whether the router maps ports by PCP, NAT-PMP and UPnP; needs `miniupnpd`. */
  readonly hasPortMapping?: boolean;
  /** Whether a proxy with CONNECT stands in the LAN. */
  readonly hasProxy?: boolean;
  /** Of the link to the Internet, 1,500 unless told; of a smaller one no ICMP tells. */
  readonly mtuBytes?: number;
  /** Whether another NAT, with the same behaviour, is between the site and the Internet. */
  readonly isBehindCarrier?: boolean;
  /** Whether it is such a carrier. */
  readonly isCarrier?: boolean;
  /** Seconds after which the router forgets a mapping of UDP; 120 unless told. */
  readonly mappingSeconds?: number;
  /** Of the LAN, the first three bytes; 192.168.1 unless told, as in many homes at once. */
  readonly lanPrefix?: string;
}

/** What a site is built with. */
export interface SiteSurroundings {
  readonly core: Core;
  /** Where its router is connected. */
  readonly upstream: Network;
  /** The router's own. */
  readonly namespace: NetworkNamespace;
  /** For configurations. */
  readonly folder: string;
}

/**
 * ```
 *   host eth0 ─┐
 *   host eth0 ─┼─ lan (a bridge) router wan ─ upstream
 * ```
 */
export class Site implements Network, AsyncDisposable {
  readonly label: string;
  readonly #options: SiteOptions;
  readonly #surroundings: SiteSurroundings;
  readonly #router: NetworkNamespace;
  readonly #wan: Cable;
  /** The inside address of each host that was here, in the order in which they came. */
  readonly #hosts = new Map<Cable, string>();
  #processes: CapturedProcess[] = [];
  #uplink: Plugged | undefined;
  #mappingSeconds: number;
  #generation = 0;

  private constructor(label: string, options: SiteOptions, surroundings: SiteSurroundings) {
    this.label = label;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#router = surroundings.namespace;
    this.#wan = new Cable(surroundings.namespace, "wan");
    this.#mappingSeconds = options.mappingSeconds ?? 120;
  }

  /** Builds the router and connects it. */
  static async create(label: string, options: SiteOptions, surroundings: SiteSurroundings): Promise<Site> {
    const site = new Site(label, options, surroundings);
    try {
      await site.#build();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The outside address; of a router that translates nothing, its own. */
  get address4(): string | undefined {
    return this.#uplink?.addresses.address4;
  }

  /** What hosts need to get out. */
  get environment(): Readonly<Record<string, string>> {
    const proxy = `http://${this.#routerAddress}:${PROXY_PORT}`;
    return this.#options.hasProxy === true ? { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } : {};
  }

  /** Where the router is, for example to count what passes it. */
  get namespace(): NetworkNamespace {
    return this.#router;
  }

  /** Loses all mappings and connections, as in a power cut, and gives other ports from then on. */
  async reboot(): Promise<void> {
    this.#generation++;
    await this.#endProcesses();
    await this.#loadRules();
    await this.#startProcesses();
  }

  /** Gets another outside address, and loses all mappings. @throws Error where hosts have global addresses */
  async renumber(): Promise<void> {
    if (this.#options.nat === undefined) throw new Error(`${this.label} has no address of its own`);
    this.#uplink = await this.#surroundings.upstream.plug(this.#wan);
    await this.reboot();
  }

  /** Has the router forget mappings of UDP that nothing has passed for so long. */
  async setMappingSeconds(seconds: number): Promise<void> {
    this.#mappingSeconds = seconds;
    await this.#setTimeouts();
    await this.#loadRules();
  }

  /** Connects a host to the LAN. */
  async plug(cable: Cable): Promise<Plugged> {
    const { nat, hasIpv6 = false } = this.#options;
    // Whoever comes back gets the address that it had.
    const former = [...this.#hosts.keys()].indexOf(cable);
    const number = former >= 0 ? former + 1 : this.#hosts.size + 1;
    if (number > MOST_HOSTS) throw new RangeError(`${this.label} has ${MOST_HOSTS} hosts already`);
    const near = cable.interfaceName;
    const port = `port${number}`;
    await cable.plugInto(this.#router, port, LAN_MTU_BYTES);
    const address4 = this.#hosts.get(cable) ??
      (nat === undefined
        ? await this.#surroundings.core.route(this.#wan, "192.0.2")
        : `${this.#lanPrefix}.${FIRST_HOST + number - 1}`);
    const prefix6 = this.#prefix6;
    const address6 = hasIpv6 && prefix6 !== undefined ? `${prefix6}::${number + 1}` : undefined;
    this.#hosts.set(cable, address4);
    await ipBatch(this.#router, [
      `link set ${port} master lan`,
      ...nat === undefined ? [`route replace ${address4}/32 dev lan`] : [],
    ]);
    await ipBatch(cable.namespace, [
      `addr add ${address4}/${nat === undefined ? 32 : 24} dev ${near}`,
      `route replace default via ${this.#routerAddress} dev ${near} onlink`,
      ...address6 === undefined ? [] : [
        `addr add ${address6}/64 dev ${near} nodad`,
        `route replace ::/0 via ${prefix6}::ffff dev ${near}`,
      ],
    ]);
    await this.#loadRules();
    return { addresses: { address4, address6 }, reachability: this.#reachability };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endProcesses();
  }

  get #reachability(): Reachability {
    const { nat, hasIpv6 = false, isFirewalled = true, outbound, hasPortMapping = false } = this.#options;
    const outside = this.#uplink?.reachability;
    const filtering = isFirewalled ? "address-and-port-dependent" : "endpoint-independent";
    return {
      lan: this,
      ipv4: narrower(nat ?? { mapping: undefined, filtering }, outside?.ipv4),
      ipv6: hasIpv6 ? narrower({ mapping: undefined, filtering }, outside?.ipv6) : undefined,
      hasUdp: (outbound ?? "anything") === "anything" && outside?.hasUdp === true,
      // A router behind another NAT opens ports that nobody reaches.
      hasPortMapping: hasPortMapping && outside?.ipv4?.mapping === undefined,
    };
  }

  get #lanPrefix(): string {
    return this.#options.lanPrefix ?? "192.168.1";
  }

  get #routerAddress(): string {
    return `${this.#lanPrefix}.1`;
  }

  /** The first 64 bits. */
  get #prefix6(): string | undefined {
    return this.#uplink?.addresses.address6?.replace(/::1$/, ":1");
  }

  async #build(): Promise<void> {
    await setParameters(this.#router, { ...ROUTER_PARAMETERS, ...BRIDGE_PARAMETERS });
    this.#uplink = await this.#surroundings.upstream.plug(this.#wan);
    await ipBatch(this.#router, [
      `link add lan type bridge`,
      `link set lan mtu ${LAN_MTU_BYTES} addrgenmode none`,
      `addr add ${this.#routerAddress}/24 dev lan`,
      "link set lan up",
      ...this.#options.hasIpv6 === true ? [`addr add ${this.#prefix6}::ffff/64 dev lan nodad`] : [],
    ]);
    await this.#loadRules();
    await this.#setTimeouts();
    await this.#startProcesses();
  }

  async #loadRules(): Promise<void> {
    const { nat, outbound, isFirewalled, mtuBytes, hasPortMapping } = this.#options;
    await loadRules(
      this.#router,
      natRules({
        nat,
        outbound: outbound ?? "anything",
        isFirewalled: isFirewalled ?? true,
        hidesPathMtu: mtuBytes !== undefined,
        hasPortMapping: hasPortMapping ?? false,
        mappingSeconds: this.#mappingSeconds,
        insideAddresses: [...this.#hosts.values()],
        isCarrier: this.#options.isCarrier ?? false,
        generation: this.#generation,
      }),
    );
  }

  /** The parameters exist once connections are tracked. */
  async #setTimeouts(): Promise<void> {
    const names = ["udp_timeout", "udp_timeout_stream"].map((name) => `net.netfilter.nf_conntrack_${name}`);
    await setParameters(this.#router, Object.fromEntries(names.map((name) => [name, this.#mappingSeconds])));
  }

  async #startProcesses(): Promise<void> {
    const { hasProxy, hasPortMapping } = this.#options;
    if (hasProxy === true) {
      this.#processes.push(await startConnectProxy(this.#router, this.#routerAddress, PROXY_PORT));
    }
    if (hasPortMapping === true) {
      this.#processes.push(await startPortMapper(this.#router, this.#surroundings.folder));
    }
  }

  async #endProcesses(): Promise<void> {
    const ended = this.#processes;
    this.#processes = [];
    await Promise.all(ended.map((process) => process[Symbol.asyncDispose]()));
  }
}

/** @returns what is left where datagrams pass both */
function narrower(
  inner: FamilyReachability,
  outer: FamilyReachability | undefined,
): FamilyReachability | undefined {
  if (outer === undefined) return undefined;
  const worst = <T>(order: readonly T[]) => (a: T, b: T) => order.indexOf(a) > order.indexOf(b) ? a : b;
  return {
    mapping: worst(MAPPINGS)(inner.mapping, outer.mapping),
    filtering: worst(FILTERINGS)(inner.filtering, outer.filtering),
  };
}

/** From what lets most through to what lets least. */
const MAPPINGS: readonly (Mapping | undefined)[] = [
  undefined,
  "endpoint-independent",
  "address-and-port-dependent",
];
const FILTERINGS: readonly Filtering[] = [
  "endpoint-independent",
  "address-dependent",
  "address-and-port-dependent",
];

const LAN_MTU_BYTES = 1500;
/** The last byte of the first host's address. */
const FIRST_HOST = 10;
const MOST_HOSTS = 7;
const PROXY_PORT = 3128;
/** Frames within the LAN are nobody's matter. */
const BRIDGE_PARAMETERS = {
  "net.bridge.bridge-nf-call-iptables": 0,
  "net.bridge.bridge-nf-call-ip6tables": 0,
};
