/**
 * What a node says of itself.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { NodeIdentity } from "../identity/mod.ts";
import {
  MAX_STATED_ENDPOINTS,
  type NodeStatement,
  type SignedStatement,
  signStatement,
} from "./node_statement.ts";
import { isReachable } from "./signed.ts";

/** Where a node is, on both planes. */
export interface OwnEndpoints {
  /** Of the packet plane (UDP), the best first. */
  readonly endpoints: readonly Endpoint[];
  /** Of the message plane (TCP), the best first. */
  readonly channelEndpoints: readonly Endpoint[];
}

/**
 * Signs the first eight endpoints of each plane that can be reached at all.
 *
 * @param previous the node's last statement, as far as it remembers
 * @returns undefined when `previous` says the same, and not from the future
 */
export function stateOwn(
  identity: NodeIdentity,
  own: OwnEndpoints,
  options: { readonly clock: Clock; readonly previous: NodeStatement | undefined },
): SignedStatement | undefined {
  const { clock, previous } = options;
  const endpoints = presentable(own.endpoints);
  const channelEndpoints = presentable(own.channelEndpoints);
  if (
    // What was said by a clock that was ahead is not believed by others until it is said anew.
    previous !== undefined && previous.issuedAt <= clock.wall() &&
    endpoints.join() === previous.endpoints.join() &&
    channelEndpoints.join() === previous.channelEndpoints.join()
  ) return undefined;
  const issuedAt = clock.wall();
  // The wall clock, so that a node whose state was restored from a copy is not behind itself.
  const version = Math.max((previous?.version ?? 0) + 1, issuedAt);
  return signStatement(
    { nodeId: identity.id, endpoints, channelEndpoints, version, issuedAt },
    identity.signingKey,
  );
}

function presentable(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(endpoints.filter(isReachable).map((endpoint) => [endpoint.toString(), endpoint]));
  return [...byText.values()].slice(0, MAX_STATED_ENDPOINTS);
}
