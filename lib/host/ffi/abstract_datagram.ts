/**
 * Datagrams to Unix sockets whose address is no path: "abstract" ones (unix(7)), which the runtime cannot name.
 * @module
 */

import { Descriptor, loadLibc, O_CLOEXEC } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
/** A peer that is gone is an error, no signal. */
const MSG_NOSIGNAL = 0x4000;
/** Of `struct sockaddr_un`: 2 of the family, 108 of the address. */
const MAX_ADDRESS_BYTES = 110;

const SYMBOLS = {
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
} as const;

/**
 * Sends one datagram; does nothing where that fails or foreign functions are not allowed.
 * @param address begins with `@`, which stands for the null byte
 */
export function notifyAbstract(address: string, bytes: Uint8Array<ArrayBuffer>): void {
  const name = new TextEncoder().encode(`\0\0${address}`);
  new DataView(name.buffer).setUint16(0, AF_UNIX, true);
  name[2] = 0;
  if (name.length > MAX_ADDRESS_BYTES) return;
  try {
    const library = loadLibc(SYMBOLS, "");
    const socket = Descriptor.open(
      "open a socket",
      (libc) => libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0),
    );
    try {
      library.symbols.sendto(socket.fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, name, name.length);
    } finally {
      socket.close();
      library.close();
    }
  } catch {
    // The service manager says that it was told nothing.
  }
}
