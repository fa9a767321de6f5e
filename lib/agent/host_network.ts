/**
 * This host's addresses, and who wants to know when they change.
 *
 * They are looked at twice a second, for as long as anybody has subscribed: a look costs some 0.1 ms, works without root
 * and on every system, and notices what any program does. Two networks may give a host the same address (every other home
 * is 192.168.1.0/24): another card tells them apart, and on Linux the kernel says which address was lost in between, at
 * once. What is on the way elsewhere may change without a change here; who depends on that has pings of its own.
 * @module
 */

import { type Environment, repeat } from "../base/mod.ts";
import { AddressMonitor, HostError } from "../host/mod.ts";
import { Cidr, IpAddress } from "../net/mod.ts";

/** How often they are looked at. */
const LOOK_EVERY_MS = 500;
/** How long the system's word of a change waits for the rest of it: an address comes and goes with others. */
const SETTLE_MS = 100;

/** An address of this host by which others may reach it. */
export interface HostAddress {
  /** As in `eth0`. */
  readonly device: string;
  /** The device's own in the link layer, as in `02:00:5e:10:00:00`; a host may take another in each network. */
  readonly hardwareAddress: string;
  readonly address: IpAddress;
  /** The network that this host is in by it. */
  readonly network: Cidr;
}

/** What has changed since the last look; at least one was added or removed. */
export interface HostNetworkChange {
  readonly addresses: readonly HostAddress[];
  readonly added: readonly HostAddress[];
  readonly removed: readonly HostAddress[];
}

/** Tells of changes as they happen. */
export interface AddressFollower {
  /** @returns what was lost, though it may be there again; undefined after `close` */
  next(): Promise<{ readonly lost: readonly IpAddress[] } | undefined>;
  close(): void;
}

/** Watches the addresses, but for those of the loopback, of one link alone, and of weft's own devices. */
export class HostNetwork {
  readonly #environment: Pick<Environment, "timers" | "log">;
  readonly #read: () => readonly HostAddress[];
  readonly #openFollower: () => AddressFollower | undefined;
  readonly #listeners = new Set<(change: HostNetworkChange) => void>();
  #addresses: readonly HostAddress[];
  /** Lost since the last look. */
  readonly #lost = new Set<string>();
  #stop: () => void = () => {};
  #cancelLook: () => void = () => {};

  /**
   * @param read looks at the system
   * @param openFollower is told by the system, where it tells
   */
  constructor(
    environment: Pick<Environment, "timers" | "log">,
    read: () => readonly HostAddress[],
    openFollower: () => AddressFollower | undefined = () => undefined,
  ) {
    this.#environment = environment;
    this.#read = read;
    this.#openFollower = openFollower;
    this.#addresses = read();
  }

  /** As of the last look, which is half a second ago at most while somebody has subscribed. */
  get addresses(): readonly HostAddress[] {
    return this.#addresses;
  }

  /**
   * Calls `listener` after each change, from now on.
   * @returns a function that ends that; harmless when repeated
   */
  subscribe(listener: (change: HostNetworkChange) => void): () => void {
    if (this.#listeners.size === 0) {
      this.look();
      const upkeep = { intervalMs: LOOK_EVERY_MS, problem: "cannot follow this host's addresses" };
      const stopLooking = repeat(this.#environment, upkeep, () => this.look());
      const follower = this.#openFollower();
      if (follower !== undefined) void this.#follow(follower);
      this.#stop = () => {
        stopLooking();
        follower?.close();
        this.#cancelLook();
      };
    }
    // The same function may subscribe twice.
    const each = (change: HostNetworkChange): void => listener(change);
    this.#listeners.add(each);
    return () => {
      if (this.#listeners.delete(each) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Looks now. A listener that throws is logged, and keeps nobody else from hearing of it. */
  look(): void {
    const former = new Map(this.#addresses.map((one) => [keyOf(one), one]));
    const addresses = this.#read();
    // What was lost and is there again, is there anew.
    const added = addresses.filter((one) =>
      this.#lost.has(one.address.toString()) || !former.delete(keyOf(one))
    );
    const removed = [...former.values()];
    this.#lost.clear();
    if (added.length === 0 && removed.length === 0) return;
    this.#addresses = addresses;
    const { log } = this.#environment;
    log.info("this host's addresses have changed", {
      added: added.map(textOf),
      removed: removed.map(textOf),
    });
    for (const listener of [...this.#listeners]) {
      try {
        listener({ addresses, added, removed });
      } catch (error) {
        log.error("cannot follow this host's addresses", { error });
      }
    }
  }

  async #follow(follower: AddressFollower): Promise<void> {
    for (let change = await follower.next(); change !== undefined; change = await follower.next()) {
      for (const address of change.lost) this.#lost.add(address.toString());
      this.#cancelLook();
      this.#cancelLook = this.#environment.timers.setTimer(SETTLE_MS, () => this.#lookSafely());
    }
  }

  #lookSafely(): void {
    try {
      this.look();
    } catch (error) {
      this.#environment.log.error("cannot follow this host's addresses", { error });
    }
  }
}

function keyOf({ device, hardwareAddress, network, address }: HostAddress): string {
  return `${device} ${hardwareAddress} ${network} ${address}`;
}

function textOf({ device, address }: HostAddress): string {
  return `${address} (${device})`;
}

/**
 * Looks at the addresses of this system.
 * @param isOwn whether a device is weft's own
 * @returns none where this program may not look
 */
export function hostAddresses(isOwn: (device: string) => boolean): HostAddress[] {
  let interfaces: Deno.NetworkInterfaceInfo[];
  try {
    interfaces = Deno.networkInterfaces();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
  return interfaces.filter(({ name }) => !isOwn(name)).flatMap(({ name, mac, address: text, cidr }) => {
    const address = IpAddress.parse(text);
    const network = Cidr.parse(cidr);
    if (address === undefined || network === undefined || address.isLoopback || address.isLinkLocal) {
      return [];
    }
    return [{ device: name, hardwareAddress: mac, address, network }];
  });
}

/** @returns what this system tells of its addresses; undefined where it doesn't, or this program may not ask */
export function followAddresses(): AddressFollower | undefined {
  try {
    return AddressMonitor.open();
  } catch (error) {
    if (error instanceof HostError || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
