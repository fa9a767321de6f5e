/**
 * The overlay's interface on this host: made, configured, and taken away again.
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import {
  canConfigureNetwork,
  findRouteOverlap,
  hasTunDevice,
  type HostChange,
  HostJournal,
  Netlink,
  NotPermittedError,
  NoTunDeviceError,
} from "../../host/mod.ts";
import { Cidr, type IpAddress } from "../../net/mod.ts";
import { RouteOverlapError } from "../errors.ts";

/** What the interface is to be. */
export interface HostNetworkOptions {
  readonly interfaceName: string;
  readonly mtuBytes: number;
  readonly addresses: readonly IpAddress[];
  /** The overlay's prefixes; each becomes a route. */
  readonly cidrs: readonly Cidr[];
}

/**
 * Checks, before anything is changed, that an interface for `cidrs` can be made here.
 *
 * @throws NotPermittedError without CAP_NET_ADMIN
 * @throws NoTunDeviceError without the driver
 * @throws RouteOverlapError when the host routes a part of the overlay elsewhere
 */
export function checkHostNetwork(interfaceName: string, cidrs: readonly Cidr[]): void {
  if (!canConfigureNetwork()) throw new NotPermittedError(`make the interface ${interfaceName}`);
  if (!hasTunDevice()) throw new NoTunDeviceError();
  using netlink = Netlink.open();
  const routes = netlink.listRoutes();
  for (const cidr of cidrs) {
    const route = findRouteOverlap(cidr, routes, interfaceName);
    if (route === undefined) continue;
    throw new RouteOverlapError(
      `Cannot use ${cidr}: it overlaps the route ${route.cidr} of this host on ${route.interfaceName}`,
      { hint: "Choose another network with --cidr when you start the leader, or remove that route." },
    );
  }
}

/**
 * Makes the interface, gives it its addresses and routes, and sets it up. What a crashed agent left is undone first.
 *
 * @param make makes the interface; it is unmade by closing what is returned
 * @returns what `make` gave; when its interface goes, its addresses and its routes go with it
 * @throws HostError, NotPermittedError, NoTunDeviceError, InterfaceExistsError, StateError; then nothing is left
 */
export async function openHostNetwork<T extends { close(): void }>(
  store: StateStore,
  options: HostNetworkOptions,
  make: () => Promise<T>,
): Promise<T> {
  const { interfaceName, mtuBytes, addresses, cidrs } = options;
  const journal = new HostJournal(store);
  using netlink = Netlink.open();
  journal.undoAll(netlink);
  const changes: HostChange[] = [{ kind: "interface", name: interfaceName }];
  for (const cidr of cidrs) changes.push({ kind: "route", cidr, interfaceName });
  store.transaction(() => changes.forEach((change) => journal.record(change)));
  const forget = () => store.transaction(() => changes.forEach((change) => journal.forget(change)));
  let made: T;
  try {
    made = await make();
  } catch (error) {
    forget();
    throw error;
  }
  try {
    netlink.setLinkUp(interfaceName, mtuBytes);
    for (const address of addresses) {
      netlink.addAddress(interfaceName, address, Cidr.host(address).prefixBits);
    }
    for (const cidr of cidrs) netlink.addRoute(cidr, interfaceName);
  } catch (error) {
    made.close();
    forget();
    throw error;
  }
  return made;
}

/** Forgets what was noted for a crash, once the interface is gone. What else was changed is not its business. */
export function forgetHostNetwork(store: StateStore): void {
  const journal = new HostJournal(store);
  const own = journal.changes().filter(({ kind }) => kind === "interface" || kind === "route");
  store.transaction(() => own.forEach((change) => journal.forget(change)));
}
