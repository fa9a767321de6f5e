/**
 * What the parts of a runtime stand on.
 * @module
 */

import type { Environment } from "../base/mod.ts";
import type { ContextHost } from "./call_context.ts";
import type { ChangeSignal, ServiceDirectory } from "./directory/mod.ts";
import type { HandlerLog } from "./handler_log.ts";
import type { LocalServices } from "./local/mod.ts";
import type { PreparedCallOptions } from "./options.ts";
import type { MessagePolicy, PeerId, ServicePeers } from "./ports.ts";
import type { CallStats } from "./stats/mod.ts";
import type { MessageCarrier } from "./wire/mod.ts";

/** Of a node or an attached program. */
export interface RuntimeBase extends Environment {
  /** Drawn at the start, so that others tell this program from the one that ran before. */
  readonly run: number;
  readonly carrier: MessageCarrier;
  /** Of this program. */
  readonly services: LocalServices;
  /** What handlers call and publish by. */
  readonly host: ContextHost;
  /** Is told what handlers throw. */
  readonly handlerLog: HandlerLog;
  /** How calls went. */
  readonly stats: CallStats;
  /**
   * @param peer undefined for the node of this program
   * @returns the name of a node, or of the node of a program; undefined when it is not known
   */
  nodeName(peer: PeerId | undefined): string | undefined;
}

/** Of a node. */
export interface NodeBase extends RuntimeBase {
  readonly peers: ServicePeers;
  readonly policy: MessagePolicy;
  /** What other nodes offer and listen to. */
  readonly directory: ServiceDirectory;
  /** What attached programs offer and listen to: to other nodes they are this node. */
  readonly programs: ServiceDirectory;
  /** Tells when who offers what may have changed, or who listens. */
  readonly changes: ChangeSignal;
  /** Asks one peer for one of the services that everybody has. */
  ask(peer: PeerId, path: string, params: unknown, options?: PreparedCallOptions): Promise<unknown>;
}
