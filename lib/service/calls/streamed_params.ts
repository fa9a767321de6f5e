/**
 * Calls whose callers stream: the request opens the stream that carries the items.
 * @module
 */

import { tooManyStreams } from "./failure_place.ts";
import type { PendingCall } from "./pending_calls.ts";
import { failure, type WireFailure } from "../errors.ts";
import type { Provider } from "../directory/mod.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { type ItemSource, sendItems } from "../wire/mod.ts";

/**
 * Sends a call with its first parameters, and has the items follow at the pace at which they are read.
 * @returns undefined when it is on its way, or why it is not
 */
export function sendWithItems(
  { carrier, run, clock }: Pick<RuntimeBase, "carrier" | "run" | "clock">,
  call: PendingCall,
  { peer }: Provider,
  source: ItemSource,
): "no-link" | WireFailure | undefined {
  const { params } = call.order;
  if (!carrier.isShort(params)) {
    return failure(
      "PayloadTooLarge",
      "Parameters beside a stream are short: put long ones into the stream",
    );
  }
  const request = { ...call.request(run, params, clock.now()), streamsParams: true };
  const stream = carrier.openStream(peer, request);
  if (stream === undefined) return carrier.isLinked(peer) ? tooManyStreams(peer) : "no-link";
  call.isSent = true;
  call.items = stream;
  void sendItems(source, stream, undefined, carrier.account(peer));
  return undefined;
}
