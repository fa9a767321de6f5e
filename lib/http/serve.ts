/**
 * Serving the applications: one by TCP, one by a Unix socket.
 * @module
 */

import type { AgentControl } from "../api/mod.ts";
import { WeftError, withTimeout } from "../base/mod.ts";
import type { StatusAddress } from "../config/mod.ts";
import { systemTimers } from "../host/mod.ts";
import { controlApp, statusApp, type StatusAppOptions } from "./apps.ts";
import { listenHttp, type SourceOf } from "./status_server.ts";

/** How long requests under way may take after `close`, in milliseconds. */
const DRAIN_MS = 500;

/** The longest path of a Unix socket on Linux, `sun_path` without its zero byte. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Another program listens there. */
export class StatusPortInUseError extends WeftError {
  readonly code = "PortInUse";

  /** @param endpoint `address:port` of TCP */
  constructor(endpoint: string, cause: unknown) {
    super(`Cannot serve the status page on ${endpoint}: another program listens there`, {
      hint: "Choose another port with --status-port, or turn the page off with --status-port off.",
      retryable: true,
      cause,
    });
  }
}

/** The socket or port cannot be had for another reason. */
export class CannotServeError extends WeftError {
  readonly code = "CannotServe";
}

/** An agent answers at the control socket already. */
export class AgentRunningError extends WeftError {
  readonly code = "AgentRunning";

  /** @param path the control socket */
  constructor(path: string) {
    super(`Cannot start: the state of ${path} is in use by a running agent`, {
      hint: "Stop that agent first, or choose another directory with --state.",
      retryable: true,
    });
  }
}

/** A server that runs. */
export interface Served {
  /** The TCP port; 0 for a Unix socket. */
  readonly port: number;
  /** Ends it: what is under way gets half a second. Harmless when repeated. */
  close(): Promise<void>;
}

/**
 * Serves the read-only application.
 * @param options.hostname the IP address to listen on
 * @param options.port 0 for any free one
 * @throws StatusPortInUseError
 * @throws CannotServeError when this host has no such address, or the port is for root only
 */
export async function serveStatus(
  options: StatusAppOptions & { readonly hostname: string; readonly port: number },
): Promise<Served> {
  const { hostname, port, addresses = [] } = options;
  return await serveApp(statusApp({ ...options, addresses: [hostname, ...addresses] }), hostname, port);
}

/**
 * Serves a read-only application at one address, as `serveStatus` does.
 * @param source see `listenHttp`
 * @throws StatusPortInUseError, CannotServeError
 */
export async function serveApp(
  app: ReturnType<typeof statusApp>,
  hostname: string,
  port: number,
  source?: SourceOf,
): Promise<Served> {
  const endpoint = endpointText(hostname, port);
  try {
    const server = await listenHttp(
      hostname,
      port,
      (request, connection) => app.fetch(request, { connection }),
      source,
    );
    return {
      port: server.port,
      close: async () => {
        await drain(server);
        server.abort();
      },
    };
  } catch (cause) {
    throw cannotServeStatus(endpoint, cause);
  }
}

/**
 * Checks that the page and `serveControl` can do what they are for; what is opened for that is closed again. An address that
 * this host does not have may be one of the overlay, which it gets later.
 * @param options.port "off" for no status page, 0 for any free one
 * @param options.socketPaths where sockets are to be
 * @throws StatusPortInUseError, CannotServeError
 */
export function checkServing(
  options: {
    readonly addresses: readonly StatusAddress[];
    readonly port: number | "off";
    readonly socketPaths: readonly string[];
  },
): void {
  const { addresses, port, socketPaths } = options;
  socketPaths.forEach(checkSocketPath);
  if (port === "off" || port === 0) return;
  for (const address of addresses) {
    if (address === "overlay") continue;
    const hostname = address === "loopback" ? "127.0.0.1" : address === "any" ? "0.0.0.0" : `${address}`;
    try {
      Deno.listen({ hostname, port }).close();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrNotAvailable)) {
        throw cannotServeStatus(endpointText(hostname, port), cause);
      }
    }
  }
}

function checkSocketPath(path: string): void {
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw new CannotServeError(
      `Cannot serve ${path}: a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
      { hint: "Choose a shorter directory with --state." },
    );
  }
}

function endpointText(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function cannotServeStatus(endpoint: string, cause: unknown): WeftError {
  if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
    return new StatusPortInUseError(endpoint, cause);
  }
  return new CannotServeError(`Cannot serve the status page on ${endpoint}: ${messageOf(cause)}`, {
    hint: "Choose an address of this host with --status-address and a port with --status-port.",
    cause,
  });
}

/**
 * Serves the control application at a socket that only this user may open. What a crashed agent left there is replaced.
 * Whoever closes it must still hold the state directory: closing removes what is at the path.
 * @throws AgentRunningError when somebody answers there
 * @throws CannotServeError when the path is too long, holds something else, or cannot be written
 */
export async function serveControl(
  options: { readonly control: AgentControl; readonly path: string },
): Promise<Served> {
  const { control, path } = options;
  checkSocketPath(path);
  await removeDeadSocket(path);
  const app = controlApp({ control });
  // The socket must at no moment be open to others; listening is one synchronous turn.
  const umask = Deno.umask(0o177);
  let server: Deno.HttpServer<Deno.UnixAddr>;
  try {
    server = Deno.serve({ transport: "unix", path, onListen() {} }, app.fetch);
  } catch (cause) {
    throw new CannotServeError(`Cannot serve ${path}: ${messageOf(cause)}`, {
      hint: "Check that the state directory is writable.",
      cause,
    });
  } finally {
    Deno.umask(umask);
  }
  return {
    port: 0,
    close: async () => {
      await drain(server);
      // The runtime removes it too, unless a request was too slow.
      await Deno.remove(path).catch(() => {});
    },
  };
}

async function removeDeadSocket(path: string): Promise<void> {
  const there = await Deno.lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket) {
    throw new CannotServeError(`Cannot serve ${path}: there is something else than a socket`, {
      hint: "Move it away, or choose another directory with --state.",
    });
  }
  const connection = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
  if (connection !== undefined) {
    connection.close();
    throw new AgentRunningError(path);
  }
  await Deno.remove(path).catch(() => {});
}

/** Lets requests under way end, but keep-alive connections of a watching page must not hold a stop up. */
async function drain(server: { shutdown(): Promise<void> }): Promise<void> {
  await withTimeout(systemTimers, DRAIN_MS, server.shutdown());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0] ?? error.name : String(error);
}
