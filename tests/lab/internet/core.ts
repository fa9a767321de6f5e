/**
 * The Internet's core: one router to which everybody has a link of their own.
 * @module
 */

import type { NetworkNamespace } from "../namespace.ts";
import {
  type Cable,
  ipBatch,
  loadRules,
  type Network,
  type Plugged,
  ROUTER_PARAMETERS,
  setParameters,
  UNFILTERED,
} from "./network.ts";
import { KEEP_PATH_MTU_BACK } from "./nat_rules.ts";

/** Those of documentation (RFC 5737 §3) for hosts, carriers and sites, and one that is reserved for nobody. */
export type AddressPool = "192.0.2" | "198.51.100" | "203.0.113" | "1.2.3";

/** How somebody is attached to the core. */
export interface LinkOptions {
  readonly families: readonly ("ipv4" | "ipv6")[];
  readonly pool: AddressPool;
  /** Of the link; 1,500 unless told. Where it is smaller, no ICMP tells so. */
  readonly mtuBytes?: number;
}

/** An own interface leads to each link, an address of its own to whoever is behind it. */
export class Core {
  readonly #namespace: NetworkNamespace;
  readonly #taken = new Map<AddressPool, number>();
  /** The interface behind which an address is. */
  readonly #links = new Map<Cable, string>();
  #linkCount = 0;

  private constructor(namespace: NetworkNamespace) {
    this.#namespace = namespace;
  }

  /** Makes a core out of an empty namespace. */
  static async create(namespace: NetworkNamespace): Promise<Core> {
    await setParameters(namespace, ROUTER_PARAMETERS);
    await ipBatch(namespace, [`addr add ${GATEWAY4}/32 dev lo`]);
    await loadRules(namespace, `table inet filter {\n${KEEP_PATH_MTU_BACK}\n}`);
    return new Core(namespace);
  }

  /** @returns what cables can be plugged into */
  network(options: LinkOptions): Network {
    return { label: "the Internet", environment: {}, plug: (cable) => this.#plug(cable, options) };
  }

  /** Sends another IPv4 address to a link. @returns the address */
  async route(cable: Cable, pool: AddressPool): Promise<string> {
    const link = this.#links.get(cable);
    if (link === undefined) throw new Error("The cable is not plugged into the core");
    const address = this.#nextAddress(pool);
    // Whoever has the link answers for its own address alone.
    const mac = (await cable.namespace.expectRun(["cat", `/sys/class/net/${cable.interfaceName}/address`]))
      .trim();
    await ipBatch(this.#namespace, [
      `route add ${address}/32 dev ${link}`,
      `neigh replace ${address} lladdr ${mac} dev ${link} nud permanent`,
    ]);
    return address;
  }

  #nextAddress(pool: AddressPool): string {
    const number = (this.#taken.get(pool) ?? 0) + 1;
    if (number > 250) throw new RangeError(`The pool ${pool} is empty`);
    this.#taken.set(pool, number);
    return `${pool}.${number}`;
  }

  async #plug(cable: Cable, { families, pool, mtuBytes = 1500 }: LinkOptions): Promise<Plugged> {
    const number = ++this.#linkCount;
    const link = `link${number}`;
    const near = cable.interfaceName;
    await cable.plugInto(this.#namespace, link, mtuBytes);
    this.#links.set(cable, link);
    const [has4, has6] = [families.includes("ipv4"), families.includes("ipv6")];
    const prefix6 = `2001:db8:${number.toString(16)}`;
    const address4 = has4 ? this.#nextAddress(pool) : undefined;
    const address6 = has6 ? `${prefix6}::1` : undefined;
    await ipBatch(this.#namespace, [
      ...has4 ? [`route add ${address4}/32 dev ${link}`] : [],
      ...has6
        ? [`addr add fe80::1/64 dev ${link} nodad`, `route add ${prefix6}::/48 via fe80::2 dev ${link}`]
        : [],
    ]);
    await ipBatch(cable.namespace, [
      ...has4
        ? [`addr add ${address4}/32 dev ${near}`, `route replace default via ${GATEWAY4} dev ${near} onlink`]
        : [],
      ...has6
        ? [
          `addr add fe80::2/64 dev ${near} nodad`,
          `addr add ${address6}/128 dev ${near} nodad`,
          `route replace ::/0 via fe80::1 dev ${near}`,
        ]
        : [],
    ]);
    return {
      addresses: { address4, address6 },
      reachability: {
        lan: undefined,
        ipv4: has4 ? UNFILTERED : undefined,
        ipv6: has6 ? UNFILTERED : undefined,
        hasUdp: true,
        hasPortMapping: false,
      },
    };
  }
}

const GATEWAY4 = "192.0.2.254";
