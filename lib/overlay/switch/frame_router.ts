/**
 * Where frames go that nothing speaks against.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { EthernetHeader } from "../../net/mod.ts";
import { PASS } from "./decision.ts";
import { DROPPED } from "./frame_counts.ts";
import { FORWARD, type Forwarding } from "./frame_forwarder.ts";
import type { Group, Snooper } from "./groups/mod.ts";
import { GROUP, type IpGuard } from "./ip_guard.ts";
import { BUDGET } from "./storm_control.ts";
import type { PortState } from "./switch_state.ts";
import { type MacTable, secondsOf } from "./tables/mod.ts";

/** Finds the ports of one frame. */
export class FrameRouter {
  readonly #ports: ReadonlyMap<number, PortState>;
  readonly #macs: MacTable;
  readonly #snooper: Snooper;
  /** What it has found out about a packet for a group. */
  readonly #ip: IpGuard;

  /** All are the switch's. */
  constructor(ports: ReadonlyMap<number, PortState>, macs: MacTable, snooper: Snooper, ip: IpGuard) {
    this.#ports = ports;
    this.#macs = macs;
    this.#snooper = snooper;
    this.#ip = ip;
  }

  /**
   * @param header of the frame, of which all else has been checked
   * @param frames how many frames a superpacket stands for
   * @returns `PASS`, or why it is dropped
   */
  route(
    now: Millis,
    from: PortState,
    header: EthernetHeader,
    bytes: Uint8Array,
    frames: number,
    out: Forwarding,
  ): number {
    const { destinationHigh: high, destinationLow: low } = header;
    if ((high & 0x0100) !== 0) {
      if (high === 0xffff && low === -1) {
        if (!from.budgets.spend(now, BUDGET.BROADCAST, frames)) return DROPPED["storm-broadcast"];
        return this.#flood(from, out);
      }
      return this.#routeGroup(now, from, bytes, frames, out);
    }
    const slot = this.#macs.find(from.network.index, high, low);
    if (slot < 0 || !this.#macs.isFreshAt(slot, secondsOf(now))) {
      if (!from.budgets.spend(now, BUDGET.UNKNOWN, frames)) return DROPPED["storm-unknown"];
      return this.#flood(from, out);
    }
    const to = this.#ports.get(this.#macs.portAt(slot));
    if (to === undefined || to.network !== from.network) return DROPPED["no-port"];
    if (to === from) return DROPPED["same-port"];
    if (to.isBlocked) return DROPPED.blocked;
    if (!from.isLocal && !to.isLocal) return DROPPED["split-horizon"];
    out.action = FORWARD.ONE;
    out.port = to.port;
    return PASS;
  }

  #routeGroup(now: Millis, from: PortState, bytes: Uint8Array, frames: number, out: Forwarding): number {
    const { group, groupAt, addressBytes } = this.#ip;
    const { network } = from;
    if (group === GROUP.REPORT && network.snooping.isOn(now, addressBytes === 4 ? 0 : 1)) {
      if (!from.budgets.spend(now, BUDGET.MULTICAST, frames)) return DROPPED["storm-multicast"];
      return this.#toSome(now, from, undefined, true, out);
    }
    if (group === GROUP.DATA && this.#snooper.isSnooped(now, network, bytes, groupAt, addressBytes)) {
      const wanted = this.#snooper.find(network, bytes, groupAt, addressBytes);
      return this.#toSome(now, from, wanted, false, out);
    }
    if (!from.budgets.spend(now, BUDGET.MULTICAST, frames)) return DROPPED["storm-multicast"];
    return this.#flood(from, out);
  }

  #flood(from: PortState, out: Forwarding): number {
    const { ports } = from.network;
    const end = this.#beginFlood(from, out);
    for (let i = 0; i < end; i++) {
      const to = ports[i];
      if (to !== undefined && to !== from && !to.isBlocked) out.ports[out.count++] = to.port;
    }
    return PASS;
  }

  /** To those that want a group; a report to routers, and to other hosts. */
  #toSome(
    now: Millis,
    from: PortState,
    group: Group | undefined,
    isReport: boolean,
    out: Forwarding,
  ): number {
    const { network } = from;
    const { addressBytes } = this.#ip;
    const end = this.#beginFlood(from, out);
    for (let i = 0; i < end; i++) {
      const to = network.ports[i];
      if (to === undefined || to === from || to.isBlocked) continue;
      const isMeant = isReport
        ? !to.isLocal || network.snooping.isRouter(now, to, addressBytes === 4 ? 0 : 1)
        : this.#snooper.wants(now, to, group, addressBytes);
      if (isMeant) out.ports[out.count++] = to.port;
    }
    return PASS;
  }

  /** Split horizon: what came from another host goes to no other host. @returns how many of the ports are asked */
  #beginFlood(from: PortState, out: Forwarding): number {
    const { ports, localCount } = from.network;
    const end = from.isLocal ? ports.length : localCount;
    if (out.ports.length < end) out.ports = new Int32Array(2 * end);
    out.action = FORWARD.FLOOD;
    return end;
  }
}
