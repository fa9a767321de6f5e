/**
 * The sockets of plain underlays, shared by all networks that can: one receives at each address and port, some send.
 * @module
 */

import {
  joinGroup,
  leaveGroup,
  openPacketSocket,
  openRawIp,
  openUnderlaySenders,
  openUnderlayUdp,
  UnfitInterfaceError,
} from "../../../host/mod.ts";
import { IpAddress, type IpFamily } from "../../../net/mod.ts";
import type { DriverTransport } from "../../../overlay/mod.ts";
import type { PlaneUnderlay } from "../frame_plane.ts";

/** So many source ports tell flows apart. */
const SENDERS = 8;
const HOP_LIMIT = 64;
/** RFC 1112 §6.1: a group's packets stay on the link unless somebody wants more. */
const GROUP_HOP_LIMIT = 1;

/** A descriptor that is read. */
export interface PlainReceiver {
  readonly fd: number;
  readonly kind: DriverTransport["kind"];
  /** What is read begins with an IP header. */
  readonly hasIpHeader: boolean;
}

/** Descriptors that are written; which one is the flow's choice. */
export interface PlainSender {
  readonly fds: readonly number[];
  readonly family: IpFamily;
  readonly hasGso: boolean;
}

/** What one network uses. */
export interface PlainSocketSet {
  readonly receivers: readonly PlainReceiver[];
  /** By the family of the destination's address; of a link, both are the same. */
  readonly ipv4: PlainSender | undefined;
  readonly ipv6: PlainSender | undefined;
  /** Closes what nobody else uses. Harmless when repeated. */
  release(): void;
}

interface Shared {
  readonly value: unknown;
  readonly close: () => void;
  users: number;
}

type Plain = Extract<PlaneUnderlay, { readonly kind: "plain" }>;

/** All sockets of one plane. */
export class PlainSockets {
  readonly #shared = new Map<string, Shared>();

  /**
   * Opens what a network needs and nobody has yet.
   * @throws HostError and its like: the port is taken, there is no such interface, it is not permitted
   */
  acquire(underlay: Plain, transport: DriverTransport): PlainSocketSet {
    const keys: string[] = [];
    try {
      const set = this.#open(underlay, transport, keys);
      return { ...set, release: () => keys.splice(0).forEach((key) => this.#release(key)) };
    } catch (error) {
      keys.forEach((key) => this.#release(key));
      throw error;
    }
  }

  #open(underlay: Plain, transport: DriverTransport, keys: string[]): Omit<PlainSocketSet, "release"> {
    switch (transport.kind) {
      case "udp":
        return this.#openUdp(underlay, underlay.port ?? transport.port, keys);
      case "ip":
        return this.#openIp(underlay, transport.protocol, keys);
      case "link":
        return this.#openLink(underlay, keys);
    }
  }

  #openUdp(underlay: Plain, port: number, keys: string[]): Omit<PlainSocketSet, "release"> {
    const { interfaceName } = underlay;
    const local = addressOf(underlay.localAddress);
    const group = addressOf(underlay.group);
    const options = optionsOf(underlay);
    const at = (address: IpAddress | undefined) =>
      this.#share(`udp ${address ?? "*"} ${port}`, keys, () => {
        const socket = openUnderlayUdp(address, port, { hopLimit: HOP_LIMIT });
        return [socket, () => socket.close()];
      });
    const sockets = [at(local)];
    if (group !== undefined) {
      // A socket that is bound to an address of this host is given nothing that is sent to a group.
      const member = local === undefined ? sockets[0] : at(group);
      if (local !== undefined && member !== undefined) sockets.push(member);
      this.#share(`group ${local ? group : "*"} ${port} ${group}%${interfaceName}`, keys, () => {
        if (member !== undefined) joinGroup(member.descriptor, group, interfaceName);
        return [group, () => member && leaveGroup(member.descriptor, group, interfaceName)];
      });
    }
    const sender = this.#share(`from ${local ?? "*"} ${JSON.stringify(options)}`, keys, () => {
      const opened = openUnderlaySenders(local, SENDERS, options);
      const [{ family, hasGso } = { family: 4 as const, hasGso: false }] = opened;
      return [
        { fds: opened.map(({ fd }) => fd), family, hasGso },
        () => opened.forEach((each) => each.close()),
      ];
    });
    const receivers = sockets.map(({ fd }) => ({ fd, kind: "udp" as const, hasIpHeader: false }));
    return {
      receivers,
      ipv4: sender.family === 4 || local === undefined ? sender : undefined,
      ipv6: sender.family === 6 ? sender : undefined,
    };
  }

  #openIp(underlay: Plain, protocol: number, keys: string[]): Omit<PlainSocketSet, "release"> {
    const local = addressOf(underlay.localAddress);
    const group = addressOf(underlay.group);
    const options = optionsOf(underlay);
    const opened: Partial<Record<IpFamily, PlainSender>> = {};
    for (const family of local === undefined ? [4, 6] as const : [local.family]) {
      const key = `ip ${protocol} ${family} ${local ?? "*"} ${underlay.group} ${JSON.stringify(options)}`;
      try {
        opened[family] = this.#share(key, keys, () => {
          const socket = openRawIp(protocol, family, { ...options, ...local && { localAddress: local } });
          if (group?.family === family) joinGroup(socket.descriptor, group, underlay.interfaceName);
          return [{ fds: [socket.fd], family, hasGso: false }, () => socket.close()];
        });
      } catch (error) {
        // There may be no IPv6 here.
        if (family === 4 || local !== undefined) throw error;
      }
    }
    const receivers = Object.values(opened).flatMap(({ fds, family }) =>
      fds.map((fd) => ({ fd, kind: "ip" as const, hasIpHeader: family === 4 }))
    );
    return { receivers, ipv4: opened[4], ipv6: opened[6] };
  }

  #openLink({ interfaceName }: Plain, keys: string[]): Omit<PlainSocketSet, "release"> {
    if (interfaceName === undefined) {
      throw new UnfitInterfaceError("Cannot carry frames on a link: no interface was named", {
        hint: "Name the interface of the underlay.",
      });
    }
    const fd = this.#share(`link ${interfaceName}`, keys, () => {
      // Only frames of a tag are carried, so that the host's own are not touched.
      const socket = openPacketSocket({ interfaceName, allowsDefaultRoute: true });
      return [socket.fd, () => socket.close()];
    });
    const sender: PlainSender = { fds: [fd], family: 4, hasGso: false };
    return { receivers: [{ fd, kind: "link", hasIpHeader: false }], ipv4: sender, ipv6: sender };
  }

  #share<T>(key: string, keys: string[], open: () => readonly [value: T, close: () => void]): T {
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      const [value, close] = open();
      this.#shared.set(key, shared = { value, close, users: 0 });
    }
    shared.users++;
    keys.unshift(key);
    // Keys begin with what their value is.
    return shared.value as T;
  }

  #release(key: string): void {
    const shared = this.#shared.get(key);
    if (shared === undefined || --shared.users > 0) return;
    this.#shared.delete(key);
    shared.close();
  }
}

function optionsOf({ interfaceName, group, hopLimit }: Plain) {
  const multicast = group === undefined
    ? undefined
    : { interfaceName, hopLimit: hopLimit ?? GROUP_HOP_LIMIT };
  return { hopLimit: hopLimit ?? HOP_LIMIT, multicast };
}

function addressOf(text: string | undefined): IpAddress | undefined {
  if (text === undefined) return undefined;
  const address = IpAddress.parse(text);
  if (address === undefined) throw new RangeError(`Cannot carry frames at ${text}: that is no IP address`);
  return address;
}
