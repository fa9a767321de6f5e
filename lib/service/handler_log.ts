/**
 * What handlers throw without meaning to, for the log of the program that they belong to.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import { ActionError, CallError } from "./errors.ts";
import type { PeerId } from "./ports.ts";

/** The most characters of an error and its stack that one line has. */
const MAX_ERROR_TEXT = 1_024;

/**
 * Says which handler has thrown, for whom, and where in its code. An `ActionError` is an answer, and a `CallError` is that
 * of a call which the handler has made: neither is a fault. Parameters and data are never said.
 */
export class HandlerLog {
  readonly #log: Logger;
  readonly #nameOf: (peer: PeerId) => string | undefined;

  /**
   * @param log bounds its lines by their field `from`, since others cause them
   * @param nameOf the name of whoever calls or publishes; the id is said where there is none
   */
  constructor(log: Logger, nameOf: (peer: PeerId) => string | undefined) {
    this.#log = log;
    this.#nameOf = nameOf;
  }

  /** @param caller undefined for this program */
  action(service: string, action: string, caller: PeerId | undefined, error: unknown): void {
    this.#warn("the handler of an action has failed", { service, action }, caller, error);
  }

  /**
   * An answer that its caller can't have.
   * @param path `service/action`
   * @param problem what is wrong with it, and where
   */
  result(path: string, caller: PeerId | undefined, problem: string): void {
    const at = path.lastIndexOf("/");
    const fields = { service: path.slice(0, at), action: path.slice(at + 1) };
    this.#log.warn("the handler of an action has answered with what can't be sent", {
      ...fields,
      ...this.#from(caller),
      problem: problem.slice(0, MAX_ERROR_TEXT),
    });
  }

  /** @param service the subscription's group, empty without one @param publisher undefined for this program */
  event(service: string, event: string, publisher: PeerId | undefined, error: unknown): void {
    const fields: Readonly<Record<string, string>> = service === "" ? { event } : { service, event };
    this.#warn("the handler of an event has failed", fields, publisher, error);
  }

  #warn(
    message: string,
    fields: Readonly<Record<string, string>>,
    peer: PeerId | undefined,
    error: unknown,
  ): void {
    if (isMeant(error)) return;
    this.#log.warn(message, { ...fields, ...this.#from(peer), error: textOf(error) });
  }

  #from(peer: PeerId | undefined): { from?: string } {
    return peer === undefined ? {} : { from: this.#nameOf(peer) ?? peer };
  }
}

function isMeant(error: unknown): boolean {
  try {
    return error instanceof ActionError || error instanceof CallError;
  } catch {
    return false;
  }
}

/** What was thrown need not be an Error, and its getters may throw. An object that is none may hold parameters. */
function textOf(error: unknown): string {
  try {
    const text = error instanceof Error ? error.stack ?? error.message : `thrown: ${typeof error}`;
    return String(text).slice(0, MAX_ERROR_TEXT);
  } catch {
    return "an error that can't be said";
  }
}
