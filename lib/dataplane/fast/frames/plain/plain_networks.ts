/**
 * Networks that are carried on this host's own network, by what is received and by where frames go.
 * @module
 */

import { WeftError } from "../../../../base/mod.ts";
import { encodeSocketAddress } from "../../../../host/mod.ts";
import { Endpoint, ETHERNET_HEADER_BYTES, IpAddress } from "../../../../net/mod.ts";
import type { OverlayDriver } from "../../../../overlay/mod.ts";
import {
  AddressTable,
  GroupLearning,
  type PlainReceiver,
  PlainSockets,
  type PlainSocketSet,
  type PlaneNetwork,
  type PlaneRemote,
} from "../../../frames/mod.ts";
import type { CarriedNetwork } from "../frame_underlay.ts";

/** Another host, a group of them, or a link. */
export interface PlainRemote {
  readonly port: number;
  readonly network: PlainNetwork;
  /** Undefined for a link. */
  readonly address: IpAddress | undefined;
  /** Of a group: who in it has which MAC address. */
  readonly learned: GroupLearning<Uint8Array | undefined> | undefined;
  /** As a socket takes it; undefined where no socket reaches it. */
  name: Uint8Array | undefined;
}

/** What may be written before a frame, less the shortest header that a driver has: a virtio header, less a label of MPLS. */
const ETHERNET_GAP_BYTES = 10 - 4;
/** The same before an IP packet, which is given an Ethernet header, too. */
const IP_GAP_BYTES: number = ETHERNET_GAP_BYTES + ETHERNET_HEADER_BYTES;

/** A network, and its remotes. */
export interface PlainNetwork {
  readonly carried: CarriedNetwork;
  /** What it was opened with. */
  definition: PlaneNetwork;
  /** Undefined when they could not be opened. */
  sockets: PlainSocketSet | undefined;
  /** Its interface has gone, so that they are opened anew when it is set again. */
  isLost: boolean;
  readonly hosts: AddressTable<PlainRemote>;
  /** Stands for whoever is no host that was named: the group, or the link. */
  anybody: PlainRemote | undefined;
}

/** Networks of one driver at one descriptor. */
export interface ListedDriver {
  readonly driver: OverlayDriver;
  readonly networks: Map<number, PlainNetwork>;
}

/** A descriptor, and whose packets come there. */
export interface ListedReceiver extends PlainReceiver {
  /** How much more room packets need that lie one behind the other; grows with the networks. */
  gapBytes: number;
  readonly drivers: Map<string, ListedDriver>;
}

/** All plain networks of one plane. */
export class PlainNetworks {
  readonly receivers: Map<number, ListedReceiver> = new Map<number, ListedReceiver>();
  readonly remotes: Map<number, PlainRemote> = new Map<number, PlainRemote>();
  readonly #networks = new Map<number, PlainNetwork>();
  readonly #sockets = new PlainSockets();
  readonly #onFailed: (network: number, error: Error) => void;

  /** @param onFailed is told why a network cannot be carried; setting it again tries again */
  constructor(onFailed: (network: number, error: Error) => void) {
    this.#onFailed = onFailed;
  }

  set(carried: CarriedNetwork): void {
    const { definition, driver } = carried;
    const known = this.#networks.get(definition.network);
    if (known?.sockets !== undefined && !known.isLost && isSameWire(known.definition, definition)) {
      known.definition = definition;
      return;
    }
    const network = known ?? {
      carried,
      definition,
      sockets: undefined,
      isLost: false,
      hosts: new AddressTable<PlainRemote>(),
      anybody: undefined,
    };
    this.#networks.set(definition.network, network);
    const former = network.sockets;
    this.#unlist(network);
    network.sockets = undefined;
    network.isLost = false;
    network.definition = definition;
    try {
      if (definition.underlay.kind === "plain") {
        network.sockets = this.#sockets.acquire(definition.underlay, driver.capabilities.transport);
      }
    } catch (error) {
      if (!(error instanceof WeftError || error instanceof RangeError)) throw error;
      this.#onFailed(definition.network, error);
    }
    // What both need stays open.
    former?.release();
    this.#list(network);
    for (const remote of this.remotes.values()) {
      if (remote.network === network && remote.address) remote.name = nameOf(network, remote.address);
    }
  }

  remove(number: number): void {
    const network = this.#networks.get(number);
    if (network === undefined) return;
    this.#networks.delete(number);
    this.#unlist(network);
    network.sockets?.release();
    network.sockets = undefined;
  }

  setRemote({ port, network: number, via }: PlaneRemote): void {
    const network = this.#networks.get(number);
    if (network === undefined || via.kind !== "plain") return;
    this.removeRemote(port);
    const { underlay } = network.definition;
    const address = IpAddress.parse(via.address);
    const isGroup = address !== undefined && underlay.kind === "plain" && underlay.group !== undefined &&
      IpAddress.parse(underlay.group)?.equals(address) === true;
    const learned = isGroup ? new GroupLearning<Uint8Array | undefined>() : undefined;
    const name = address && nameOf(network, address);
    const remote: PlainRemote = { port, network, address, learned, name };
    this.remotes.set(port, remote);
    if (address === undefined || isGroup) network.anybody = remote;
    else network.hosts.set(address, remote);
  }

  removeRemote(port: number): void {
    const remote = this.remotes.get(port);
    if (remote === undefined) return;
    this.remotes.delete(port);
    const { network, address } = remote;
    if (network.anybody === remote) network.anybody = undefined;
    else if (address !== undefined) network.hosts.delete(address);
  }

  /** Closes all sockets. */
  close(): void {
    for (const number of [...this.#networks.keys()]) this.remove(number);
  }

  #list(network: PlainNetwork): void {
    const { driver, encapsulation: { identifier, payload } } = network.carried;
    const gapBytes = payload === "ip" ? IP_GAP_BYTES : ETHERNET_GAP_BYTES;
    for (const receiver of network.sockets?.receivers ?? []) {
      let listed = this.receivers.get(receiver.fd);
      if (listed === undefined) {
        this.receivers.set(receiver.fd, listed = { ...receiver, gapBytes: 0, drivers: new Map() });
      }
      listed.gapBytes = Math.max(listed.gapBytes, gapBytes);
      let use = listed.drivers.get(driver.name);
      if (use === undefined) listed.drivers.set(driver.name, use = { driver, networks: new Map() });
      use.networks.set(identifier, network);
    }
  }

  #unlist(network: PlainNetwork): void {
    for (const [fd, { drivers }] of this.receivers) {
      for (const [name, { networks }] of drivers) {
        for (const [identifier, each] of networks) if (each === network) networks.delete(identifier);
        if (networks.size === 0) drivers.delete(name);
      }
      if (drivers.size === 0) this.receivers.delete(fd);
    }
  }
}

/** @returns the address of a host, at the driver's port, as the network's sockets take it */
export function nameOf(network: PlainNetwork, address: IpAddress): Uint8Array | undefined {
  const { sockets, definition: { underlay }, carried: { driver } } = network;
  const { transport } = driver.capabilities;
  const sender = address.family === 4 ? sockets?.ipv4 : sockets?.ipv6;
  if (sender === undefined || underlay.kind !== "plain" || transport.kind === "link") return undefined;
  const port = transport.kind === "udp" ? underlay.port ?? transport.port : 0;
  return encodeSocketAddress(new Endpoint(address, port), sender.family);
}

/** Whether the sockets stay the same. */
function isSameWire(a: PlaneNetwork, b: PlaneNetwork): boolean {
  return a.driver === b.driver && a.identifier === b.identifier &&
    JSON.stringify([a.options, a.underlay]) === JSON.stringify([b.options, b.underlay]);
}
