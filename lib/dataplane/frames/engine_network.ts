/**
 * What the engine knows of one network and of the hosts that have endpoints in it.
 * @module
 */

import { IpAddress, MacAddress, OuterHeader } from "../../net/mod.ts";
import type { Encapsulation, OverlayDriver } from "../../overlay/mod.ts";
import type { DriverRegistry } from "../../../drivers/mod.ts";
import { AddressTable } from "./address_table.ts";
import { carrierOf } from "./carrier.ts";
import type { DecodedNetwork, PacketSource } from "./packet_decoder.ts";
import type { PlaneNetwork, PlaneRemote } from "./frame_plane.ts";

/** Why a packet or a frame goes no further outside of the switch; counted under this name. */
export type CarriageDrop =
  /** The driver refuses the header; the reason follows. */
  | `header-${string}`
  /** The sender has no endpoint in the network. */
  | "not-a-member"
  /** A program of this host has made a packet of the network, which the switch alone may. */
  | "from-host"
  /** A network of IP packets has a frame of something else. */
  | "not-ip"
  /** Nobody has the source or the destination of a packet that has lost its MAC addresses. */
  | "unknown-address"
  /** This host has no address of the family of the other host's. */
  | "no-own-address"
  /** The mesh, or the underlay, is not there or did not take it. */
  | "not-sent"
  /** The program does not read as fast as frames come. */
  | "port-full"
  /** The device did not take it. */
  | "port-failed"
  /** A program has handed in what no frame can be. */
  | "oversized-frame";

/** A host with endpoints of a network, behind an underlay. */
export interface EngineRemote {
  readonly network: EngineNetwork;
  readonly definition: PlaneRemote;
  /** Of a member with a packet plane. */
  header: OuterHeader | undefined;
}

/** One network. */
export class EngineNetwork implements DecodedNetwork<EngineRemote> {
  readonly driver: OverlayDriver;
  readonly encapsulation: Encapsulation;
  #definition: PlaneNetwork;
  #gatewayMac: MacAddress | undefined;
  /** By their addresses in the mesh. */
  readonly members: AddressTable<EngineRemote> = new AddressTable<EngineRemote>();
  /** By their addresses in the hosts' own network. */
  readonly hosts: AddressTable<EngineRemote> = new AddressTable<EngineRemote>();
  /** By node id. */
  readonly channels: Map<string, EngineRemote> = new Map<string, EngineRemote>();
  readonly #drops = new Map<CarriageDrop, number>();

  /** @throws what the driver's `encapsulation` throws */
  constructor(definition: PlaneNetwork, driver: OverlayDriver) {
    this.#definition = definition;
    this.#gatewayMac = gatewayMacOf(definition);
    this.driver = driver;
    this.encapsulation = driver.encapsulation(definition.identifier, definition.options);
  }

  /** Sends what comes from outside of a network of IP packets. */
  get gatewayMac(): MacAddress | undefined {
    return this.#gatewayMac;
  }

  get definition(): PlaneNetwork {
    return this.#definition;
  }

  set definition(definition: PlaneNetwork) {
    this.#definition = definition;
    this.#gatewayMac = gatewayMacOf(definition);
  }

  /** Makes the headers of packets to a member anew. */
  setHeader(remote: EngineRemote, own: readonly IpAddress[]): void {
    const { via } = remote.definition;
    remote.header = undefined;
    const destination = via.kind === "member" ? IpAddress.parse(via.address) : undefined;
    const source = own.find(({ family }) => family === destination?.family);
    if (destination === undefined || source === undefined) return;
    const { transport } = this.driver.capabilities;
    const carrier = carrierOf(transport);
    const carries = transport.kind === "udp" ? { udpPort: carrier } : { protocol: carrier };
    remote.header = new OuterHeader({ source, destination, carries });
  }

  /** Finds a host by where it is. */
  addRemote(remote: EngineRemote): void {
    const { via } = remote.definition;
    if (via.kind === "channel") this.channels.set(via.nodeId, remote);
    else this.#tableOf(via.kind).set(parsed(via.address), remote);
  }

  /** Another port may stand for the same host by now, and stays. */
  removeRemote(remote: EngineRemote): void {
    const { via } = remote.definition;
    if (via.kind === "channel") {
      if (this.channels.get(via.nodeId) === remote) this.channels.delete(via.nodeId);
      return;
    }
    const [table, address] = [this.#tableOf(via.kind), parsed(via.address)];
    if (table.find(address.bytes, 0, address.family) === remote) table.delete(address);
  }

  remoteOf(source: PacketSource): EngineRemote | undefined {
    if (source.kind === "channel") return this.channels.get(source.nodeId);
    const table = source.kind === "member" ? this.members : this.hosts;
    return table.find(source.bytes, source.at, source.family);
  }

  countDrop(reason: CarriageDrop): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  /** @returns by reason; reasons that never were are left out */
  drops(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#drops);
  }

  #tableOf(kind: "member" | "plain"): AddressTable<EngineRemote> {
    return kind === "member" ? this.members : this.hosts;
  }
}

function gatewayMacOf({ gateway }: PlaneNetwork): MacAddress | undefined {
  return MacAddress.parse(gateway?.mac ?? "");
}

/** @throws RangeError when it is no address */
export function parsed(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new RangeError(`Cannot reach ${text}: that is no IP address`);
  return address;
}

/** @returns the driver of a network @throws RangeError when there is none of this name */
export function driverAmong(
  networks: Iterable<EngineNetwork>,
  drivers: DriverRegistry,
  { driver: name, name: network }: PlaneNetwork,
): OverlayDriver {
  for (const { driver, definition } of networks) {
    // All networks of a driver share one, so that its packets are decoded once.
    if (definition.driver === name) return driver;
  }
  const factory = drivers.get(name);
  if (factory === undefined) throw new RangeError(`Cannot carry ${network}: there is no driver ${name}`);
  return factory();
}

/** Whether packets stay the same. */
export function isSameWire(a: PlaneNetwork, b: PlaneNetwork): boolean {
  return a.driver === b.driver && a.identifier === b.identifier &&
    JSON.stringify([a.options, a.underlay]) === JSON.stringify([b.options, b.underlay]);
}

/** @throws RangeError when it is no MAC address */
export function parsedMac(text: string): MacAddress {
  const mac = MacAddress.parse(text);
  if (mac === undefined) throw new RangeError(`Cannot bind ${text}: that is no MAC address`);
  return mac;
}
