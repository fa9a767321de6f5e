/**
 * What can go wrong when a socket is opened.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** Another program listens on the port. */
export class PortInUseError extends WeftError {
  readonly code = "PortInUse";
}

/** Another program listens at the path. */
export class SocketPathInUseError extends WeftError {
  readonly code = "SocketPathInUse";
}

/** The system refuses a socket for another reason: no permission, no descriptors, no network. */
export class SocketError extends WeftError {
  readonly code = "Socket";
}

/**
 * Names why a socket could not be opened.
 * @param protocol what the port is of
 * @param cause what the system threw
 */
export function openError(protocol: "UDP" | "TCP", port: number, cause: unknown): WeftError {
  if (cause instanceof SocketError) return cause;
  if (cause instanceof Deno.errors.AddrInUse) return portInUse(protocol, port, cause);
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new SocketError(`Cannot listen on ${protocol} port ${port}: ${problem}`, {
    ...(cause instanceof Deno.errors.PermissionDenied
      ? { hint: "Ports below 1024 need root; choose a larger one." }
      : {}),
    retryable: true,
    cause,
  });
}

/** @returns the error that says who has to give way */
export function portInUse(protocol: "UDP" | "TCP", port: number, cause?: unknown): PortInUseError {
  return new PortInUseError(`${protocol} port ${port} is in use`, {
    hint: "Choose another port, or stop the program that uses this one.",
    retryable: true,
    cause,
  });
}
