/**
 * The kernel's links, addresses and routes, over a socket of rtnetlink(7).
 * @module
 */

import type { Cidr, IpAddress, IpFamily, MacAddress } from "../../net/mod.ts";
import { HostError, InterfaceExistsError, NoInterfaceError, NotPermittedError } from "../host_error.ts";
import { readForwarding, writeForwarding6 } from "./forwarding_settings.ts";
import { type Descriptor, ERRNO } from "../ffi/mod.ts";
import { clearExit, EXIT_TABLE, type ExitPlan, setExit } from "./exit_routing.ts";
import { decodeErrno, decodeMessages, encodeRequest, NLM_F, NLMSG, openNetlink } from "./netlink_message.ts";
import { decodeLinkDetails, encodeLinkChange, type LinkChange, type LinkDetails } from "./netlink_link.ts";
import {
  decodeLink,
  decodeRoute,
  encodeAddress,
  encodeForwarding,
  encodeLink,
  encodeNoLinkLocal,
  encodeRoute,
  encodeSuperpackets,
  type NetlinkLink,
  type RoutePayload,
  RTM,
} from "./netlink_route.ts";
import type { HostRoute } from "./route_overlap.ts";

// linux/socket.h
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** `recv` then returns a datagram's whole length, also when it did not fit. */
const MSG_TRUNC = 0x20;
const NO_IPV6_ERRORS: readonly number[] = [ERRNO.EACCES, ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT];

/** The kernel cuts its answers to at most 32 KiB (netlink_dump in net/netlink/af_netlink.c). */
const RECEIVE_BYTES = 1 << 16;
/** The kernel answers within `send`; this bounds the harm if it does not. */
const RECEIVE_TIMEOUT_SECONDS = 2;
/** How often a listing is begun anew when routes changed meanwhile. */
const MAX_DUMP_ATTEMPTS = 5;

/** Links, addresses and routes of the host, as a port: tests have a network in memory. */
export interface HostNetwork {
  /** Whether there is an interface of that name. */
  linkExists(interfaceName: string): boolean;
  /** Whether that interface is up and somebody serves it. @throws HostError */
  isLinkRunning(interfaceName: string): boolean;
  /** Brings an interface up, with a longest packet of `mtuBytes`. @throws HostError, NotPermittedError */
  setLinkUp(interfaceName: string, mtuBytes: number): void;
  /** Removes an interface; harmless when there is none. @throws HostError, NotPermittedError */
  deleteLink(interfaceName: string): void;
  /**
   * Gives an interface an address; harmless when it has it. Its prefix becomes a route while the interface is up.
   * @throws HostError, NotPermittedError
   */
  addAddress(interfaceName: string, address: IpAddress, prefixBits: number): void;
  /**
   * Leads `cidr` to an interface; harmless when it leads there.
   * @throws HostError, also when it leads elsewhere; NotPermittedError
   */
  addRoute(cidr: Cidr, interfaceName: string): void;
  /** Removes such a route; harmless when there is none. @throws HostError, NotPermittedError */
  removeRoute(cidr: Cidr, interfaceName: string): void;
  /** @returns the routes of all tables; one with several next hops once for each @throws HostError */
  listRoutes(): readonly HostRoute[];
  /**
   * @param interfaceName or `all`, which is off while single interfaces forward
   * @returns whether packets that come in by an interface are forwarded; undefined when that cannot be said of a single
   * interface, as for IPv6 before Linux 6.17, or there is no such interface
   */
  isForwarding(interfaceName: string, family: IpFamily): boolean | undefined;
  /**
   * Forwards what comes in by an interface, or no longer, unless all interfaces forward; harmless when there is none.
   * @throws HostError, NotPermittedError
   */
  setForwarding(interfaceName: string, family: IpFamily, isOn: boolean): void;
  /**
   * Sends what is for nobody that this host knows to an interface, as `ExitPlan` says; it stays when the interface goes.
   * @param former what was set before in this process
   * @throws HostError, NotPermittedError; then nothing gets out that should not
   */
  setExit(plan: ExitPlan, former?: ExitPlan): void;
  /** Takes that back, whoever has set it; harmless when nobody has. @throws HostError */
  clearExit(): void;
}

/** The network of the namespace that the process is in. Every call is synchronous and takes microseconds. */
export class Netlink implements HostNetwork, Disposable {
  readonly #descriptor: Descriptor;
  readonly #libc: Descriptor["libc"];
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    this.#libc = descriptor.libc;
  }

  /** @throws HostError when this is no Linux, or the kernel gives no socket */
  static open(): Netlink {
    const descriptor = openNetlink("talk to the kernel about the network");
    // struct timeval: seconds, microseconds, 64 bits each
    const timeout = new BigInt64Array([BigInt(RECEIVE_TIMEOUT_SECONDS), 0n]);
    descriptor.libc.setOption(descriptor.fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer));
    return new Netlink(descriptor);
  }

  linkExists(interfaceName: string): boolean {
    return this.#libc.interfaceIndex(interfaceName) !== 0;
  }

  isLinkRunning(interfaceName: string): boolean {
    return this.#listLinks("list the interfaces").some((link) =>
      link.name === interfaceName && link.isRunning
    );
  }

  setLinkUp(interfaceName: string, mtuBytes: number): void {
    const index = this.#index(`bring ${interfaceName} up`, interfaceName);
    // Best effort: a kernel without IPv6 refuses it and has no need of it.
    this.#change(RTM.NEWLINK, 0, encodeNoLinkLocal(index));
    this.setEthernetUp(interfaceName, mtuBytes);
  }

  /** As `setLinkUp`, and IPv6 has its link-local address, as on any Ethernet. @throws HostError, NotPermittedError */
  setEthernetUp(interfaceName: string, mtuBytes: number): void {
    const what = `bring ${interfaceName} up`;
    const index = this.#index(what, interfaceName);
    const errno = this.#change(RTM.NEWLINK, 0, encodeLink(index, { isUp: true, mtuBytes }));
    if (errno !== 0) throw kernelError(what, errno);
  }

  /** Sets an interface's longest packet and leaves it as it is otherwise. @throws HostError, NotPermittedError */
  setLinkMtu(interfaceName: string, mtuBytes: number): void {
    const what = `set the MTU of ${interfaceName} to ${mtuBytes}`;
    const payload = encodeLink(this.#index(what, interfaceName), { mtuBytes });
    const errno = this.#change(RTM.NEWLINK, 0, payload);
    if (errno !== 0) throw kernelError(what, errno);
  }

  /** @returns the interface as it is now, or undefined when there is none @throws HostError */
  findLink(interfaceName: string): LinkDetails | undefined {
    const index = this.#libc.interfaceIndex(interfaceName);
    if (index === 0) return undefined;
    const what = `look at ${interfaceName}`;
    const sequence = this.#send({ type: RTM.GETLINK, flags: 0, ...encodeLink(index, {}) });
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== sequence) continue;
        if (message.type === RTM.NEWLINK) return decodeLinkDetails(message.payload);
        if (message.type !== NLMSG.ERROR) continue;
        const errno = decodeErrno(message.payload) ?? ERRNO.EINVAL;
        if (errno === ERRNO.ENODEV) return undefined;
        throw kernelError(what, errno);
      }
    }
  }

  /** @throws NoInterfaceError, NotPermittedError, HostError, also when the interface can't have the address */
  setLinkMac(interfaceName: string, mac: MacAddress): void {
    this.#changeLink(`give ${interfaceName} the address ${mac}`, interfaceName, { mac });
  }

  /** @throws InterfaceExistsError when the name is taken, NoInterfaceError, NotPermittedError, HostError */
  renameLink(interfaceName: string, name: string): void {
    this.#changeLink(`call ${interfaceName} ${name}`, interfaceName, { name });
  }

  /**
   * Moves an interface into another network namespace, where it is down and has no addresses.
   * @param namespaceFd a descriptor of that namespace
   * @throws InterfaceExistsError when there is one of its name, NoInterfaceError, NotPermittedError, HostError
   */
  moveLink(interfaceName: string, namespaceFd: number): void {
    this.#changeLink(`move ${interfaceName} to another namespace`, interfaceName, { namespaceFd });
  }

  /**
   * Bounds the superpackets that an interface is given.
   * @param bytes with their IP header, 65,536 at most
   * @returns false when the kernel refuses, as old ones do
   */
  setSuperpacketBytes(
    interfaceName: string,
    bytes: { readonly ipv4: number; readonly ipv6: number },
  ): boolean {
    const index = this.#libc.interfaceIndex(interfaceName);
    return index !== 0 && this.#change(RTM.NEWLINK, 0, encodeSuperpackets(index, bytes)) === 0;
  }

  deleteLink(interfaceName: string): void {
    const index = this.#libc.interfaceIndex(interfaceName);
    if (index === 0) return;
    const errno = this.#change(RTM.DELLINK, 0, encodeLink(index, {}));
    if (errno !== 0 && errno !== ERRNO.ENODEV) throw kernelError(`remove ${interfaceName}`, errno);
  }

  addAddress(interfaceName: string, address: IpAddress, prefixBits: number): void {
    const what = `give ${interfaceName} the address ${address}/${prefixBits}`;
    const payload = encodeAddress(this.#index(what, interfaceName), address, prefixBits);
    const errno = this.#change(RTM.NEWADDR, NLM_F.CREATE | NLM_F.EXCL, payload);
    if (errno === 0 || errno === ERRNO.EEXIST) return;
    if (address.family === 6 && NO_IPV6_ERRORS.includes(errno)) {
      throw new HostError(`Cannot ${what}: IPv6 is off in this kernel`, {
        hint: `Turn it on with \`sysctl net.ipv6.conf.${interfaceName}.disable_ipv6=0\`, or use IPv4 only.`,
      });
    }
    throw kernelError(what, errno);
  }

  /** Takes an address away; harmless when it is not there. @throws HostError, NotPermittedError */
  removeAddress(interfaceName: string, address: IpAddress, prefixBits: number): void {
    const what = `take the address ${address}/${prefixBits} from ${interfaceName}`;
    const payload = encodeAddress(this.#index(what, interfaceName), address, prefixBits);
    const errno = this.#change(RTM.DELADDR, 0, payload);
    if (errno !== 0 && errno !== ERRNO.EADDRNOTAVAIL) throw kernelError(what, errno);
  }

  addRoute(cidr: Cidr, interfaceName: string): void {
    const what = `lead ${cidr} to ${interfaceName}`;
    const payload = encodeRoute(this.#index(what, interfaceName), cidr);
    const errno = this.#change(RTM.NEWROUTE, NLM_F.CREATE | NLM_F.EXCL, payload);
    if (errno === 0) return;
    if (errno !== ERRNO.EEXIST) throw kernelError(what, errno);
    const same = this.listRoutes().filter((route) => route.cidr.equals(cidr));
    if (same.some((route) => route.interfaceName === interfaceName)) return;
    throw new HostError(`Cannot ${what}: it leads to ${same[0]?.interfaceName ?? "nowhere"} already`, {
      hint: `Remove that route with \`ip route del ${cidr}\`, or choose another block with --cidr.`,
    });
  }

  removeRoute(cidr: Cidr, interfaceName: string): void {
    const index = this.#libc.interfaceIndex(interfaceName);
    // Routes go with their interface.
    if (index === 0) return;
    const errno = this.#change(RTM.DELROUTE, 0, encodeRoute(index, cidr));
    if (errno !== 0 && errno !== ERRNO.ESRCH) throw kernelError(`remove the route ${cidr}`, errno);
  }

  listRoutes(): readonly HostRoute[] {
    const what = "list the routes";
    const links = new Map(this.#listLinks(what).map((link) => [link.index, link]));
    const routes = this.#dump(what, RTM.GETROUTE, {
      answer: RTM.NEWROUTE,
      bodyBytes: 12,
      decode: decodeRoute,
    });
    return routes.flatMap((route): HostRoute[] => {
      if (route === "other") return [];
      const { cidr, table, interfaceIndexes } = route;
      if (interfaceIndexes.length === 0) return [{ cidr, table, interfaceName: undefined }];
      return interfaceIndexes.map((index) => {
        const link = links.get(index);
        return { cidr, table, interfaceName: link?.name, ...link?.isRunning === false && { isDown: true } };
      });
    });
  }

  isForwarding(interfaceName: string, family: IpFamily): boolean | undefined {
    return readForwarding(interfaceName, family);
  }

  setForwarding(interfaceName: string, family: IpFamily, isOn: boolean): void {
    const index = this.#libc.interfaceIndex(interfaceName);
    // Somebody else may have turned it on for all since weft did for this one.
    if (index === 0 || !isOn && this.isForwarding("all", family) === true) return;
    const what = `${isOn ? "begin" : "cease"} to forward what comes in by ${interfaceName}`;
    if (family === 6) return writeForwarding6(what, interfaceName, isOn);
    // Unlike the file of the setting, it can be written inside of a sandbox.
    const errno = this.#change(RTM.NEWLINK, 0, encodeForwarding(index, isOn));
    if (errno !== 0 && errno !== ERRNO.ENODEV) throw kernelError(what, errno);
  }

  setExit(plan: ExitPlan, former?: ExitPlan): void {
    const what = "send everything through the mesh";
    const change = this.#change.bind(this);
    const errno = setExit(change, this.#index(what, plan.interfaceName), plan, former);
    if (errno !== 0) throw kernelError(what, errno);
  }

  clearExit(): void {
    const blocks = this.listRoutes().filter(({ table }) => table === EXIT_TABLE).map(({ cidr }) => cidr);
    clearExit(this.#change.bind(this), blocks);
  }

  /** Closes the socket. Harmless when repeated. */
  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #listLinks(what: string): readonly NetlinkLink[] {
    return this.#dump(what, RTM.GETLINK, { answer: RTM.NEWLINK, bodyBytes: 16, decode: decodeLink });
  }

  #changeLink(what: string, interfaceName: string, change: LinkChange): void {
    const payload = encodeLinkChange(this.#index(what, interfaceName), change);
    const errno = this.#change(RTM.NEWLINK, 0, payload);
    if (errno === ERRNO.EEXIST) throw new InterfaceExistsError(change.name ?? interfaceName);
    if (errno === ERRNO.ENODEV) throw new NoInterfaceError(what, interfaceName);
    if (errno !== 0) throw kernelError(what, errno);
  }

  #index(what: string, interfaceName: string): number {
    const index = this.#libc.interfaceIndex(interfaceName);
    if (index !== 0) return index;
    throw new NoInterfaceError(what, interfaceName);
  }

  /** Asks for a change. @returns the kernel's `errno`, 0 when it is done */
  #change(type: number, flags: number, payload: RoutePayload): number {
    const sequence = this.#send({ type, flags: flags | NLM_F.ACK, ...payload });
    for (;;) {
      for (const message of this.#receive("change the network")) {
        if (message.sequence !== sequence || message.type !== NLMSG.ERROR) continue;
        return decodeErrno(message.payload) ?? ERRNO.EINVAL;
      }
    }
  }

  #dump<T>(what: string, type: number, kind: DumpKind<T>): readonly T[] {
    for (let attempt = 0; attempt < MAX_DUMP_ATTEMPTS; attempt++) {
      const items = this.#dumpOnce(what, type, kind);
      if (items !== undefined) return items;
    }
    throw new HostError(`Cannot ${what}: they keep changing`, { retryable: true });
  }

  /** @returns undefined when what is listed changed meanwhile */
  #dumpOnce<T>(what: string, type: number, kind: DumpKind<T>): readonly T[] | undefined {
    const sequence = this.#send({ type, flags: NLM_F.DUMP, body: new Uint8Array(kind.bodyBytes) });
    const items: T[] = [];
    let isWhole = true;
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F.DUMP_INTR) !== 0) isWhole = false;
        if (message.type === NLMSG.DONE) return isWhole ? items : undefined;
        if (message.type === NLMSG.ERROR) {
          throw kernelError(what, decodeErrno(message.payload) ?? ERRNO.EINVAL);
        }
        if (message.type !== kind.answer) continue;
        const item = kind.decode(message.payload);
        if (item === undefined) throw senselessAnswer(what);
        items.push(item);
      }
    }
  }

  #send(request: { readonly type: number; readonly flags: number } & Partial<RoutePayload>): number {
    if (this.#descriptor.isClosed) throw new TypeError("Cannot talk to the kernel: the socket is closed");
    this.#sequence = (this.#sequence + 1) >>> 0;
    const message = encodeRequest({ body: new Uint8Array(0), ...request, sequence: this.#sequence });
    if (this.#libc.send(this.#descriptor.fd, message, 0) !== message.length) {
      throw kernelError("ask the kernel about the network", this.#libc.errno);
    }
    return this.#sequence;
  }

  #receive(what: string): ReturnType<typeof decodeMessages> & object {
    let length: number;
    do length = this.#libc.recv(this.#descriptor.fd, this.#received, MSG_TRUNC); while (
      length < 0 && this.#libc.errno === ERRNO.EINTR
    );
    if (length < 0) throw kernelError(what, this.#libc.errno);
    const messages = length > RECEIVE_BYTES ? undefined : decodeMessages(this.#received.subarray(0, length));
    if (messages === undefined) throw senselessAnswer(what);
    return messages;
  }
}

/** How a listing is asked for, and how each of its items is read. */
interface DumpKind<T> {
  readonly answer: number;
  readonly bodyBytes: number;
  decode(payload: Uint8Array): T | undefined;
}

function kernelError(what: string, errno: number): HostError | NotPermittedError {
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES) return new NotPermittedError(what);
  const says = errno === ERRNO.EAGAIN ? "the kernel does not answer" : `error ${errno} of the kernel`;
  return new HostError(`Cannot ${what}: ${says}`, {
    hint: "See what the kernel says with `dmesg`, or use --rootless to join without a network interface.",
    retryable: errno === ERRNO.EAGAIN || errno === ERRNO.EBUSY,
  });
}

function senselessAnswer(what: string): HostError {
  return new HostError(`Cannot ${what}: the kernel's answer makes no sense`, {
    hint: "Use --rootless to join without a network interface.",
  });
}
