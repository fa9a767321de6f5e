/**
 * Tells a network where addresses are now: gratuitous ARP (RFC 5227 §2.3) and unsolicited advertisements (RFC 4861 §7.2.6),
 * at once and again a second later, since nobody confirms them.
 * @module
 */

import { type Millis, millis } from "../../../base/mod.ts";
import {
  ARP_OPERATION,
  arpFrame,
  IpAddress,
  MacAddress,
  NA_FLAG,
  neighborAdvertisementFrame,
} from "../../../net/mod.ts";
import type { SwitchBinding, SwitchFrame } from "../frame_forwarder.ts";
import type { NetworkState, PortState } from "../switch_state.ts";

/** RFC 4861 §10: RETRANS_TIMER; RFC 5227 §1.1 has 2 s, which is too long for a connection that waits. */
const AGAIN_MS = 1_000;

const ALL_NODES = IpAddress.parse("ff02::1")?.bytes ?? new Uint8Array(16);
const ALL_NODES_MAC = MacAddress.fromBytes(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1));

/** What is to be said of a binding: to which ports, about which addresses. */
interface Announcement {
  readonly network: NetworkState;
  readonly binding: SwitchBinding;
  readonly ports: readonly PortState[];
  next: number;
}

/** Makes one frame at a time, so that a network with a thousand ports takes no queue. One announcement a binding waits. */
export class Announcer {
  readonly #now: Map<string, Announcement> = new Map();
  readonly #later: Map<string, { readonly network: NetworkState; readonly binding: SwitchBinding }> =
    new Map();
  #laterAt: number | undefined;

  /** Begins to say where a binding is, to all ports but its own. */
  announce(network: NetworkState, binding: SwitchBinding): void {
    this.#begin(network, binding);
    this.#later.set(keyOf(network, binding.mac), { network, binding });
  }

  /** What a binding was is not said any more. */
  forget(network: NetworkState, mac: MacAddress): void {
    this.#now.delete(keyOf(network, mac));
    this.#later.delete(keyOf(network, mac));
  }

  /** @returns the next frame */
  poll(): SwitchFrame | undefined {
    for (const [key, announcement] of this.#now) {
      const { network, binding, ports } = announcement;
      const { addresses } = binding;
      while (ports[Math.floor(announcement.next / addresses.length)]?.isGone === true) announcement.next++;
      const at = announcement.next++;
      const port = ports[Math.floor(at / addresses.length)];
      const address = addresses[at % addresses.length];
      if (port === undefined || address === undefined) {
        this.#now.delete(key);
        continue;
      }
      const isRouter = network.definition.gateway?.mac.equals(binding.mac) === true;
      return { port: port.port, frame: frameAbout(binding.mac, address, isRouter) };
    }
    return undefined;
  }

  /** Says again what was said a second ago. */
  handleTimeout(now: Millis): void {
    if (this.#later.size === 0) return;
    // When it was said first is not known: no clock was at hand.
    this.#laterAt ??= now + AGAIN_MS;
    if (now < this.#laterAt) return;
    this.#laterAt = undefined;
    for (const { network, binding } of this.#later.values()) this.#begin(network, binding);
    this.#later.clear();
  }

  /** @returns when something is due; 0 for as soon as the time is known */
  pollTimeout(): Millis | undefined {
    return this.#later.size === 0 ? undefined : millis(this.#laterAt ?? 0);
  }

  #begin(network: NetworkState, binding: SwitchBinding): void {
    const ports = network.ports.filter(({ port, isBlocked }) => port !== binding.port && !isBlocked);
    const announcement = { network, binding, ports, next: 0 };
    if (binding.addresses.length > 0) this.#now.set(keyOf(network, binding.mac), announcement);
  }
}

function keyOf({ index }: NetworkState, mac: MacAddress): string {
  return `${index}/${mac}`;
}

function frameAbout(mac: MacAddress, { family, bytes: address }: IpAddress, isRouter: boolean): Uint8Array {
  if (family === 4) {
    // An announcement is a request for the own address (RFC 5227 §3).
    const nobody = MacAddress.fromBytes(new Uint8Array(6));
    const packet = { sender: { mac, address }, target: { mac: nobody, address } };
    return arpFrame(MacAddress.BROADCAST, { operation: ARP_OPERATION.REQUEST, ...packet });
  }
  return neighborAdvertisementFrame({
    destination: { mac: ALL_NODES_MAC, address: ALL_NODES },
    target: { mac, address },
    flags: NA_FLAG.OVERRIDE | (isRouter ? NA_FLAG.ROUTER : 0),
  });
}
