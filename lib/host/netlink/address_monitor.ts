/**
 * What becomes of this host's addresses: rtnetlink(7) tells whoever has joined the groups of addresses.
 * @module
 */

import type { IpAddress } from "../../net/mod.ts";
import { type Descriptor, DescriptorWait, O_NONBLOCK } from "../ffi/mod.ts";
import { HostError } from "../host_error.ts";
import { AF_NETLINK, decodeMessages, openNetlink } from "./netlink_message.ts";
import { decodeAddress, RTM } from "./netlink_route.ts";

// linux/rtnetlink.h
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
const MSG_DONTWAIT = 0x40;
const RECEIVE_BYTES = 1 << 16;

/** What has happened to addresses; what was lost may be there again. */
export interface AddressChange {
  readonly lost: readonly IpAddress[];
}

/** Follows all addresses of the namespace that the process is in. It needs no privileges. */
export class AddressMonitor implements Disposable {
  readonly #descriptor: Descriptor;
  readonly #wait: DescriptorWait;
  readonly #received = new Uint8Array(RECEIVE_BYTES);

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    this.#wait = new DescriptorWait(descriptor);
  }

  /** @throws HostError when this is no Linux, or the kernel gives no socket */
  static open(): AddressMonitor {
    const descriptor = openNetlink("follow the addresses of this host", O_NONBLOCK);
    const { libc, fd } = descriptor;
    // struct sockaddr_nl: family (16 bits), pad, port: 0, groups (32 bits)
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, true);
    if (libc.bind(fd, address) < 0) {
      const { errno } = libc;
      descriptor.close();
      throw new HostError(`Cannot follow the addresses of this host: error ${errno} of the kernel`);
    }
    return new AddressMonitor(descriptor);
  }

  /**
   * Waits; one call is under way at a time.
   * @returns what has changed, or undefined after `close`
   */
  async next(): Promise<AddressChange | undefined> {
    while (!this.#wait.isClosed) {
      const events = await this.#wait.wait();
      if (events === 0 || this.#wait.isClosed) continue;
      const { libc, fd } = this.#descriptor;
      const length = libc.recv(fd, this.#received, MSG_DONTWAIT);
      // When more was said than the socket keeps, what is lost is unknown: then it counts how the addresses are now.
      const messages = length < 0 ? [] : decodeMessages(this.#received.subarray(0, length)) ?? [];
      const lost = messages.filter(({ type }) => type === RTM.DELADDR)
        .flatMap(({ payload }) => decodeAddress(payload) ?? []);
      return { lost };
    }
    return undefined;
  }

  /** A `next` under way returns undefined. Harmless when repeated. */
  close(): void {
    this.#wait.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
