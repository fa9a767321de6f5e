/**
 * Several hosts on one machine, joined by a switch.
 * @module
 */

import { NetworkNamespace } from "./namespace.ts";
import { createScratch, type Scratch } from "./scratch.ts";

/** A host of the lab: a namespace with one interface, `eth0`, on the switch. */
export interface Host {
  readonly namespace: NetworkNamespace;
  /** The outside address, 192.0.2.0/24 (RFC 5737 §3). */
  readonly address4: string;
  /** The outside address, 2001:db8::/64 (RFC 3849). */
  readonly address6: string;
  /** A folder of the host's own, for state. */
  readonly folder: string;
}

/**
 * Hosts A, B, C … each in its own network namespace, on one switch that is a bridge in a namespace of its own.
 * This machine's own interfaces and routes are never touched. Disposing it ends all processes inside and removes
 * everything; what a killed test run left is removed when the next lab is made.
 *
 * ```
 *   A eth0 192.0.2.1  2001:db8::1 ─┐
 *   B eth0 192.0.2.2  2001:db8::2 ─┼─ br0 (its own namespace)
 *   C eth0 192.0.2.3  2001:db8::3 ─┘
 * ```
 */
export class Lab implements AsyncDisposable {
  readonly #hosts = new Map<string, Host>();
  readonly #stack: AsyncDisposableStack;
  readonly #bridge: NetworkNamespace;
  /** A folder that goes away with the lab. */
  readonly scratch: Scratch;

  private constructor(stack: AsyncDisposableStack, bridge: NetworkNamespace, scratch: Scratch) {
    this.#stack = stack;
    this.#bridge = bridge;
    this.scratch = scratch;
  }

  /** @param names of the hosts, at most 250 */
  static async create(names: readonly string[]): Promise<Lab> {
    await using stack = new AsyncDisposableStack();
    const scratch = stack.use(await createScratch("lab"));
    const bridge = stack.use(await NetworkNamespace.create("switch"));
    await bridge.ip("link add br0 type bridge", "link set br0 up");
    const lab = new Lab(stack.move(), bridge, scratch);
    try {
      for (const name of names) await lab.#addHost(name);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** @throws RangeError when the lab has no such host */
  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new RangeError(`The lab has no host ${name}`);
    return host;
  }

  /** Hands something to the lab that is disposed of before its hosts are. */
  use<T extends AsyncDisposable | Disposable>(thing: T): T {
    return this.#stack.use(thing);
  }

  /** Has all hosts and the switch between them take packets of this length. */
  async setMtu(mtuBytes: number): Promise<void> {
    let number = 0;
    for (const { namespace } of this.#hosts.values()) {
      await namespace.ip(`link set eth0 mtu ${mtuBytes}`);
      await this.#bridge.ip(`link set port${++number} mtu ${mtuBytes}`);
    }
  }

  /**
   * Has the switch between all hosts take no longer packets, of which those know nothing and are told nothing: a black hole
   * (RFC 2923 §2.1). Linux lets 4 bytes more through.
   */
  async narrow(mtuBytes: number): Promise<void> {
    for (let number = 1; number <= this.#hosts.size; number++) {
      await this.#bridge.ip(`link set port${number} mtu ${mtuBytes}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #addHost(name: string): Promise<void> {
    const number = this.#hosts.size + 1;
    const namespace = this.#stack.use(await NetworkNamespace.create(name));
    const [address4, address6] = [`192.0.2.${number}`, `2001:db8::${number.toString(16)}`];
    await this.#bridge.ip(
      `link add port${number} type veth peer name eth0 netns ${namespace.name}`,
      `link set port${number} master br0 up`,
    );
    await namespace.ip(
      `addr add ${address4}/24 dev eth0`,
      // Without duplicate address detection (RFC 4862 §5.4) the address can be used at once.
      `addr add ${address6}/64 dev eth0 nodad`,
      "link set eth0 up",
    );
    const folder = `${this.scratch.path}/${name}`;
    await Deno.mkdir(folder);
    this.#hosts.set(name, { namespace, address4, address6, folder });
  }
}

/**
 * Lets no packet pass between two groups of hosts, over either family, until `heal`.
 * @returns what heals it
 */
export async function split(
  left: readonly Host[],
  right: readonly Host[],
): Promise<{ heal(): Promise<void> }> {
  await changeRoutes("add", left, right);
  return { heal: () => changeRoutes("del", left, right) };
}

async function changeRoutes(
  what: "add" | "del",
  left: readonly Host[],
  right: readonly Host[],
): Promise<void> {
  const ways = left.flatMap((a) => right.flatMap((b) => [[a, b], [b, a]] as const));
  await Promise.all(ways.map(async ([from, to]) => {
    // A longer prefix than that of the switch.
    await from.namespace.ip(
      `route ${what} blackhole ${to.address4}/32`,
      `-6 route ${what} blackhole ${to.address6}/128`,
    );
  }));
}
