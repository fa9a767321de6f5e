/**
 * What can go wrong when an application is to be served.
 * @module
 */

import { WeftError } from "../base/mod.ts";

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
