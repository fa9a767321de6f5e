/**
 * A call of everybody who offers an action.
 * @module
 */

import type { CallPath, LocalCaller, ProviderChoice } from "../calls/mod.ts";
import { VersionRange } from "../directory/mod.ts";
import { CallError, callError } from "../errors.ts";
import type { NodePolicy } from "./node_policy.ts";
import type { CallAnswer, PreparedCallOptions } from "../options.ts";
import type { PeerId, ServicePeers } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { NO_VALUE } from "../wire/mod.ts";

/** What knows who offers what, and who may be called. */
interface CallAllParts {
  readonly base: RuntimeBase;
  readonly localCaller: LocalCaller;
  readonly choice: ProviderChoice;
  readonly policy: NodePolicy;
  readonly peers: ServicePeers;
}

/**
 * Calls every provider that runs the service, in a version that is wanted.
 * @param callRemote makes the call of one other node or program
 * @throws CallError when there is none
 */
export async function callAll(
  { base, localCaller, choice, policy, peers: { self } }: CallAllParts,
  path: CallPath,
  params: unknown,
  { stream: _, ...options }: PreparedCallOptions,
  timeoutMs: number,
  callRemote: (peer: PeerId, options: PreparedCallOptions) => Promise<unknown>,
): Promise<readonly CallAnswer[]> {
  const own = base.services.get(path.service);
  const asked: [string, Promise<unknown>][] = [];
  const { version: wanted } = options;
  const range = wanted === undefined ? undefined : VersionRange.parse(wanted);
  if (own?.actions.has(path.action) && (range?.has(own.version) ?? true)) {
    const answer = localCaller.request(own, path, params, options, timeoutMs);
    asked.push([base.nodeName(self) ?? self, answer]);
  }
  let denied: PeerId | undefined;
  for (const { peer, service } of choice.all(path.service)) {
    if (service.state !== "running" || range?.has(service.version) === false) continue;
    if (!policy.mayCall(peer, path)) {
      denied = peer;
      continue;
    }
    const answer = callRemote(peer, options);
    asked.push([base.nodeName(peer) ?? peer, answer]);
  }
  if (asked.length === 0) {
    const refusal = policy.whyNotTo({ path, params: NO_VALUE }, denied);
    throw refusal === undefined
      ? callError("NoProvider", `Nobody offers ${showPath(path.service)}`)
      : new CallError(refusal);
  }
  return await Promise.all(asked.map(async ([node, answer]): Promise<CallAnswer> => {
    try {
      return { node, ok: true, result: await answer };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const { code, message, retryable, executed } = error;
      return { node, ok: false, error: { code, message, retryable, executed } };
    }
  }));
}
