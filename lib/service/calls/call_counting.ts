/**
 * Counting calls by message where they end, and telling who was asked.
 * @module
 */

import type { CallOrder, Reply } from "./pending_calls.ts";
import type { Provider } from "../directory/mod.ts";
import { AGENT, isProgram } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import type { CallCounters } from "../stats/mod.ts";
import { isBuiltIn } from "../topics/mod.ts";

/**
 * Counts a call that was settled: on the caller's side unless it is a member's, which an agent hands to a program; and on
 * the provider's, when that is a program of this agent.
 * @param provider who was asked last; undefined when nobody was
 */
export function countReply(
  { clock, stats, nodeName }: Pick<RuntimeBase, "clock" | "stats" | "nodeName">,
  { path, begunAt, to, onProvider }: CallOrder,
  provider: Provider | undefined,
  reply: Reply,
): void {
  if (onProvider !== undefined && provider !== undefined && provider.peer !== AGENT) {
    const node = nodeName(provider.peer);
    if (node !== undefined) onProvider(node);
  }
  if (isBuiltIn(path.service)) return;
  const now = clock.now();
  const code = reply.kind === "failure" ? reply.failure.code : undefined;
  if (to.caller === undefined) countersFor(stats.caller, path, provider).record(now, now - begunAt, code);
  if (provider !== undefined && isProgram(provider.peer)) {
    countersFor(stats.provider, path, provider).record(now, now - begunAt, code);
  }
}

/** What nobody offers is told together: a path that was made up by whoever has asked for the call names no counters. */
function countersFor(
  side: CallCounters,
  { text, action }: CallOrder["path"],
  provider: Provider | undefined,
) {
  if (side.has(text)) return side.find(text);
  return isOffered(provider, action) ? side.of(text) : side.find(text);
}

function isOffered(provider: Provider | undefined, action: string): boolean {
  return provider?.service.actions.some(({ name }) => name === action) ?? false;
}
