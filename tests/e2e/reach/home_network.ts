/**
 * A home: a host behind a router with NAT, and a host on the Internet that the router joins it with.
 * @module
 */

import { IpAddress } from "../../../lib/net/mod.ts";
import { type CapturedProcess, Lab, NetworkNamespace, waitFor } from "../../lab/mod.ts";

/** What its making needs, beside namespaces. */
export const MAPPING_TOOLS: readonly string[] = ["miniupnpd", "nft", "ss", "sysctl"];

/** How the router does it. */
export interface HomeOptions {
  /** What `miniupnpd` is to speak; nothing runs there when it is absent. */
  readonly speaks?: {
    readonly upnp: boolean;
    readonly natPmp: boolean;
    readonly igd1?: boolean;
    /** Whether IPv6 too, of whose addresses none is translated: its ports are holes in the firewall. */
    readonly ipv6?: boolean;
  };
  /** A rule of nftables for what comes to the router's own UDP ports from inside, such as `@th,64,8 2 drop`. */
  readonly filter?: string;
}

/**
 * ```
 *   home eth0 192.168.77.2 ── 192.168.77.1 lan0 router wan0 11.22.33.1 ── 11.22.33.2 eth0 outside
 * ```
 *
 * The outside addresses are such as hosts of the Internet have, for a gateway's private address is worth nothing; no packet
 * leaves the namespaces. What comes from outside is dropped unless it belongs to what went out, or to a mapping.
 */
export class HomeNetwork implements AsyncDisposable {
  static readonly ROUTER = "192.168.77.1";
  static readonly HOME = "192.168.77.2";
  static readonly PUBLIC = "11.22.33.1";
  static readonly OUTSIDE = "11.22.33.2";
  static readonly ROUTER6 = "2600:77::1";
  static readonly HOME6 = "2600:77::2";
  static readonly PUBLIC6 = "2600:33::1";
  static readonly OUTSIDE6 = "2600:33::2";
  readonly lab: Lab;
  readonly home: NetworkNamespace;
  readonly router: NetworkNamespace;
  readonly outside: NetworkNamespace;
  /** The daemon of the router, while it runs. */
  daemon: CapturedProcess | undefined;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    lab: Lab,
    namespaces: readonly [NetworkNamespace, NetworkNamespace, NetworkNamespace],
  ) {
    this.#stack = stack;
    this.lab = lab;
    [this.home, this.router, this.outside] = namespaces;
  }

  static async create(options: HomeOptions = {}): Promise<HomeNetwork> {
    await using stack = new AsyncDisposableStack();
    const lab = stack.use(await Lab.create([]));
    const [home, router, outside] = [
      stack.use(await NetworkNamespace.create("home")),
      stack.use(await NetworkNamespace.create("router")),
      stack.use(await NetworkNamespace.create("outside")),
    ];
    const network = new HomeNetwork(stack.move(), lab, [home, router, outside]);
    try {
      await network.#build(options.filter);
      if (options.speaks?.ipv6 === true) await network.#addIpv6();
      await network.setDaemon(options.speaks);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** Hands something over that is disposed of before the hosts are. */
  use<T extends AsyncDisposable | Disposable>(thing: T): T {
    return this.#stack.use(thing);
  }

  /** Ends the router's daemon, and starts another one. */
  async setDaemon(speaks: HomeOptions["speaks"]): Promise<void> {
    await this.daemon?.[Symbol.asyncDispose]();
    this.daemon = undefined;
    if (speaks === undefined) return;
    const path = `${this.lab.scratch.path}/miniupnpd`;
    await Deno.writeTextFile(
      `${path}.conf`,
      [
        "ext_ifname=wan0",
        "listening_ip=lan0",
        `enable_upnp=${speaks.upnp ? "yes" : "no"}`,
        `enable_natpmp=${speaks.natPmp ? "yes" : "no"}`,
        `ipv6_disable=${speaks.ipv6 === true ? "no" : "yes"}`,
        "min_lifetime=4",
        "max_lifetime=7200",
        "upnp_table_name=home",
        "upnp_nat_table_name=home",
        `lease_file=${path}.leases`,
        "secure_mode=yes",
        "system_uptime=no",
        "notify_interval=3600",
        "uuid=3f2a91c0-0000-4000-8000-000000000001",
        `force_igd_desc_v1=${speaks.igd1 === true ? "yes" : "no"}`,
        "allow 1024-65535 192.168.77.0/24 1024-65535",
        "deny 0-65535 0.0.0.0/0 0-65535",
      ].join("\n") + "\n",
    );
    await Deno.writeTextFile(`${path}.leases`, "");
    const command = ["miniupnpd", "-d", "-f", `${path}.conf`, "-P", `${path}.pid`];
    const daemon = this.use(this.router.spawn(command, { label: "miniupnpd" }));
    this.daemon = daemon;
    await daemon.until(
      async () => {
        const sockets = await this.router.expectRun(["ss", "-Hlnu"]);
        return (!speaks.natPmp || /:5351\s/.test(sockets)) && (!speaks.upnp || /:1900\s/.test(sockets));
      },
      10_000,
      "it listens",
    );
  }

  /** @returns what the router maps, `udp 51820 192.168.77.2:51820`, as its rules say */
  async mappings(): Promise<readonly string[]> {
    const text = await this.router.expectRun([
      "nft",
      "-n",
      "list",
      "chain",
      "inet",
      "home",
      "prerouting_miniupnpd",
    ]);
    return text.split("\n").flatMap((line) => {
      const protocol = /\b(?:nfproto ipv4 )?(?:@th|(tcp|udp)) dport (\d+).* dnat (?:ip )?to ([\d.:]+)/.exec(
        line,
      );
      if (protocol !== null) return [`${protocol[1]} ${protocol[2]} ${protocol[3]}`];
      return /dnat/.test(line) ? [line.trim()] : [];
    }).sort();
  }

  /** @returns the holes in the router's firewall for IPv6, `tcp 51820 2600:77::2`, as its rules say */
  async pinholes(): Promise<readonly string[]> {
    const chain = ["list", "chain", "inet", "home", "miniupnpd"];
    const text = await this.router.expectRun(["nft", "-n", ...chain]);
    // RFC 8200 §3: next header at bit 48, destination at 192; RFC 791 numbers the protocols.
    const rule = /th dport (\d+) @nh,192,128 0x([0-9a-f]{32}) @nh,48,8 0x(6|11)\b/g;
    return [...text.matchAll(rule)].map(([, port, address = "", protocol]) => {
      const groups = address.match(/.{4}/g)?.join(":") ?? "";
      return `${protocol === "6" ? "tcp" : "udp"} ${port} ${IpAddress.parse(groups)}`;
    }).sort();
  }

  /** @returns when each mapping ends, in seconds since 1970, by `UDP:51820` */
  async leases(): Promise<ReadonlyMap<string, number>> {
    const text = await Deno.readTextFile(`${this.lab.scratch.path}/miniupnpd.leases`);
    return new Map(
      text.split("\n").filter((line) => line !== "").map((line) => {
        const [protocol, port, , , ends] = line.split(":");
        return [`${protocol}:${port}`, Number(ends)];
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #addIpv6(): Promise<void> {
    const { home, router, outside } = this;
    await router.ip(
      `addr add ${HomeNetwork.ROUTER6}/64 dev lan0 nodad`,
      `addr add ${HomeNetwork.PUBLIC6}/64 dev wan0 nodad`,
    );
    for (
      const [host, own, gateway] of [
        [home, HomeNetwork.HOME6, HomeNetwork.ROUTER6],
        [outside, HomeNetwork.OUTSIDE6, HomeNetwork.PUBLIC6],
      ] as const
    ) {
      await host.ip(`addr add ${own}/64 dev eth0 nodad`);
      await host.expectRun(["ip", "-6", "route", "add", "default", "via", gateway]);
    }
    await router.expectRun(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]);
  }

  async #build(filter: string | undefined): Promise<void> {
    const { home, router, outside } = this;
    await router.ip(
      `link add lan0 type veth peer name eth0 netns ${home.name}`,
      `link add wan0 type veth peer name eth0 netns ${outside.name}`,
      `addr add ${HomeNetwork.ROUTER}/24 dev lan0`,
      `addr add ${HomeNetwork.PUBLIC}/24 dev wan0`,
      "link set lan0 up",
      "link set wan0 up",
    );
    await home.ip(
      `addr add ${HomeNetwork.HOME}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${HomeNetwork.ROUTER}`,
    );
    await outside.ip(`addr add ${HomeNetwork.OUTSIDE}/24 dev eth0`, "link set eth0 up");
    await router.expectRun(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    const rules = `
table inet home {
  chain input {
    type filter hook input priority 0; policy accept;
    ${filter === undefined ? "" : `iifname "lan0" ${filter}`}
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan0" accept
    # Version 2.3.1 of the daemon loses its own rule for UDP when it is asked a second time.
    ct status dnat accept
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    jump postrouting_miniupnpd
    oifname "wan0" masquerade fully-random
  }
  chain miniupnpd {}
  chain prerouting_miniupnpd {}
  chain postrouting_miniupnpd {}
}
`;
    const path = `${this.lab.scratch.path}/router.nft`;
    await Deno.writeTextFile(path, rules);
    await router.expectRun(["nft", "-f", path]);
    await waitFor(
      async () => (await home.run(["ping", "-c", "1", "-W", "1", HomeNetwork.OUTSIDE])).code === 0,
      10_000,
      { what: "home reaches the outside" },
    );
  }
}
