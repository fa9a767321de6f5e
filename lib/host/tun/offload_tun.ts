/**
 * A TUN interface that carries superpackets: the kernel leaves segmenting and checksums to whoever reads, and takes
 * coalesced packets from whoever writes (Documentation/networking/tuntap.rst, include/uapi/linux/virtio_net.h).
 * @module
 */

import { HostError } from "../host_error.ts";
import { attachTun, IFF_VNET_HDR, type TunOptions } from "./tun_attach.ts";

// linux/if_tun.h
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUN_F_CSUM_TSO4_TSO6 = 0x07;
/** USO4 alone is refused. */
const TUN_F_USO4_USO6 = 0x60;

/** The virtio header stands before every packet, in both directions. */
export const VIRTIO_HEADER_BYTES = 10;

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
  const descriptor = attachTun(options, IFF_VNET_HDR);
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
