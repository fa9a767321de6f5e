/**
 * What the parts of one running node share.
 * @module
 */

import { type Environment, type LogCategory, logOf, type StateStore } from "../base/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import type { PlaneOptions } from "../dataplane/mod.ts";
import type { MeshState } from "../mesh/mod.ts";
import type { Authority } from "./authority/mod.ts";
import type { EndpointSelector } from "./endpoint_selector.ts";
import type { HostNetwork } from "./host_network.ts";
import type { MemberFinder } from "./member_finder.ts";
import type { NamedEndpoints } from "./named_endpoints.ts";

/** Made once by the agent; a part takes of it what it needs. */
export interface AgentContext extends Environment {
  readonly store: StateStore;
  readonly mesh: MeshState;
  readonly options: AgentOptions;
  /** What the interface's packet plane runs by, if that was begun before. */
  readonly preparedPlane?: PlaneOptions["prepared"];
  /** The addresses of the endpoints that the options tell by name. */
  readonly named?: NamedEndpoints;
  readonly endpoints: EndpointSelector;
  readonly hostNetwork: HostNetwork;
  readonly authority: Authority;
  readonly members: MemberFinder;
}

/** @returns the same, whose log has the lines of one part */
export function contextOf<Context extends Environment>(context: Context, category: LogCategory): Context {
  return { ...context, log: logOf(context.log, category) };
}

/** What the agent is handed of it, and does not make itself. */
export type GivenContext = Omit<AgentContext, "endpoints" | "hostNetwork" | "authority" | "members">;
