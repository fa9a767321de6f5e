/**
 * An interface for tests of a plane with its worker: a pair of sockets.
 * @module
 */

import assert from "node:assert/strict";
import type { OffloadTun } from "../../../host/mod.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET_NONBLOCK = 5 | 0x800;

/** An interface whose other end is the test's. */
export interface FakeTun extends OffloadTun, Disposable {
  /** Puts a frame in, virtio header included. */
  put(frame: Uint8Array<ArrayBuffer>): void;
  /** @returns the next frame that was written, or undefined */
  take(): Uint8Array | undefined;
  /** Does what deleting an interface does. */
  breakOff(): void;
  readonly isClosed: boolean;
}

/** Needs Linux. */
export function openFakeTun(): FakeTun {
  const libc = Deno.dlopen("libc.so.6", {
    socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const pair = new Int32Array(2);
  assert.equal(libc.symbols.socketpair(AF_UNIX, SOCK_SEQPACKET_NONBLOCK, 0, new Uint8Array(pair.buffer)), 0);
  const [fd = -1, other = -1] = pair;
  const open = new Set([fd, other]);
  const close = (which: number) => {
    if (open.delete(which)) libc.symbols.close(which);
  };
  return {
    name: "none",
    fd,
    offloads: { tso: true, uso: true },
    close: () => close(fd),
    get isClosed() {
      return !open.has(fd);
    },
    put: (frame) =>
      assert.equal(Number(libc.symbols.send(other, frame, BigInt(frame.length), 0)), frame.length),
    take: () => {
      const out = new Uint8Array(70_000);
      const length = Number(libc.symbols.recv(other, out, BigInt(out.length), 0));
      return length > 0 ? out.slice(0, length) : undefined;
    },
    breakOff: () => close(other),
    [Symbol.dispose]: () => {
      close(fd);
      close(other);
      libc.close();
    },
  };
}

/** Looks until there is something. @throws AssertionError when it never comes */
export async function waitUntil<T>(look: () => T | undefined, boundMs = 20_000): Promise<T> {
  for (const end = performance.now() + boundMs;;) {
    const found = look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < end, "it never came");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
