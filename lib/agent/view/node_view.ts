/**
 * What a running node has for whoever looks: others' links, and what has happened.
 * @module
 */

import type { PeerReport, WarningReport } from "../../api/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MemberSession } from "../member_session.ts";
import type { Policies } from "../policy/mod.ts";
import { LinkTables } from "./link_tables.ts";
import { Timeline } from "./timeline.ts";
import { TimelineWatch } from "./timeline_watch.ts";

/** Where it looks. */
export interface NodeViewParts extends Pick<AgentContext, "clock" | "timers" | "mesh"> {
  /** Another one after the keys have changed. */
  session(): MemberSession | undefined;
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
    const elected = () => parts.session()?.leaders.elected;
    this.links = new LinkTables({
      ...parts,
      links: () => parts.session()?.messages.links.all() ?? [],
      elected,
      denied: () => parts.policies().journal.denied,
    });
    this.timeline = new Timeline(parts.clock);
    this.watch = new TimelineWatch(this.timeline, {
      ...parts,
      elected,
      policyRevision: () => parts.policies().compiled.enforced?.revision,
    });
  }

  [Symbol.dispose](): void {
    this.links.close();
    this.watch[Symbol.dispose]();
  }
}
