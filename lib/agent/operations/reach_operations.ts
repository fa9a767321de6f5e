/**
 * How this host can be reached, asked of a running node.
 * @module
 */

import type { LeaderDistance, PeerReport, ReachControl } from "../../api/mod.ts";
import { WeftError } from "../../base/mod.ts";
import { parseAgentOptions } from "../../config/mod.ts";
import type { Agent } from "../agent.ts";
import { InterruptedError, InvalidRequestError } from "../errors.ts";

/** @returns the operations */
export function reachOperations(agent: Agent): ReachControl {
  return {
    netcheck: async ({ stunServers }) => {
      const { peers, leaders } = agent.status();
      const distances = leaders.filter(({ self }) => !self).flatMap(({ id }) => distanceOf(peers, id) ?? []);
      if (agent.session === undefined) throw new InterruptedError();
      return await agent.session.netcheck({
        ...stunServers !== undefined && { stunServers: parsedServers(stunServers) },
        environment: proxyVariables(),
        leaders: distances,
        hearsByUdp: peers.some(({ path }) => path === "direct" || path === "relay"),
      });
    },
  };
}

function distanceOf(peers: readonly PeerReport[], leaderId: string): LeaderDistance | undefined {
  const peer = peers.find(({ id }) => id === leaderId);
  return peer && { name: peer.name, path: peer.path, rttMs: peer.rttMs };
}

function parsedServers(texts: readonly string[]): ReturnType<typeof parseAgentOptions>["stunServers"] {
  try {
    return parseAgentOptions({ stunServers: texts.join(",") }).stunServers;
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    throw new InvalidRequestError(
      "Cannot ask those STUN servers: a server is an address or a name, and a port",
      {
        hint: "Write stun.example.com:3478 or 192.0.2.1:3478.",
      },
    );
  }
}

/** Of the process that the node runs in; nothing where a program may not read them. */
function proxyVariables(): Record<string, string | undefined> {
  const names = ["HTTPS_PROXY", "https_proxy"] as const;
  return Object.fromEntries(names.map((variable) => {
    const isReadable = Deno.permissions.querySync({ name: "env", variable }).state === "granted";
    return [variable, isReadable ? Deno.env.get(variable) : undefined];
  }));
}
