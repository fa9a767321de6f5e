/**
 * Streams between programs of one host, by Unix sockets; the file system says who may open one.
 * @module
 */

import { type ByteStream, utf8Bytes } from "../base/mod.ts";
import { SocketError, SocketPathInUseError } from "./errors.ts";
import { acceptNext, ConnectionStream } from "./runtime_sockets.ts";

// Where the socket is made before it is put in its place.
const UNSEEN = ".new";

// The longest path of a Unix socket on Linux, `sun_path` without its zero byte.
const MAX_SOCKET_PATH_BYTES = 107 - UNSEEN.length;

/**
 * Opens a stream to whoever listens at `path`.
 * @returns undefined when nobody does, or this user may not
 */
export async function dialUnix(path: string): Promise<ByteStream | undefined> {
  const connection = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
  return connection && new ConnectionStream(connection, `unix:${path}`);
}

/**
 * Listens at a path that only this user may open. A socket at which nobody answers is replaced.
 * @throws SocketPathInUseError when somebody answers there
 * @throws SocketError when the path is too long, holds something else, or can't be written
 */
export async function listenUnix(path: string): Promise<UnixStreamListener> {
  if (utf8Bytes(path).length > MAX_SOCKET_PATH_BYTES) {
    throw new SocketError(
      `Cannot listen at ${path}: a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
      { hint: "Choose a shorter path." },
    );
  }
  const there = await Deno.lstat(path).catch(() => undefined);
  if (there !== undefined) await removeDeadSocket(path, there);
  try {
    return new UnixStreamListener(listenPrivately(path, 0o177), path);
  } catch (cause) {
    throw failure(path, cause);
  }
}

/**
 * Listens beside the path and then puts the socket there: unlike binding, a link is done at once and replaces nothing,
 * and the runtime removes what it has bound when it is closed, whosever it is by then. What is at the path of its own
 * name with `.new` behind it goes.
 *
 * @param umask what the socket's mode lacks of 0777
 * @throws Deno.errors.AlreadyExists when something is at the path, and what the system says against it
 */
export function listenPrivately(path: string, umask: number): Deno.UnixListener {
  const unseen = path + UNSEEN;
  if (isSocket(unseen)) Deno.removeSync(unseen);
  // The socket must at no moment be open to others; all of this is one synchronous turn.
  const former = Deno.umask(umask);
  try {
    const listener = Deno.listen({ transport: "unix", path: unseen });
    try {
      Deno.linkSync(unseen, path);
      Deno.removeSync(unseen);
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  } finally {
    Deno.umask(former);
  }
}

/** @returns whether there is a socket at the path */
export function isSocket(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

async function removeDeadSocket(path: string, there: Deno.FileInfo): Promise<void> {
  if (!there.isSocket) {
    throw new SocketError(`Cannot listen at ${path}: there is something else than a socket`, {
      hint: "Move it away, or choose another path.",
    });
  }
  const answering = await dialUnix(path);
  answering?.close();
  if (answering !== undefined) {
    throw new SocketPathInUseError(`Cannot listen at ${path}: another program does`, {
      hint: "Choose another path, or stop the program that uses this one.",
      retryable: true,
    });
  }
  await Deno.remove(path).catch((cause) => {
    // Somebody else was faster.
    if (!(cause instanceof Deno.errors.NotFound)) throw failure(path, cause);
  });
}

function failure(path: string, cause: unknown): SocketError {
  const problem = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  return new SocketError(`Cannot listen at ${path}: ${problem}`, {
    hint: "Check that the directory is there and writable.",
    cause,
  });
}

/** Waits for streams at a path; made by `listenUnix`. */
export class UnixStreamListener {
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #inode: number | null;
  #isClosed = false;

  /** @param listener at `path`, which it owns */
  constructor(listener: Deno.UnixListener, path: string) {
    this.path = path;
    this.#listener = listener;
    this.#inode = Deno.lstatSync(path).ino;
  }

  /**
   * Waits for the next stream; one call is under way at a time.
   * @returns undefined when the listener is closed
   */
  async accept(): Promise<ByteStream | undefined> {
    const connection = await acceptNext(this.#listener, () => this.#isClosed);
    return connection && new ConnectionStream(connection, `unix:${this.path} (accepted)`);
  }

  /** Closes and removes the socket; accepted streams live on. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    try {
      // Somebody may have put another one there.
      if (Deno.lstatSync(this.path).ino === this.#inode) Deno.removeSync(this.path);
    } catch {
      // It is gone.
    }
  }
}
