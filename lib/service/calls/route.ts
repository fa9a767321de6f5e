/**
 * Where requests of others lead.
 * @module
 */

import { type CallPath, unknownAction } from "./call_options.ts";
import type { Reply } from "./pending_calls.ts";
import { type Failed, failed } from "../errors.ts";
import type { LocalAction, LocalService } from "../local/mod.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import { showPath } from "../topics/mod.ts";
import type { RequestMessage, WireValue } from "../wire/mod.ts";

/** Where a request of somebody else leads: to an action of this program, to a program that is attached, or nowhere. */
export type Route =
  | { readonly kind: "action"; readonly action: LocalAction; readonly caller: PeerId | undefined }
  | { readonly kind: "forward"; readonly forward: Forward }
  | Failed;

/** Finds where a request leads. @param isAgain whether it was asked about before its parameters came */
export type FindRoute = (peer: PeerId, request: RequestMessage, isAgain: boolean) => Route;

/** Hands a request on, and gives what comes back, its bytes its own. */
export type Forward = (
  request: RequestMessage,
  params: WireValue,
  stream: ServiceStream | undefined,
  signal: AbortSignal,
) => Promise<Reply>;

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
  if (action === undefined) return { kind: "failure", failure: unknownAction(path) };
  if (member !== undefined && !action.allows(member)) {
    return failed("Refused", `${showPath(path.text)} may not be called from there`);
  }
  return { kind: "action", action, caller };
}
