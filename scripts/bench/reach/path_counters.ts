/**
 * By which path packets really pass, counted outside of the programs that are measured.
 * @module
 */

import type { InternetHost } from "../../../tests/lab/mod.ts";

/** What passed a host's interface to the Internet, in bytes. */
interface Counted {
  readonly udp4: number;
  readonly udp6: number;
  readonly tcp4: number;
  readonly tcp6: number;
}

/** By which way packets go. */
export interface SeenPath {
  readonly isDirect: boolean;
  readonly carrier: "UDP" | "TCP";
  readonly family: "IPv4" | "IPv6";
}

const NAMES = ["udp4", "udp6", "tcp4", "tcp6"] as const;

/** Counts what `from` sends and what `hub` gets. */
export class PathCounters {
  readonly #from: InternetHost;
  readonly #hub: InternetHost;
  #lastFrom: Counted = { udp4: 0, udp6: 0, tcp4: 0, tcp6: 0 };
  #lastHub: Counted = this.#lastFrom;

  private constructor(from: InternetHost, hub: InternetHost) {
    this.#from = from;
    this.#hub = hub;
  }

  /** Begins to count. */
  static async start(from: InternetHost, hub: InternetHost): Promise<PathCounters> {
    await load(from, "output", "oifname eth0");
    await load(hub, "input", "iifname eth0");
    return new PathCounters(from, hub);
  }

  /**
   * @param leastBytes of traffic, without which nothing can be said
   * @returns the way that packets have gone since the last call
   */
  async look(leastBytes: number): Promise<SeenPath | undefined> {
    const [from, hub] = await Promise.all([read(this.#from), read(this.#hub)]);
    const sent = NAMES.map((name) => ({ name, bytes: from[name] - this.#lastFrom[name] }));
    const heard = NAMES.reduce((sum, name) => sum + hub[name] - this.#lastHub[name], 0);
    [this.#lastFrom, this.#lastHub] = [from, hub];
    const total = sent.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total < leastBytes) return undefined;
    const most = sent.reduce((left, right) => right.bytes > left.bytes ? right : left);
    return {
      isDirect: heard < total / 2,
      carrier: most.name.startsWith("udp") ? "UDP" : "TCP",
      family: most.name.endsWith("4") ? "IPv4" : "IPv6",
    };
  }
}

/** @returns the path in a few words */
export function pathName({ isDirect, carrier, family }: SeenPath): string {
  return `${isDirect ? "direct" : "relayed"} ${carrier}/${family}`;
}

async function load(host: InternetHost, hook: "input" | "output", which: string): Promise<void> {
  const rule = (name: string) =>
    `${which} meta nfproto ipv${name.at(-1)} meta l4proto ${name.slice(0, 3)} counter name ${name}`;
  const text = `table inet reach {
${NAMES.map((name) => `  counter ${name} { }`).join("\n")}
  chain passing {
    type filter hook ${hook} priority 0; policy accept;
    ${NAMES.map(rule).join("\n    ")}
  }
}`;
  await host.namespace.expectRun(["sh", "-c", 'printf "%s" "$0" | nft -f -', text]);
}

async function read(host: InternetHost): Promise<Counted> {
  const text = await host.namespace.expectRun(["nft", "-j", "list", "counters", "table", "inet", "reach"]);
  const entries: readonly { counter?: { name: string; bytes: number } }[] = JSON.parse(text).nftables;
  const bytes = (name: string) => entries.find(({ counter }) => counter?.name === name)?.counter?.bytes ?? 0;
  return { udp4: bytes("udp4"), udp6: bytes("udp6"), tcp4: bytes("tcp4"), tcp6: bytes("tcp6") };
}
