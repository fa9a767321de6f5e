/**
 * A virtual Internet in network namespaces, with hosts in places of every kind.
 * @module
 */

import { NetworkNamespace } from "../namespace.ts";
import { createScratch, type Scratch } from "../scratch.ts";
import { type AddressPool, Core } from "./core.ts";
import { InternetHost } from "./internet_host.ts";
import { type AttachmentKind, SITES } from "./kinds.ts";
import type { Network } from "./network.ts";
import { Site, type SiteOptions } from "./site.ts";

/**
 * Hosts and routers, each in a network namespace, around one core. This machine's own interfaces, routes and rules are
 * never touched. Disposing it ends all processes inside and removes everything; what a killed test run left is removed
 * when the next namespace is made.
 *
 * ```
 *   open host ───────────────┐
 *   host ─┬─ router (NAT) ───┼─ core 192.0.2.254
 *   host ─┘                  │
 *   host ─ router ─ carrier ─┘
 * ```
 *
 * All namespaces share one table of neighbours, of 1,024 unless the machine is told otherwise; a host takes about two.
 */
export class Internet implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #core: Core;
  readonly #hosts = new Map<string, InternetHost>();
  readonly #shared = new Map<AttachmentKind, Promise<Site>>();
  #siteCount = 0;
  /** A folder that goes away with it. */
  readonly scratch: Scratch;

  private constructor(stack: AsyncDisposableStack, core: Core, scratch: Scratch) {
    this.#stack = stack;
    this.#core = core;
    this.scratch = scratch;
  }

  /** Makes one without hosts. */
  static async create(): Promise<Internet> {
    await using stack = new AsyncDisposableStack();
    const scratch = stack.use(await createScratch("internet"));
    const core = await Core.create(stack.use(await NetworkNamespace.create("core")));
    return new Internet(stack.move(), core, scratch);
  }

  /**
   * Makes one with a host for each name.
   * @example
   * ```ts ignore
   * await using internet = await Internet.of({ leader: "open", a: "double-nat", b: "udp-blocked" });
   * ```
   */
  static async of(hosts: Readonly<Record<string, AttachmentKind>>): Promise<Internet> {
    const internet = await Internet.create();
    try {
      for (const [name, kind] of Object.entries(hosts)) await internet.addHost(name, kind);
      return internet;
    } catch (error) {
      await internet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws RangeError when it has no such host */
  host(name: string): InternetHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new RangeError(`The Internet has no host ${name}`);
    return host;
  }

  /** @returns whether there is a host of that name */
  hasHost(name: string): boolean {
    return this.#hosts.has(name);
  }

  /** Hands something over that is disposed of before the hosts are. */
  use<T extends AsyncDisposable | Disposable>(thing: T): T {
    return this.#stack.use(thing);
  }

  /** Adds a host. @param where a kind, of which a place is made, or where another host is too */
  async addHost(name: string, where: AttachmentKind | Network): Promise<InternetHost> {
    if (this.#hosts.has(name)) throw new RangeError(`The Internet has a host ${name} already`);
    const host = new InternetHost(name, await this.#addPlace(name));
    this.#hosts.set(name, host);
    await host.moveTo(typeof where === "string" ? await this.network(where) : where);
    return host;
  }

  /** Gives an open host one more IPv4 address. @returns the address */
  async addAddress(host: InternetHost): Promise<string> {
    const address = await this.#core.route(host.cable, "192.0.2");
    await host.namespace.ip(`addr add ${address}/32 dev eth0`);
    return address;
  }

  /** @returns what a host of this kind is attached to: a new place, of `same-lan` always the same */
  async network(kind: AttachmentKind): Promise<Network> {
    const site = SITES[kind];
    if (site === undefined) {
      const families = kind === "ipv6-only" ? ["ipv6"] as const : ["ipv4", "ipv6"] as const;
      return this.#core.network({ families, pool: "192.0.2" });
    }
    if (kind !== "same-lan") return await this.addSite(kind, site);
    const shared = this.#shared.get(kind) ?? this.addSite(kind, site);
    this.#shared.set(kind, shared);
    return await shared;
  }

  /** Adds a site of its own making. @param name for messages */
  async addSite(name: string, options: SiteOptions): Promise<Site> {
    const { nat, isBehindCarrier = false, hasIpv6 = false, mtuBytes, hasPortMapping = false } = options;
    // The documentation's addresses are reserved, and a port mapper refuses those; nobody is at these (APNIC's, for research).
    const pool: AddressPool = hasPortMapping ? "1.2.3" : isBehindCarrier ? "198.51.100" : "203.0.113";
    const families = hasIpv6 ? ["ipv4", "ipv6"] as const : ["ipv4"] as const;
    const link = { families, pool, ...mtuBytes === undefined ? {} : { mtuBytes } };
    let upstream = this.#core.network(link);
    if (isBehindCarrier && nat !== undefined) {
      upstream = await this.#buildSite(
        `${name} carrier`,
        { nat, lanPrefix: "100.64.0", isCarrier: true },
        upstream,
      );
    }
    return await this.#buildSite(name, options, upstream);
  }

  async #buildSite(name: string, options: SiteOptions, upstream: Network): Promise<Site> {
    const place = await this.#addPlace(`router-${++this.#siteCount}`);
    return this.#stack.use(await Site.create(name, options, { core: this.#core, upstream, ...place }));
  }

  /** Makes a namespace and a folder. */
  async #addPlace(name: string): Promise<{ namespace: NetworkNamespace; folder: string }> {
    const namespace = this.#stack.use(await NetworkNamespace.create(name));
    const folder = `${this.scratch.path}/${name}`;
    await Deno.mkdir(folder);
    return { namespace, folder };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
