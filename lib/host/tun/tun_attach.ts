/**
 * Making a TUN interface, or a TAP, which carries Ethernet frames, whatever reads from it, also one that carries
 * superpackets: the kernel leaves segmenting and checksums to whoever reads, and takes coalesced packets from whoever
 * writes (Documentation/networking/tuntap.rst, include/uapi/linux/virtio_net.h); and whether the process may.
 * @module
 */

import { HostError, InterfaceExistsError, NotPermittedError, NoTunDeviceError } from "../host_error.ts";
import { Descriptor, ERRNO, Libc, O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../ffi/mod.ts";
import { loadSteering } from "./queue_steering.ts";

// linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
/** Without it the kernel would attach to a persistent device that somebody else made. */
const IFF_TUN_EXCL = 0x8000;
/** Each packet has a virtio header before it, which says what is left to do for it. */
const IFF_VNET_HDR = 0x4000;
/** It may have several descriptors. */
const IFF_MULTI_QUEUE = 0x0100;
const TUNSETSTEERINGEBPF = 0x800454e0;
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
const DEVICE = "/dev/net/tun";

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
 * @param flags of TUNSETIFF; with IFF_TUN_EXCL, as it is unless given, there must be no such interface yet
 * @returns its descriptor, which does not block; the interface goes with it
 * @throws RangeError when the name or MTU is none
 * @throws NoTunDeviceError without the driver, NotPermittedError without CAP_NET_ADMIN, InterfaceExistsError when
 * the name is taken, HostError for anything else
 */
export function attachTun(
  { name, mtuBytes }: TunOptions,
  flags: number = IFF_TUN_EXCL,
  layer: Layer = IFF_TUN,
): Descriptor {
  assertTunOptions({ name, mtuBytes });
  return Descriptor.open(`make the interface ${name}`, (libc) => {
    const fd = libc.open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) throw openError(name, libc.errno);
    const request = new Uint8Array(IFREQ_BYTES);
    new TextEncoder().encodeInto(name, request);
    new DataView(request.buffer).setUint16(IFNAMSIZ, layer | IFF_NO_PI | flags, true);
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
      return new NotPermittedError(`make the interface ${name}`);
    case ERRNO.EACCES:
      return tunForbidden();
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
  /** Further ways out of the interface; undefined where it has one. */
  readonly queues?: TunQueues | undefined;
  /** Why there is one, where several were wanted. */
  readonly queueProblem?: string | undefined;
  /** Removes the interface; nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/** Descriptors of an interface beside its first one: packets of one flow always come to the same. */
export interface TunQueues {
  /** They do not block. */
  readonly fds: readonly number[];
  /** Has packets come to all of them, or to the first one only, as at the beginning. @returns whether the kernel took it */
  spread(isOn: boolean): boolean;
  /** Nobody reads there any more: its flows go to others. Harmless when repeated. */
  close(fd: number): void;
}

/**
 * Makes the interface; it is down and has no address.
 * @param queues how many ways out it is to have; one where the kernel does not steer packets
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export function openOffloadTun(options: TunOptions, queues = 1): OffloadTun {
  if (queues === 1) return withOffloads(options, attachTun(options, IFF_VNET_HDR | IFF_TUN_EXCL));
  try {
    return openQueues(options, queues);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { ...openOffloadTun(options), queueProblem: error.message };
  }
}

function openQueues(options: TunOptions, count: number): OffloadTun {
  using stack = new DisposableStack();
  const flags = IFF_VNET_HDR | IFF_MULTI_QUEUE;
  const first = withOffloads(options, attachTun(options, flags | IFF_TUN_EXCL));
  stack.defer(() => first.close());
  const open = new Map<number, Descriptor>();
  for (let i = 1; i < count; i++) {
    const further = stack.adopt(attachTun(options, flags), (each) => each.close());
    open.set(further.fd, further);
  }
  const [one, all] = [false, true].map((isSpread) =>
    stack.adopt(new Descriptor(Libc.open(), loadSteering(isSpread)), (each) => each.close())
  );
  const spread = (isOn: boolean): boolean => {
    const program = new Uint8Array(Int32Array.of((isOn ? all : one)?.fd ?? -1).buffer);
    return !all?.isClosed && all?.libc.ioctl(first.fd, TUNSETSTEERINGEBPF, program) === 0;
  };
  if (!spread(false)) {
    throw new HostError("Cannot steer packets to several queues: the kernel has no such call");
  }
  const held = stack.move();
  return {
    ...first,
    queues: { fds: [...open.keys()], spread, close: (fd) => open.get(fd)?.close() },
    close: () => held.dispose(),
  };
}

/**
 * Makes a TAP interface; it is down, has a MAC address of the kernel's choice and no other. Without `hasHeader` frames
 * are read and written bare, and none is a superpacket.
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export function openTap(options: TunOptions & { readonly hasHeader: boolean }): OffloadTun {
  if (options.hasHeader) {
    return withOffloads(options, attachTun(options, IFF_VNET_HDR | IFF_TUN_EXCL, IFF_TAP));
  }
  const descriptor = attachTun(options, IFF_TUN_EXCL, IFF_TAP);
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
    return Deno.statSync(DEVICE).isCharDevice === true;
  } catch {
    return false;
  }
}

/** Whether this user may open /dev/net/tun, if it is there; opening it makes no interface. */
export function mayOpenTun(): boolean {
  try {
    Deno.openSync(DEVICE, { read: true, write: true }).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.PermissionDenied);
  }
}

/**
 * Checks that an interface can be made here.
 * @throws NotPermittedError without CAP_NET_ADMIN, or where /dev/net/tun is for other users
 * @throws NoTunDeviceError without the driver
 */
export function checkTun(interfaceName: string): void {
  if (!canConfigureNetwork()) throw new NotPermittedError(`make the interface ${interfaceName}`);
  if (!hasTunDevice()) throw new NoTunDeviceError();
  if (!mayOpenTun()) throw tunForbidden();
}

/** @returns what to say where it may not: its mode is for others, and not a capability of networks */
function tunForbidden(): NotPermittedError {
  return new NotPermittedError(`open ${DEVICE}`, "CAP_DAC_OVERRIDE");
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
