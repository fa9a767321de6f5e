/**
 * What becomes of one interface: rtnetlink(7) tells whoever has joined the group of links.
 * @module
 */

import { HostError } from "../host_error.ts";
import { type Descriptor, DescriptorWait, ERRNO, O_NONBLOCK } from "../ffi/mod.ts";
import {
  AF_NETLINK,
  decodeMessages,
  encodeRequest,
  type NetlinkMessage,
  NLMSG,
  openNetlink,
} from "./netlink_message.ts";
import {
  decodeLinkMove,
  decodeLinkState,
  encodeLinkQuery,
  type LinkPlace,
  type LinkState,
  RTM,
} from "./netlink_route.ts";

// linux/rtnetlink.h, linux/socket.h
const RTMGRP_LINK = 1;
const SOL_NETLINK = 270;
const NETLINK_LISTEN_ALL_NSID = 8;
const MSG_DONTWAIT = 0x40;
const RECEIVE_BYTES = 1 << 16;
/** Of questions; what the kernel tells unasked has 0. */
const SEQUENCE = 1;

/**
 * Follows the interface also when it is renamed, or moved to another namespace, and keeps none alive for that; it is lost
 * when it is moved once more.
 */
export class LinkMonitor implements Disposable {
  readonly #descriptor: Descriptor;
  #place: LinkPlace;
  readonly #wait: DescriptorWait;
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  readonly #pending: (LinkState | "gone")[] = [];
  #isGone = false;

  private constructor(descriptor: Descriptor, index: number) {
    this.#descriptor = descriptor;
    this.#place = { index, namespaceId: undefined };
    this.#wait = new DescriptorWait(descriptor);
  }

  /** @throws HostError when there is no such interface, or the kernel gives no socket */
  static open(interfaceName: string): LinkMonitor {
    const descriptor = openNetlink(`follow ${interfaceName}`, O_NONBLOCK);
    const { libc, fd } = descriptor;
    // struct sockaddr_nl: family (16 bits), pad, port: 0, groups (32 bits)
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    address[8] = RTMGRP_LINK;
    const index = libc.interfaceIndex(interfaceName);
    if (index === 0 || libc.bind(fd, address) < 0) {
      const { errno } = libc;
      descriptor.close();
      throw new HostError(`Cannot follow ${interfaceName}: error ${errno} of the kernel`);
    }
    const monitor = new LinkMonitor(descriptor, index);
    monitor.#ask();
    return monitor;
  }

  /**
   * Waits; one call is under way at a time.
   * @returns how the interface is at first and after each change, "gone" when it was deleted or lost, or undefined after
   * `close`
   */
  async next(): Promise<LinkState | "gone" | undefined> {
    while (!this.#wait.isClosed) {
      const state = this.#pending.shift();
      if (state !== undefined) return state;
      const events = await this.#wait.wait();
      if (events !== 0 && !this.#wait.isClosed) this.#receive();
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

  #ask(): void {
    const request = { type: RTM.GETLINK, flags: 0, sequence: SEQUENCE, ...encodeLinkQuery(this.#place) };
    this.#descriptor.libc.send(this.#descriptor.fd, encodeRequest(request), 0);
  }

  #receive(): void {
    const { libc, fd } = this.#descriptor;
    const length = libc.recv(fd, this.#received, MSG_DONTWAIT);
    if (length < 0) {
      // More was said than the socket keeps: what counts is how the interface is now.
      if (libc.errno === ERRNO.ENOBUFS) this.#ask();
      return;
    }
    if (this.#isGone) return;
    const messages = decodeMessages(this.#received.subarray(0, length)) ?? [];
    if (this.#place.namespaceId === undefined) { for (const message of messages) this.#takeHere(message); }
    else this.#takeAway(messages);
  }

  #takeHere({ type, payload }: NetlinkMessage): void {
    if (type !== RTM.NEWLINK && type !== RTM.DELLINK) return;
    const state = decodeLinkState(payload);
    if (state?.index !== this.#place.index) return;
    if (type === RTM.NEWLINK) return void this.#pending.push(state);
    const place = decodeLinkMove(payload);
    if (place === undefined || !this.#listenEverywhere(true)) return this.#lose();
    this.#place = place;
    this.#ask();
  }

  /** The kernel tells of all namespaces' links, and not which is whose: that says only when to ask again. */
  #takeAway(messages: readonly NetlinkMessage[]): void {
    for (const { type, sequence, payload } of messages) {
      if (sequence !== SEQUENCE) continue;
      const state = type === RTM.NEWLINK ? decodeLinkState(payload) : undefined;
      if (state !== undefined) this.#pending.push(state);
      else if (type === NLMSG.ERROR) return this.#lose();
    }
    if (messages.some(({ sequence }) => sequence !== SEQUENCE)) this.#ask();
  }

  #lose(): void {
    this.#isGone = true;
    this.#listenEverywhere(false);
    this.#pending.push("gone");
  }

  #listenEverywhere(isOn: boolean): boolean {
    const { libc, fd } = this.#descriptor;
    return libc.setOption(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, isOn ? 1 : 0);
  }
}
