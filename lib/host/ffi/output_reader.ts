/**
 * Whether anybody still reads what this process writes, without writing.
 * @module
 */

import { loadLibc } from "./libc.ts";
import { polledEvents, POLLERR, POLLFD_BYTES, writePollfd } from "./structures.ts";

/** poll(2): the other end has hung up; of asm-generic/poll.h. */
const POLLHUP = 0x10;

/**
 * Opens a look at a descriptor: poll(2) says of a pipe without a reader, and of a socket whose other end is closed, that
 * something is wrong, whatever is asked for. Files and devices never are without a reader.
 * @returns a function that looks, in microseconds
 * @throws HostError where there is no GNU C library, or foreign functions are not allowed
 */
export function openReaderCheck(fd: number): Disposable & { isGone(): boolean } {
  const library = loadLibc(
    { poll: { parameters: ["buffer", "u64", "i32"], result: "i32" } },
    "The end of a reader is seen on Linux with the GNU C library.",
  );
  const bytes = new Uint8Array(POLLFD_BYTES);
  const view = new DataView(bytes.buffer);
  return {
    isGone() {
      writePollfd(view, 0, fd, 0);
      return library.symbols.poll(bytes, 1n, 0) > 0 && (polledEvents(view, 0) & (POLLERR | POLLHUP)) !== 0;
    },
    [Symbol.dispose]: () => library.close(),
  };
}
