/**
 * How a program becomes a node, or shares the membership of its machine's agent.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { AgentOptionsInput } from "../../config/mod.ts";
import type { Middleware, ServiceSettings } from "../../service/mod.ts";

/** How a node is made; all options of an agent are options here too. */
export interface NodeOptions extends AgentOptionsInput, ServiceSettings {
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
  /** What calls and events go through; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
}

/** How a program is attached to the agent of its machine. */
export interface AttachOptions extends ServiceSettings {
  /** The agent's state directory; the default one unless given. */
  readonly stateDir?: string;
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
  /** What calls and events go through; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
}
