/**
 * What a running node has for whoever looks: others' links, and what has happened.
 * @module
 */

import type { PeerReport, WarningReport } from "../../api/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Link } from "../links/mod.ts";
import type { Policies } from "../policy/mod.ts";
import { LinkTables } from "./link_tables.ts";
import { Timeline } from "./timeline.ts";
import { TimelineWatch } from "./timeline_watch.ts";

/** Where it looks. */
export interface NodeViewParts extends Pick<AgentContext, "clock" | "timers" | "mesh"> {
  /** @returns the links that are open now */
  links(): readonly Link[];
  /** @returns the leader that counts for this node */
  elected(): NodeId | undefined;
  peers(): readonly PeerReport[];
  policies(): Pick<Policies, "compiled" | "journal">;
  warnings(): readonly WarningReport[];
}

/** From the start of an agent to its end. */
export class NodeView implements Disposable {
  /** The links of other members. */
  readonly links: LinkTables;
  /** What has happened. */
  readonly timeline: Timeline;
  /** Is told what happens. */
  readonly watch: TimelineWatch;

  constructor(parts: NodeViewParts) {
    this.links = new LinkTables({ ...parts, denied: () => parts.policies().journal.denied });
    this.timeline = new Timeline(parts.clock);
    this.watch = new TimelineWatch(this.timeline, {
      ...parts,
      policyRevision: () => parts.policies().compiled.enforced?.revision,
    });
  }

  [Symbol.dispose](): void {
    this.links.close();
    this.watch[Symbol.dispose]();
  }
}
