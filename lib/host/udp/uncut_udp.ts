/**
 * Sending by a socket of the runtime so that nobody cuts a datagram on its way, whatever the kernel believes of the path's
 * MTU (ip(7), `IP_MTU_DISCOVER`): the runtime has no name for that, and sends only when a turn is over.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";
import {
  Descriptor,
  IP_MTU_DISCOVER,
  IPV6_MTU_DISCOVER,
  PMTU_DISCOVERY_PROBE,
  SOL_IP,
  SOL_IPV6,
} from "../ffi/mod.ts";
import { HostError } from "../host_error.ts";
import { findUdpSocket } from "./raw_udp.ts";
import { encodeSocketAddress } from "./socket_address.ts";

/** What a socket has unless somebody changes it: cut where the kernel knows that it must be. */
const PMTU_DISCOVERY_WANT = 1;

/** A second descriptor of one socket. */
export class UncutUdp {
  readonly #descriptor: Descriptor;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /**
   * @param port that exactly one socket of this process is bound to
   * @returns undefined where there is no such socket, or no C library to call
   */
  static open(port: number): UncutUdp | undefined {
    try {
      return new UncutUdp(Descriptor.open("duplicate a socket", (libc) => {
        const fd = findUdpSocket(port);
        return fd === undefined ? -1 : libc.duplicate(fd);
      }));
    } catch (error) {
      if (error instanceof HostError) return undefined;
      throw error;
    }
  }

  /** @returns whether the kernel took it */
  send(datagram: Uint8Array, destination: Endpoint): boolean {
    const { libc, fd } = this.#descriptor;
    // A socket of IPv6 takes addresses of IPv4 mapped, one of IPv4 takes its own alone.
    return ([6, 4] as const).some((family) => {
      const address = encodeSocketAddress(destination, family);
      if (address === undefined) return false;
      const [level, option] = destination.address.family === 4
        ? [SOL_IP, IP_MTU_DISCOVER]
        : [SOL_IPV6, IPV6_MTU_DISCOVER];
      libc.setOption(fd, level, option, PMTU_DISCOVERY_PROBE);
      const sent = libc.sendTo(fd, datagram.slice(), address) >= 0;
      libc.setOption(fd, level, option, PMTU_DISCOVERY_WANT);
      return sent;
    });
  }

  /** The socket itself stays. Harmless when repeated. */
  close(): void {
    this.#descriptor.close();
  }
}
