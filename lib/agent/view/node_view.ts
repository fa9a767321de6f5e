/**
 * What a running node has for whoever looks: others' links, what the mesh keeps, and what has happened.
 * @module
 */

import type { PeerReport, WarningReport } from "../../api/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { NodeRuntime } from "../../service/mod.ts";
import type { LeaderCoordinator } from "../leaders/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import type { Policies } from "../policy/mod.ts";
import { DataView } from "./data_view.ts";
import { LinkTables } from "./link_tables.ts";
import { Timeline } from "./timeline.ts";
import { TimelineWatch } from "./timeline_watch.ts";

/** Where it looks. */
export interface NodeViewParts extends Pick<AgentContext, "clock" | "timers" | "random" | "mesh"> {
  /** @returns what this node has to do with others; undefined while it does not run */
  session():
    | {
      readonly messages: { readonly links: Pick<MessagePlane["links"], "all"> };
      readonly leaders: Pick<LeaderCoordinator, "elected">;
    }
    | undefined;
  readonly runtime: Pick<NodeRuntime, "report" | "request">;
  peers(): readonly PeerReport[];
  policies(): Pick<Policies, "compiled" | "journal">;
  warnings(): readonly WarningReport[];
}

/** From the start of an agent to its end. */
export class NodeView implements Disposable {
  /** The links of other members. */
  readonly links: LinkTables;
  /** The collections and queues of the mesh. */
  readonly data: DataView;
  /** What has happened. */
  readonly timeline: Timeline;
  /** Is told what happens. */
  readonly watch: TimelineWatch;

  constructor(parts: NodeViewParts) {
    const elected = () => parts.session()?.leaders.elected;
    this.links = new LinkTables({
      ...{ ...parts, elected },
      links: () => parts.session()?.messages.links.all() ?? [],
      denied: () => parts.policies().journal.denied,
    });
    this.data = new DataView({
      ...parts,
      services: () => parts.runtime.report(),
      request: (path, params, options) => parts.runtime.request(path, params, options),
    });
    this.timeline = new Timeline(parts.clock);
    this.watch = new TimelineWatch(this.timeline, {
      ...{ ...parts, elected },
      policyRevision: () => parts.policies().compiled.enforced?.revision,
    });
  }

  [Symbol.dispose](): void {
    this.links.close();
    this.data.close();
    this.watch[Symbol.dispose]();
  }
}
