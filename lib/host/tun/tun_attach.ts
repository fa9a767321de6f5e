/**
 * Making a TUN interface, or a TAP, which carries Ethernet frames, whatever reads from it, also one that carries
 * superpackets: the kernel leaves segmenting and checksums to whoever reads, and takes coalesced packets from whoever
 * writes (Documentation/networking/tuntap.rst, include/uapi/linux/virtio_net.h); and whether the process may.
 * @module
 */

import { HostError, InterfaceExistsError, NotPermittedError, NoTunDeviceError } from "../host_error.ts";
import { Descriptor, ERRNO, O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../ffi/mod.ts";

// linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
/** Without it the kernel would attach to a persistent device that somebody else made. */
const IFF_TUN_EXCL = 0x8000;
/** Each packet has a virtio header before it, which says what is left to do for it. */
const IFF_VNET_HDR = 0x4000;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUN_F_CSUM_TSO4_TSO6 = 0x07;
/** USO4 alone is refused. */
const TUN_F_USO4_USO6 = 0x60;

/** The virtio header stands before every packet, in both directions. */
const VIRTIO_HEADER_BYTES = 10;
// linux/if.h
const IFNAMSIZ = 16;
const IFREQ_BYTES = 40;
// linux/capability.h
const CAP_NET_ADMIN = 12n;

/** Whether an interface carries IP packets or Ethernet frames. */
type Layer = typeof IFF_TUN | typeof IFF_TAP;

/** Name and longest packet of an interface. */
export interface TunOptions {
  /** 1 to 15 of `A-Za-z0-9_.-`, beginning with a letter or digit. */
  readonly name: string;
  /** The longest packet, 576 to 65535; the interface itself gets it from `Netlink.setLinkUp`. */
  readonly mtuBytes: number;
}

/**
 * Makes a TUN interface, or a TAP; it is down and has no address.
 *
 * @param flags further flags of TUNSETIFF
 * @returns its descriptor, which does not block; the interface goes with it
 * @throws RangeError when the name or MTU is none
 * @throws NoTunDeviceError without the driver, NotPermittedError without CAP_NET_ADMIN, InterfaceExistsError when
 * the name is taken, HostError for anything else
 */
export function attachTun({ name, mtuBytes }: TunOptions, flags = 0, layer: Layer = IFF_TUN): Descriptor {
  assertTunOptions({ name, mtuBytes });
  return Descriptor.open(`make the interface ${name}`, (libc) => {
    const fd = libc.open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) throw openError(name, libc.errno);
    const request = new Uint8Array(IFREQ_BYTES);
    new TextEncoder().encodeInto(name, request);
    new DataView(request.buffer).setUint16(IFNAMSIZ, layer | IFF_NO_PI | IFF_TUN_EXCL | flags, true);
    if (libc.ioctl(fd, TUNSETIFF, request) >= 0) return fd;
    const { errno } = libc;
    libc.close(fd);
    // The kernel's answer for a name that is taken depends on what has it; for a TUN device in use it is EBUSY.
    throw errno !== ERRNO.EPERM && libc.interfaceIndex(name) !== 0
      ? new InterfaceExistsError(name)
      : openError(name, errno);
  });
}

/** @throws RangeError when the name or MTU is none */
export function assertTunOptions({ name, mtuBytes }: TunOptions): void {
  if (!/^[A-Za-z0-9][\w.-]{0,14}$/.test(name)) {
    throw new RangeError(`Cannot make the interface ${JSON.stringify(name)}: that is no interface name`);
  }
  if (!Number.isInteger(mtuBytes) || mtuBytes < 576 || mtuBytes > 65_535) {
    throw new RangeError(`Cannot make the interface ${name}: its MTU is 576 to 65535, not ${mtuBytes}`);
  }
}

function openError(name: string, errno: number): Error {
  switch (errno) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return new NotPermittedError(`make the interface ${name}`);
    case ERRNO.ENOENT:
    case ERRNO.ENODEV:
    case ERRNO.ENXIO:
      return new NoTunDeviceError();
    case ERRNO.EBUSY:
      return new InterfaceExistsError(name);
    default:
      return new HostError(`Cannot make the interface ${name}: error ${errno} of the kernel`, {
        hint: "See what the kernel says with `dmesg`, or use --rootless to join without a network interface.",
      });
  }
}

/** A descriptor that is read and written by somebody else. */
export interface OffloadTun {
  readonly name: string;
  /** Does not block. */
  readonly fd: number;
  /** TCP and UDP superpackets are read and may be written. */
  readonly offloads: { readonly tso: boolean; readonly uso: boolean };
  /** Removes the interface; nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/**
 * Makes the interface; it is down and has no address.
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export function openOffloadTun(options: TunOptions): OffloadTun {
  return withOffloads(options, attachTun(options, IFF_VNET_HDR));
}

/**
 * Makes a TAP interface; it is down, has a MAC address of the kernel's choice and no other. Without `hasHeader` frames
 * are read and written bare, and none is a superpacket.
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export function openTap(options: TunOptions & { readonly hasHeader: boolean }): OffloadTun {
  if (options.hasHeader) return withOffloads(options, attachTun(options, IFF_VNET_HDR, IFF_TAP));
  const descriptor = attachTun(options, 0, IFF_TAP);
  const offloads = { tso: false, uso: false };
  return { name: options.name, fd: descriptor.fd, offloads, close: () => descriptor.close() };
}

function withOffloads(options: TunOptions, descriptor: Descriptor): OffloadTun {
  const { libc, fd } = descriptor;
  const headerBytes = new Uint8Array(Int32Array.of(VIRTIO_HEADER_BYTES).buffer);
  if (libc.ioctl(fd, TUNSETVNETHDRSZ, headerBytes) < 0) {
    const { errno } = libc;
    descriptor.close();
    throw new HostError(`Cannot set up ${options.name} for superpackets: error ${errno} of the kernel`);
  }
  const tso = libc.ioctlValue(fd, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6) >= 0;
  const uso = tso && libc.ioctlValue(fd, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6 | TUN_F_USO4_USO6) >= 0;
  return { name: options.name, fd, offloads: { tso, uso }, close: () => descriptor.close() };
}

/** Whether the process may make network interfaces and routes: it has the capability CAP_NET_ADMIN. */
export function canConfigureNetwork(): boolean {
  try {
    return hasCapability(Deno.readTextFileSync("/proc/self/status"), CAP_NET_ADMIN);
  } catch {
    // Only Linux has this file, and without its capabilities there is no saying more than who the user is.
    return Deno.uid() === 0;
  }
}

/** Whether the kernel offers TUN devices here: /dev/net/tun is a character device. */
export function hasTunDevice(): boolean {
  try {
    return Deno.statSync("/dev/net/tun").isCharDevice === true;
  } catch {
    return false;
  }
}

/**
 * Reads the effective capabilities of proc_pid_status(5).
 * @param status the text of /proc/…/status
 * @param bit the capability's number
 */
export function hasCapability(status: string, bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) >> bit & 1n) === 1n;
}
