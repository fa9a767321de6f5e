/**
 * What becomes of one interface: rtnetlink(7) tells whoever has joined the group of links.
 * @module
 */

import { HostError } from "./host_error.ts";
import { ERRNO, Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { decodeMessages, encodeRequest } from "./netlink_message.ts";
import { decodeLinkState, encodeLink, type LinkState, RTM } from "./netlink_route.ts";

// linux/socket.h, linux/rtnetlink.h, asm-generic/poll.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const MSG_DONTWAIT = 0x40;
const POLLIN = 0x1;
const RECEIVE_BYTES = 1 << 16;

/** Follows the interface also when it is renamed; it is lost when it is moved to another namespace. */
export class LinkMonitor implements Disposable {
  readonly #libc: Libc;
  readonly #index: number;
  readonly #socket: number;
  readonly #wakeFd: number;
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  readonly #pending: (LinkState | "gone")[] = [];
  #isPolling = false;
  #isClosed = false;

  private constructor(libc: Libc, parts: { index: number; socket: number; wakeFd: number }) {
    this.#libc = libc;
    this.#index = parts.index;
    this.#socket = parts.socket;
    this.#wakeFd = parts.wakeFd;
  }

  /** @throws HostError when there is no such interface, or the kernel gives no socket */
  static open(interfaceName: string): LinkMonitor {
    const libc = Libc.open();
    const index = libc.interfaceIndex(interfaceName);
    const flags = O_CLOEXEC | O_NONBLOCK;
    const socket = index === 0 ? -1 : libc.socket(AF_NETLINK, SOCK_RAW | flags, NETLINK_ROUTE);
    const wakeFd = socket < 0 ? -1 : libc.eventfd(flags);
    // struct sockaddr_nl: family (16 bits), pad, port: 0, groups (32 bits)
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    address[8] = RTMGRP_LINK;
    if (wakeFd >= 0 && libc.bind(socket, address) >= 0) {
      const monitor = new LinkMonitor(libc, { index, socket, wakeFd });
      monitor.#ask();
      return monitor;
    }
    const { errno } = libc;
    for (const fd of [socket, wakeFd]) if (fd >= 0) libc.close(fd);
    libc.unload();
    throw new HostError(`Cannot follow ${interfaceName}: error ${errno} of the kernel`);
  }

  /**
   * Waits; one call is under way at a time.
   * @returns how the interface is at first and after each change, "gone" when it has left this namespace, or undefined
   * after `close`
   */
  async next(): Promise<LinkState | "gone" | undefined> {
    const polled = new Uint8Array(16);
    const view = new DataView(polled.buffer);
    for (const [at, fd] of [[0, this.#socket], [8, this.#wakeFd]] as const) {
      view.setInt32(at, fd, true);
      view.setInt16(at + 4, POLLIN, true);
    }
    while (!this.#isClosed) {
      const state = this.#pending.shift();
      if (state !== undefined) return state;
      this.#isPolling = true;
      await this.#libc.poll(polled, -1);
      this.#isPolling = false;
      if (this.#isClosed) this.#release();
      else this.#receive();
    }
    return undefined;
  }

  /** A `next` under way returns undefined. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isPolling) this.#libc.write(this.#wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    else this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(): void {
    const request = { type: RTM.GETLINK, flags: 0, sequence: 1, ...encodeLink(this.#index, {}) };
    this.#libc.send(this.#socket, encodeRequest(request), 0);
  }

  #receive(): void {
    const length = this.#libc.recv(this.#socket, this.#received, MSG_DONTWAIT);
    if (length < 0) {
      // More was said than the socket keeps: what counts is how the interface is now.
      if (this.#libc.errno === ERRNO.ENOBUFS) this.#ask();
      return;
    }
    for (const message of decodeMessages(this.#received.subarray(0, length)) ?? []) {
      if (message.type !== RTM.NEWLINK && message.type !== RTM.DELLINK) continue;
      const state = decodeLinkState(message.payload);
      if (state?.index !== this.#index) continue;
      this.#pending.push(message.type === RTM.DELLINK ? "gone" : state);
    }
  }

  #release(): void {
    this.#libc.close(this.#socket);
    this.#libc.close(this.#wakeFd);
    this.#libc.unload();
  }
}
