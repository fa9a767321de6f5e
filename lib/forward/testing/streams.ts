/**
 * Streams for the tests of this folder: pairs in memory and over loopback TCP, and programs that use them.
 * @module
 */

import assert from "node:assert/strict";
import type { Duplex } from "../duplex.ts";
import { TcpDuplex } from "../tcp_duplex.ts";

class MemoryDuplex implements Duplex {
  other: MemoryDuplex | undefined;
  resetCode: number | undefined;
  #pieces: { readonly bytes: Uint8Array; readonly taken: (isTaken: boolean) => void }[] = [];
  #hasEnded = false;
  #wake: (() => void) | undefined;

  async read(): Promise<Uint8Array | undefined> {
    const { other } = this;
    assert.ok(other !== undefined && other.#wake === undefined, "one call at a time");
    while (this.resetCode === undefined && other.#pieces.length === 0 && !other.#hasEnded) {
      await new Promise<void>((resolve) => other.#wake = resolve);
    }
    if (this.resetCode !== undefined) return undefined;
    const piece = other.#pieces.shift();
    piece?.taken(true);
    return piece?.bytes;
  }

  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#hasEnded || this.resetCode !== undefined) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#pieces.push({ bytes: bytes.slice(), taken: resolve });
    this.#wakeReader();
    return promise;
  }

  end(): void {
    this.#hasEnded = true;
    this.#wakeReader();
  }

  reset(code: number): void {
    assert.ok(Number.isInteger(code) && code >= 0 && code <= 0xffff_ffef, `code ${code}`);
    for (const end of [this, this.other]) {
      if (end === undefined || end.resetCode !== undefined) continue;
      end.resetCode = code;
      for (const { taken } of end.#pieces) taken(false);
      end.#wakeReader();
    }
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** @returns both ends of a stream in which a write waits until it is read */
export function memoryPair(): readonly [Duplex, Duplex] {
  const [first, second] = [new MemoryDuplex(), new MemoryDuplex()];
  first.other = second;
  second.other = first;
  return [first, second];
}

/** @returns both ends of a connection over loopback */
export async function tcpPair(): Promise<readonly [TcpDuplex, TcpDuplex]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [dialled, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  return [new TcpDuplex(dialled), new TcpDuplex(accepted)];
}

/** @returns bytes that repeat after a prime number, so that a piece in a wrong place is seen */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i % 8191;
  return bytes;
}

/** Writes all of it in pieces of 48 KiB, then ends. */
export async function sendAll(stream: Duplex, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 48 << 10) {
    assert.ok(await stream.write(bytes.subarray(at, at + (48 << 10))), `write at ${at}`);
  }
  stream.end();
}

/** @returns everything until the end */
export async function readAll(stream: Duplex): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await stream.read(); piece !== undefined; piece = await stream.read()) pieces.push(piece);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** @returns exactly that many bytes; fails when the stream ends before */
export async function readExactly(
  stream: Duplex,
  length: number,
  rest: Uint8Array[] = [],
): Promise<Uint8Array> {
  const out: number[] = [];
  while (out.length < length) {
    const piece = rest.shift() ?? await stream.read() ??
      assert.fail(`the end after ${out.length} of ${length}`);
    out.push(...piece.subarray(0, length - out.length));
    assert.ok(out.length <= length && piece.length <= length, "more bytes than were awaited");
  }
  return Uint8Array.from(out);
}

/** Waits until `condition` holds, 5 s at most. */
export async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; !condition();) {
    assert.ok(performance.now() < end, `never: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A server on loopback that hands every connection to `serve`. */
export class TestServer {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #done: Promise<void>;
  readonly #streams = new Set<TcpDuplex>();

  constructor(serve: (stream: TcpDuplex) => void | Promise<void>) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#done = this.#run(serve);
  }

  /** Connections that are open. */
  get active(): number {
    return this.#streams.size;
  }

  async #run(serve: (stream: TcpDuplex) => void | Promise<void>): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      const stream = new TcpDuplex(connection);
      this.#streams.add(stream);
      void stream.closed.then(() => this.#streams.delete(stream));
      serving.push(Promise.resolve(serve(stream)));
    }
    await Promise.all(serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const stream of this.#streams) stream.reset(1);
    await this.#done;
  }
}

/** A server that gives back what it gets. */
export function echoServer(): TestServer {
  return new TestServer(async (stream) => {
    for (let piece = await stream.read(); piece !== undefined; piece = await stream.read()) {
      if (!await stream.write(piece)) break;
    }
    stream.end();
  });
}
