/**
 * IGMP and MLD snooping (RFC 4541): what is for a group goes to the ports that want it, and to those behind which a router
 * asks. While nobody asks, nobody repeats what he wants, and all is flooded; so are the groups of a link (224.0.0.0/24,
 * ff02::/16), which ARP, ND and routers live by.
 *
 *     no querier ──query──▶ learning, 20 s ──▶ to members and routers ──255 s without a query──▶ no querier
 *
 * Reports go to routers here and, other than RFC 4541 §2.1.1 has it for switches that pass on between all of their ports, to
 * all other hosts: what came from a host goes on to no third one, so each has to hear itself who wants what.
 *
 * Bounds: a port that wants more groups than it may, or any when the table is full, is given all groups for a while, so
 * that nobody else loses anything. The port of a host that came a short while ago is given all, too: what is wanted behind
 * it is said at the next query.
 *
 * @module
 */

import type { Millis, RandomSource } from "../../../base/mod.ts";
import { GROUP_SAYS, GroupMessage, icmpv6Checksum, IpAddress, uint16At } from "../../../net/mod.ts";
import { PASS } from "../decision.ts";
import { DROPPED } from "../frame_counts.ts";
import { MEMBER_MS } from "../snooping_state.ts";
import type { NetworkState, PortState } from "../switch_state.ts";
import { AddressTable } from "../tables/mod.ts";

/** RFC 3376 §8.8 and §8.9: the last members have 2 s to say that they stay. */
const LEAVING_MS = 3_000;
/** Groups that one port wants. */
export const MAX_GROUPS_PER_PORT = 256;
/** Groups of all ports, each counted where it is wanted. */
export const MAX_MEMBERSHIPS = 16_384;

/** A group and the ports behind which somebody wants it, with the time until which that counts. */
export interface Group {
  readonly network: NetworkState;
  readonly address: IpAddress;
  readonly members: Map<PortState, Millis>;
}

/** What is wanted in all networks. */
export class Snooper {
  readonly #table: AddressTable;
  readonly #groups: (Group | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #message = new GroupMessage();
  #memberships = 0;

  /** @param random what collides in the table is drawn from it */
  constructor(random: RandomSource) {
    this.#table = new AddressTable(random);
  }

  /** How many groups are wanted, each counted at each port. */
  get memberships(): number {
    return this.#memberships;
  }

  /**
   * Reads a message.
   * @param ip where the IP packet begins
   * @param at where the message begins
   * @returns why it is dropped, or that it goes on; `isReport` says whether to routers
   */
  handleMessage(
    now: Millis,
    from: PortState,
    bytes: Uint8Array,
    ip: number,
    at: number,
    lengthBytes: number,
    addressBytes: 4 | 16,
  ): number {
    const message = this.#message;
    const isIgmp = addressBytes === 4;
    if (!message.begin(bytes, at, lengthBytes, addressBytes)) return DROPPED[isIgmp ? "bad-igmp" : "bad-mld"];
    // RFC 3810 §5: from a link-local address and no farther than the link.
    if (!isIgmp && (bytes[ip + 7] !== 1 || icmpv6Checksum(bytes, ip, at, lengthBytes) !== 0)) {
      return DROPPED["bad-mld"];
    }
    const family = isIgmp ? 0 : 1;
    if (message.isQuery) {
      // A switch that asks in a querier's place has no address, and wants nothing (RFC 4541 §2.1.1).
      const sourceAt = ip + (isIgmp ? 12 : 8);
      if (uint16At(bytes, sourceAt) !== 0) from.network.snooping.hear(now, from, family);
      return PASS;
    }
    while (message.next()) {
      const { groupAt, says } = message;
      if (isLinkGroup(bytes, groupAt, addressBytes)) continue;
      if (says === GROUP_SAYS.JOIN) {
        this.#join(now, from, family, bytes.subarray(groupAt, groupAt + addressBytes));
      } else this.#leave(now, from, bytes, groupAt, addressBytes);
    }
    return PASS;
  }

  /** Whether the last message was a report, which goes to routers and other hosts. */
  get isReport(): boolean {
    return !this.#message.isQuery;
  }

  /**
   * @param at where the group's address is, of 4 or 16 bytes
   * @returns whether what is for this group goes to those alone of whom `wants` says so
   */
  isSnooped(
    now: Millis,
    network: NetworkState,
    bytes: Uint8Array,
    at: number,
    addressBytes: number,
  ): boolean {
    return network.snooping.isOn(now, addressBytes === 4 ? 0 : 1) && !isLinkGroup(bytes, at, addressBytes);
  }

  /** @returns the group, for `wants`, or undefined when nobody wants it */
  find(network: NetworkState, bytes: Uint8Array, at: number, addressBytes: number): Group | undefined {
    const number = this.#table.find(network.index, bytes, at, addressBytes);
    return number < 0 ? undefined : this.#groups[number];
  }

  /** Whether a port is given what is for a group. */
  wants(now: Millis, port: PortState, group: Group | undefined, addressBytes: number): boolean {
    if (port.network.snooping.givesAll(now, port, addressBytes === 4 ? 0 : 1)) return true;
    const until = group?.members.get(port);
    return until !== undefined && now < until;
  }

  /** Forgets what a port wants. */
  forgetPort(port: PortState): void {
    for (const group of this.#groups) if (group?.members.has(port)) this.#drop(group, port);
    port.network.snooping.forget(port);
  }

  /** Forgets what nobody has asked for any more. */
  expire(now: Millis): void {
    for (const group of this.#groups) {
      if (group === undefined) continue;
      for (const [port, until] of group.members) if (now >= until) this.#drop(group, port);
    }
  }

  #join(now: Millis, from: PortState, family: 0 | 1, address: Uint8Array): void {
    const { network } = from;
    if (address[0] !== 0xff && (address.length === 16 || (address[0] ?? 0) >> 4 !== 0x0e)) return;
    let group = this.find(network, address, 0, address.length);
    if (group?.members.has(from) !== true) {
      if (from.groups >= MAX_GROUPS_PER_PORT || this.#memberships >= MAX_MEMBERSHIPS) {
        network.snooping.giveAll(from, family, now + MEMBER_MS as Millis);
        return;
      }
      from.groups++;
      this.#memberships++;
    }
    if (group === undefined) {
      group = { network, address: IpAddress.fromBytes(address), members: new Map() };
      const number = this.#free.pop() ?? this.#groups.length;
      this.#groups[number] = group;
      this.#table.set(network.index, group.address, number);
    }
    group.members.set(from, now + MEMBER_MS as Millis);
  }

  #leave(now: Millis, from: PortState, bytes: Uint8Array, at: number, addressBytes: number): void {
    const members = this.find(from.network, bytes, at, addressBytes)?.members;
    const until = members?.get(from);
    if (until === undefined) return;
    members?.set(from, Math.min(until, now + LEAVING_MS) as Millis);
  }

  #drop(group: Group, port: PortState): void {
    group.members.delete(port);
    port.groups--;
    this.#memberships--;
    if (group.members.size > 0) return;
    const { network, address } = group;
    const number = this.#table.find(network.index, address.bytes, 0, address.bytes.length);
    this.#table.delete(network.index, address);
    this.#groups[number] = undefined;
    this.#free.push(number);
  }
}

/** 224.0.0.0/24 (RFC 4541 §2.1.2) and ff02::/16, of which the solicited-node groups of ND are the greater part. */
function isLinkGroup(bytes: Uint8Array, at: number, addressBytes: number): boolean {
  if (addressBytes === 4) return uint16At(bytes, at) === 0xe000 && bytes[at + 2] === 0;
  return uint16At(bytes, at) === 0xff02;
}
