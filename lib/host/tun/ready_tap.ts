/**
 * A TAP interface that programs can use at once: with its address, its longest packet, its IP addresses, up, and where it
 * is wanted in the network namespace of a container or a virtual machine.
 * @module
 */

import type { IpAddress, MacAddress } from "../../net/mod.ts";
import { HostError, InterfaceExistsError } from "../host_error.ts";
import { HostNamespace } from "../namespace/mod.ts";
import { Netlink } from "../netlink/mod.ts";
import { assertTunOptions, type OffloadTun, openTap, type TunOptions } from "./tun_attach.ts";

/** How often a name for the moment is tried. */
const MAX_NAMES = 16;

/** An address of an interface, and the length of its network's prefix. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly prefixBits: number;
}

/** What a TAP shall be. */
export interface ReadyTapOptions extends TunOptions {
  /** Superframes, with a virtio header each; see `openTap`. */
  readonly hasHeader: boolean;
  /** The kernel's choice when absent. */
  readonly mac?: MacAddress;
  readonly addresses?: readonly InterfaceAddress[];
  /** The longest superpackets that its host puts in, with their IP header; the kernel's choice when absent. */
  readonly superpackets?: { readonly ipv4: number; readonly ipv6: number };
  /** As `HostNamespace.open` takes it; absent for the namespace that the process is in. */
  readonly namespace?: string;
}

/** A TAP that is up. */
export interface ReadyTap extends OffloadTun {
  /** What the interface has at its end. */
  readonly mac: MacAddress;
}

/**
 * Makes a TAP, and leaves nothing behind when that fails.
 *
 * One for another namespace is made here by a name for the moment, and moved: a descriptor keeps the namespace alive in
 * which it was opened, and so `ip netns del` would not remove the other one. When that namespace goes, so does the
 * interface, and its descriptor reads EBADFD.
 * @throws RangeError when the name or MTU is none
 * @throws NoTunDeviceError, NotPermittedError, InterfaceExistsError when the name is taken where it shall be,
 * NoNamespaceError, HostError
 */
export function openReadyTap(options: ReadyTapOptions): ReadyTap {
  assertTunOptions(options);
  if (options.namespace === undefined) {
    const tap = openTap(options);
    return configured(tap, options, (action) => action());
  }
  using namespace = HostNamespace.open(options.namespace);
  const tap = openByAnyName(options);
  return configured(tap, options, (action) => {
    using network = Netlink.open();
    network.moveLink(tap.name, namespace.fd);
    return namespace.run(action);
  });
}

/** @param inside runs its argument where the interface shall be, and brings it there first */
function configured(
  tap: OffloadTun,
  options: ReadyTapOptions,
  inside: (action: () => MacAddress) => MacAddress,
): ReadyTap {
  try {
    const mac = inside(() => configure(tap.name, options));
    return { ...tap, name: options.name, mac };
  } catch (error) {
    tap.close();
    throw error;
  }
}

function configure(
  madeAs: string,
  { name, mac, mtuBytes, addresses = [], superpackets }: ReadyTapOptions,
): MacAddress {
  using network = Netlink.open();
  if (madeAs !== name) network.renameLink(madeAs, name);
  if (mac !== undefined) network.setLinkMac(name, mac);
  // An old kernel refuses, and goes on with its own.
  if (superpackets !== undefined) network.setSuperpacketBytes(name, superpackets);
  network.setEthernetUp(name, mtuBytes);
  for (const { address, prefixBits } of addresses) network.addAddress(name, address, prefixBits);
  const has = network.findLink(name)?.mac;
  if (has === undefined) throw new HostError(`Cannot make the interface ${name}: it is gone again`);
  return has;
}

function openByAnyName(options: ReadyTapOptions): OffloadTun {
  // It is there for this turn only, and so at most once for each thread of this process.
  for (let attempt = 1;; attempt++) {
    try {
      return openTap({ ...options, name: `wf${Deno.pid}-${attempt}` });
    } catch (error) {
      if (!(error instanceof InterfaceExistsError) || attempt === MAX_NAMES) throw error;
    }
  }
}
