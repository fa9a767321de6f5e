/**
 * Sockets on an Ethernet interface (packet(7)): every frame that it receives, and frames sent as they are, both with virtio
 * headers, so that superframes pass whole.
 *
 * What a socket changes of the host goes with it, also when the process is killed: the interface is promiscuous for as long
 * as a socket is a member of it, so there is nothing to write into the journal.
 * @module
 */

import type { MacAddress } from "../../net/mod.ts";
import { Descriptor, ERRNO, O_CLOEXEC, O_NONBLOCK } from "../ffi/mod.ts";
import { HostError, NoInterfaceError, NotPermittedError, UnfitInterfaceError } from "../host_error.ts";
import { type HostRoute, type LinkDetails, Netlink } from "../netlink/mod.ts";

// bits/socket.h, linux/if_ether.h, linux/if_packet.h
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 3;
/** The level of packet sockets' options and control messages. */
export const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
/** The control message with the tag that was taken out of a frame; also the option that asks for it. */
export const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_PROMISC = 1;
// asm-generic/socket.h
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;

/** A burst of a gigabit line for 50 ms. */
const BUFFER_BYTES = 7 << 20;

/** A descriptor that is read and written by somebody else. */
export interface PacketSocket extends Disposable {
  readonly interfaceName: string;
  /** Does not block; each frame has a virtio header of 10 bytes before it, in both directions. */
  readonly fd: number;
  /** What the interface itself has. */
  readonly mac: MacAddress;
  /** The longest IP packet. */
  readonly mtuBytes: number;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/** Which interface, and what is allowed with it. */
export interface PacketSocketOptions {
  readonly interfaceName: string;
  /** Interfaces of weft's own, which would carry their own packets round and round. */
  readonly ownInterfaces?: readonly string[];
  /** Takes also the interface that the host's default route leads to. */
  readonly allowsDefaultRoute?: boolean;
}

/**
 * Opens a socket for all frames of an interface, whomever they are for, but none that this host itself sends.
 * @throws NoInterfaceError, UnfitInterfaceError when it must not be used, NotPermittedError without CAP_NET_RAW, HostError
 */
export function openPacketSocket(options: PacketSocketOptions): PacketSocket {
  const { interfaceName } = options;
  const what = `attach ${interfaceName}`;
  const link = fitLink(what, options);
  const descriptor = Descriptor.open(what, (libc) => {
    // Protocol 0 receives nothing before it is bound.
    const fd = libc.socket(AF_PACKET, SOCK_RAW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0 && libc.errno === ERRNO.EPERM) throw new NotPermittedError(what, "CAP_NET_RAW");
    return fd;
  });
  const { libc, fd } = descriptor;
  const fail = (step: string): never => {
    const { errno } = libc;
    descriptor.close();
    if (errno === ERRNO.ENODEV) throw new NoInterfaceError(what, interfaceName);
    throw new HostError(`Cannot ${what}: error ${errno} of the kernel (${step})`);
  };
  libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
  if (!libc.setOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) fail("PACKET_VNET_HDR");
  if (!libc.setOption(fd, SOL_PACKET, PACKET_AUXDATA, 1)) fail("PACKET_AUXDATA");
  if (!libc.setOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) fail("PACKET_IGNORE_OUTGOING");
  if (libc.bind(fd, linkAddress(link.index)) < 0) fail("bind");
  if (!libc.setOption(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous(link.index))) {
    fail("PACKET_MR_PROMISC");
  }
  const close = () => descriptor.close();
  const { mac, mtuBytes } = link;
  return { interfaceName, fd, mac, mtuBytes, close, [Symbol.dispose]: close };
}

function fitLink(
  what: string,
  { interfaceName, ownInterfaces = [], allowsDefaultRoute = false }: PacketSocketOptions,
): LinkDetails & { readonly mac: MacAddress } {
  using network = Netlink.open();
  const link = network.findLink(interfaceName);
  if (link === undefined) throw new NoInterfaceError(what, interfaceName);
  const unfit = (why: string, hint: string) => new UnfitInterfaceError(`Cannot ${what}: ${why}`, { hint });
  if (ownInterfaces.includes(interfaceName)) {
    throw unfit("it is an interface of weft's own", "Choose an interface that leads to other machines.");
  }
  const { mac } = link;
  if (link.isLoopback || mac === undefined) {
    throw unfit("it is no Ethernet", "Choose an interface with a MAC address, other than the loopback.");
  }
  if (link.masterIndex !== 0) {
    throw unfit(
      "it is part of a bridge or a bond",
      "Take it out with `ip link set DEV nomaster`, or choose the bridge.",
    );
  }
  if (!link.isUp) throw unfit("it is down", `Bring it up with \`ip link set ${interfaceName} up\`.`);
  if (!allowsDefaultRoute && network.listRoutes().some((route) => isDefaultRoute(route, interfaceName))) {
    throw unfit(
      "this host's default route leads there",
      "Choose another interface; whoever is in the network would share this host's own link.",
    );
  }
  return { ...link, mac };
}

function isDefaultRoute({ cidr, interfaceName }: HostRoute, wanted: string): boolean {
  return cidr.prefixBits === 0 && interfaceName === wanted;
}

/** `struct sockaddr_ll`: family, protocol (16 bits, in the network's order), index (32 bits), of 20 bytes. */
function linkAddress(index: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  view.setInt32(4, index, true);
  return address;
}

/** `struct packet_mreq`: index (32 bits), type, address length (16 bits each), address (8 bytes). */
function promiscuous(index: number): Uint8Array<ArrayBuffer> {
  const membership = new Uint8Array(16);
  const view = new DataView(membership.buffer);
  view.setInt32(0, index, true);
  view.setUint16(4, PACKET_MR_PROMISC, true);
  return membership;
}
