/**
 * Two sockets that are connected to each other (socketpair(2)), for frames between a program and a plane.
 * @module
 */

import { Descriptor, ERRNO, Libc, O_CLOEXEC, O_NONBLOCK } from "../ffi/mod.ts";
import { HostError } from "../host_error.ts";

// bits/socket.h, asm-generic/socket.h
const AF_UNIX = 1;
/** Keeps messages apart, and the other end's closing is seen: a read then gives 0. */
const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;

/** What may wait in each direction: half of it goes for the kernel's own. Then a write fails with EAGAIN. */
const BUFFER_BYTES = 1 << 20;

/** Both ends do not block, and belong to whoever made them. */
export interface SocketPair extends Disposable {
  readonly ends: readonly [Descriptor, Descriptor];
  /** Closes both ends. Harmless when repeated. */
  close(): void;
}

/**
 * Makes a pair; a message is a frame, whole, of up to 65,535 bytes and a virtio header.
 * @throws HostError when there is no descriptor left, or this is no Linux
 */
export function openSocketPair(): SocketPair {
  const libc = Libc.open();
  const fds = libc.socketPair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK | O_CLOEXEC);
  if (fds === undefined) {
    const { errno } = libc;
    libc.unload();
    throw new HostError(`Cannot make a pair of sockets: error ${errno} of the kernel`, {
      hint: "Let the process have more open files: `ulimit -n`.",
      retryable: errno === ERRNO.ENOBUFS,
    });
  }
  for (const fd of fds) {
    if (!libc.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)) {
      libc.setOption(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
    }
  }
  // Each end closes by a library of its own.
  const ends = [new Descriptor(libc, fds[0]), new Descriptor(Libc.open(), fds[1])] as const;
  const close = () => ends.forEach((end) => end.close());
  return { ends, close, [Symbol.dispose]: close };
}
