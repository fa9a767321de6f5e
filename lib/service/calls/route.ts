/**
 * Where a request of somebody else leads.
 * @module
 */

import type { CallPath } from "./call_options.ts";
import { type CallFailureCode, failure, type WireFailure } from "../errors.ts";
import type { LocalAction, LocalService } from "../local/mod.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import { showPath } from "../topics/mod.ts";
import type { RequestMessage, WireValue } from "../wire/mod.ts";

/** Where a request leads: to an action of this program, to a program that is attached, or nowhere. */
export type Route =
  | { readonly kind: "action"; readonly action: LocalAction; readonly caller: PeerId | undefined }
  | { readonly kind: "failure"; readonly failure: WireFailure }
  | { readonly kind: "forward"; readonly forward: Forward };

/** Hands a request on, and gives what comes back. */
export type Forward = (
  request: RequestMessage,
  params: WireValue,
  stream: ServiceStream | undefined,
  signal: AbortSignal,
) => Promise<Forwarded>;

/** What came back from elsewhere. */
export type Forwarded =
  | { readonly kind: "value"; readonly value: WireValue }
  | { readonly kind: "failure"; readonly failure: WireFailure }
  | { readonly kind: "stream"; readonly items: ReadableStream<unknown> };

/** @returns the route of a request that fails */
export function noRoute(code: CallFailureCode, message: string): Route {
  return { kind: "failure", failure: failure(code, message) };
}

/**
 * @param caller whom the handler sees as its caller
 * @param member who has to be allowed; undefined when its agent has checked that, or it is of this machine
 * @returns the route to an action of a service of this program
 */
export function routeToAction(
  service: LocalService,
  path: CallPath,
  caller: PeerId | undefined,
  member?: PeerId,
): Route {
  const action = service.actions.get(path.action);
  if (action === undefined) {
    return noRoute("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
  }
  if (member !== undefined && !action.allows(member)) {
    return noRoute("Refused", `${showPath(path.text)} may not be called from there`);
  }
  return { kind: "action", action, caller };
}
