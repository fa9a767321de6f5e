/**
 * The userspace API's socket, where `wg` looks for it: of an interface that `wg` configures, or of a mesh's own, which it can
 * only look at.
 * @module
 */

import { type Logger, utf8Bytes, WeftError } from "../base/mod.ts";
import { zoneOf } from "../host/mod.ts";
import { isSocket, listenPrivately } from "../transport/mod.ts";
import {
  type DeviceSnapshot,
  encodeErrnoAnswer,
  encodeGetAnswer,
  UAPI_ERRNO,
  type UapiErrno,
} from "./device_text.ts";
import { RequestReader, type UapiRequest } from "./request_reader.ts";
import type { DeviceChanges } from "./set_parser.ts";

/** Where `wg` looks (https://www.wireguard.com/xplatform/#interface). */
const SOCKET_FOLDER = "/var/run/wireguard";
/** When more are open, the oldest one is closed: one that stands still holds nobody up. */
const MAX_CONNECTIONS = 64;
const READ_BYTES = 1 << 16;
/** After an error of the listener. */
const ACCEPT_RETRY_MS = 20;

/** The socket cannot be served. */
export class UapiSocketError extends WeftError {
  readonly code = "UapiSocket";
}

/** Answers requests. Both calls are synchronous turns. */
export interface UapiHandler {
  get(): DeviceSnapshot;
  /** @returns how it went; when not 0, nothing has changed */
  set(changes: DeviceChanges): UapiErrno;
}

/** Serves one interface. */
export class UapiServer {
  readonly path: string;
  /** Settles when the socket was removed by somebody else. */
  readonly removed: Promise<void>;
  readonly #handler: UapiHandler;
  readonly #listener: Deno.UnixListener;
  readonly #watcher: Deno.FsWatcher;
  readonly #inode: number | null;
  readonly #connections = new Set<Deno.UnixConn>();
  #isClosed = false;

  private constructor(path: string, handler: UapiHandler) {
    this.path = path;
    this.#handler = handler;
    // Whoever may open it may read the private key. Between binding and listening a socket refuses connections, and
    // `wg` removes any that does: this one is put in its place when it listens.
    this.#listener = listenPrivately(path, 0o077);
    this.#inode = Deno.lstatSync(path).ino;
    this.#watcher = Deno.watchFs(SOCKET_FOLDER, { recursive: false });
    this.removed = this.#watch();
    this.#accept();
  }

  /**
   * Listens for one interface; what a killed program left there is replaced.
   * @throws UapiSocketError when somebody answers there, or it cannot be made
   */
  static async open(interfaceName: string, handler: UapiHandler): Promise<UapiServer> {
    const path = `${SOCKET_FOLDER}/${interfaceName}.sock`;
    const answering = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
    answering?.close();
    if (answering !== undefined) {
      throw new UapiSocketError(`Cannot serve ${path}: another program does`, {
        hint: `Stop it, with \`wg-quick down\` or \`ip link del ${interfaceName}\`, or choose another name.`,
      });
    }
    try {
      await Deno.mkdir(SOCKET_FOLDER, { recursive: true, mode: 0o755 });
      if (isSocket(path)) await Deno.remove(path);
      return new UapiServer(path, handler);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
      throw new UapiSocketError(`Cannot serve ${path}: ${problem}`, {
        hint: `Check that ${SOCKET_FOLDER} is writable and nothing else is at that path.`,
        cause,
      });
    }
  }

  /** Whether somebody else has removed the socket. */
  get isRemoved(): boolean {
    return !this.#isClosed && !this.#isOurs();
  }

  /** Closes every connection and removes the socket. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOurs()) Deno.removeSync(this.path);
    this.#watcher.close();
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  #isOurs(): boolean {
    try {
      return Deno.lstatSync(this.path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  async #watch(): Promise<void> {
    for await (const _event of this.#watcher) if (!this.#isOurs()) return;
    // It ends by `close` too; whoever waits for a removal must not hear of one then.
    await new Promise<void>(() => {});
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      const connection = await this.#listener.accept().catch(() => undefined);
      if (connection === undefined) {
        if (this.#isClosed) return;
        // accept(2): no free descriptors is an error that lasts; the pause lets others be closed meanwhile.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
        continue;
      }
      this.#connections.add(connection);
      const [oldest] = this.#connections;
      if (this.#connections.size > MAX_CONNECTIONS && oldest !== undefined) this.#drop(oldest);
      this.#serve(connection).catch(() => {}).finally(() => this.#drop(connection));
    }
  }

  #drop(connection: Deno.UnixConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    const reader = new RequestReader(zoneOf);
    const buffer = new Uint8Array(READ_BYTES);
    while (!reader.isEnded) {
      const length = await connection.read(buffer);
      if (length === null) return;
      for (const request of reader.push(buffer.subarray(0, length))) {
        await writeAll(connection, utf8Bytes(this.#answer(request)));
      }
    }
  }

  #answer(request: UapiRequest): string {
    if (request.kind === "get") return encodeGetAnswer(this.#handler.get());
    return encodeErrnoAnswer(request.kind === "set" ? this.#handler.set(request.changes) : request.errno);
  }
}

/** A socket of the userspace API that tells and takes nothing: peers come from signed records. */
export class ReadOnlySocket {
  readonly #server: Promise<UapiServer | undefined>;

  /** Serves it in the background. A host where that cannot be has a mesh all the same, so a failure is only logged. */
  constructor(
    interfaceName: string,
    parts: { readonly snapshot: () => DeviceSnapshot; readonly log: Logger },
  ) {
    const handler = { get: parts.snapshot, set: () => UAPI_ERRNO.EPERM };
    this.#server = UapiServer.open(interfaceName, handler).catch((error) => {
      if (!(error instanceof WeftError)) throw error;
      parts.log.info("`wg show` cannot see the interface", { reason: error.message });
      return undefined;
    });
  }

  /** Removes it. Harmless when repeated. */
  async close(): Promise<void> {
    (await this.#server)?.close();
  }
}

async function writeAll(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
