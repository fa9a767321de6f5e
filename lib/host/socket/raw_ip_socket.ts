/**
 * Sockets of IP itself (raw(7), RFC 791, RFC 8200): whole payloads of one protocol, without a port.
 * @module
 */

import type { IpAddress, IpFamily } from "../../net/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { AF_INET, AF_INET6, Descriptor, ERRNO, O_CLOEXEC, O_NONBLOCK } from "../ffi/mod.ts";
import { HostError, NotPermittedError } from "../host_error.ts";
import { encodeSocketAddress } from "../udp/mod.ts";
import { configureUnderlay, type UnderlaySocketOptions } from "./underlay_options.ts";

// bits/socket.h
const SOCK_RAW = 3;

/** A descriptor that is read and written by somebody else. */
export interface RawIpSocket {
  /** Does not block. With IPv4 what is read begins with the IP header, with IPv6 behind it; what is sent does not. */
  readonly fd: number;
  readonly descriptor: Descriptor;
  readonly family: IpFamily;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/**
 * Opens a socket for all packets of a protocol that come to an address of this host, or to any.
 * @throws NotPermittedError without CAP_NET_RAW, HostError for anything else
 */
export function openRawIp(
  protocol: number,
  family: IpFamily,
  options: UnderlaySocketOptions & { readonly localAddress?: IpAddress },
): RawIpSocket {
  const what = `open a socket of IP protocol ${protocol}`;
  const descriptor = Descriptor.open(what, (libc) => {
    const fd = libc.socket(
      family === 4 ? AF_INET : AF_INET6,
      SOCK_RAW | O_NONBLOCK | O_CLOEXEC,
      protocol,
    );
    if (fd < 0 && libc.errno === ERRNO.EPERM) throw new NotPermittedError(what, "CAP_NET_RAW");
    return fd;
  });
  const { libc, fd } = descriptor;
  try {
    configureUnderlay(descriptor, family, options);
    const { localAddress } = options;
    const name = localAddress && encodeSocketAddress(new Endpoint(localAddress, 0), family);
    if (name !== undefined && libc.bind(fd, name) < 0) {
      throw new HostError(`Cannot ${what} at ${localAddress}: error ${libc.errno} of the kernel`, {
        hint: "Name an address that this host has.",
      });
    }
  } catch (error) {
    descriptor.close();
    throw error;
  }
  return { descriptor, fd, family, close: () => descriptor.close() };
}
