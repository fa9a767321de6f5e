/**
 * Plain devices that have one member as their only peer, their hub: at the hub they are peers, and everywhere else their
 * addresses are the hub's.
 * @module
 */

import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import { Cidr } from "../../net/mod.ts";

/** What a member has in the packet plane for one device. */
export interface DeviceRoute {
  readonly hub: NodeId;
  /** The device's addresses, and what is behind it. */
  readonly prefixes: readonly Cidr[];
}

/** @returns what is sent to a member or device, and accepted from it, for its own part */
export function ownPrefixes({ addresses, allowedIps }: MemberRecord): Cidr[] {
  return [...addresses.map((address) => Cidr.host(address)), ...allowedIps];
}

/** Which devices are reached through which member, whether that one is known yet or not. */
export class DeviceRoutes {
  readonly #routes = new Map<NodeId, DeviceRoute>();
  readonly #byHub = new Map<NodeId, Set<NodeId>>();

  /** Takes a device as its record says, or a record of anybody else. @returns the route that it had before */
  set(record: MemberRecord): DeviceRoute | undefined {
    const { nodeId, hub } = record;
    const former = this.delete(nodeId);
    if (hub === undefined) return former;
    this.#routes.set(nodeId, { hub, prefixes: ownPrefixes(record) });
    const devices = this.#byHub.get(hub);
    if (devices === undefined) this.#byHub.set(hub, new Set([nodeId]));
    else devices.add(nodeId);
    return former;
  }

  /** Forgets a device. @returns the route that it had, or undefined */
  delete(device: NodeId): DeviceRoute | undefined {
    const former = this.#routes.get(device);
    if (former === undefined) return undefined;
    this.#routes.delete(device);
    const devices = this.#byHub.get(former.hub);
    devices?.delete(device);
    if (devices?.size === 0) this.#byHub.delete(former.hub);
    return former;
  }

  get(device: NodeId): DeviceRoute | undefined {
    return this.#routes.get(device);
  }

  /** @returns the prefixes of all devices of this hub */
  behind(hub: NodeId): Cidr[] {
    return [...this.#byHub.get(hub) ?? []].flatMap((device) => [...this.#routes.get(device)?.prefixes ?? []]);
  }

  clear(): void {
    this.#routes.clear();
    this.#byHub.clear();
  }
}
