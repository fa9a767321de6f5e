/**
 * What time alone brings about in a running node: records expire, addresses change, links come and go.
 * @module
 */

import { type Environment, repeat } from "../base/mod.ts";
import type { MeshState } from "../mesh/mod.ts";
import type { DataPlane } from "./data_plane.ts";
import type { Rejoin } from "./join/mod.ts";
import type { MemberSession } from "./member_session.ts";
import type { NameService } from "./names/mod.ts";
import type { Networks } from "./networks/mod.ts";
import type { NodePolicies } from "./policy/mod.ts";
import type { Routes } from "./routes/mod.ts";
import type { ServiceHost } from "./services/mod.ts";
import type { NodeView } from "./view/mod.ts";

/** How often expired records and changed addresses of this host are looked for. */
const UPKEEP_MS = 10_000;

/** Parts of a running node that have something to do when time has passed. */
export interface AgingParts {
  readonly mesh: MeshState;
  readonly session: MemberSession | undefined;
  readonly networks: Networks;
  readonly policies: NodePolicies;
  readonly routes: Routes;
  readonly view: NodeView;
  readonly names: NameService | undefined;
  readonly services: ServiceHost;
  /** Lets the other leaders know this one's tokens. */
  shareTokens(): void;
}

/** What of them is nobody else's. */
interface OwnParts {
  readonly rejoin: Rejoin;
  readonly dataPlane: DataPlane;
}

/** Looks after everything every few seconds. @returns what ends that */
export function startUpkeep(
  environment: Pick<Environment, "timers" | "log">,
  node: AgingParts,
  own: OwnParts,
): () => void {
  // A full disk may have room again the next time, and a process that ran out of descriptors has some.
  const upkeep = { intervalMs: UPKEEP_MS, problem: "cannot look after the state" };
  return repeat(environment, upkeep, () => lookAfter(node, own));
}

/** What fails keeps nothing else from being looked after. @throws what the first of them throws */
function lookAfter(node: AgingParts, own: OwnParts): void {
  const failures: unknown[] = [];
  for (const look of looks(node, own)) {
    try {
      look();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function looks(node: AgingParts, { rejoin, dataPlane }: OwnParts): readonly (() => void)[] {
  const { mesh, session } = node;
  // A link is with somebody who knows this node's keys, and tells others.
  const linked = session?.messages.links.members() ?? [];
  const hasOwnKeys = session?.self === mesh.identity.id;
  const isElected = session?.leaders.elected === mesh.identity.id;
  return [
    () => mesh.replica.handleTimeout(),
    () => {
      if (linked.length > 0 && hasOwnKeys) mesh.forgetFormerIdentity();
    },
    () => rejoin.lookAfter(linked),
    () => session?.leaders.renewDue(),
    () => session?.removeAbsent(),
    () => node.networks.lookAfter(isElected),
    () => node.policies.lookAfter(isElected),
    () => node.routes.lookAfter(isElected),
    () => {
      if (isElected) node.services.serverActs.lookAfter();
    },
    () => dataPlane.lookAfter(),
    () => node.shareTokens(),
    () => node.view.watch.look(),
    () => node.names?.custom.refresh(),
    () => node.services.adverts.advertiseSoon(),
    () => session?.portMapping?.follow(),
    () => session?.restate(),
    () => void session?.lan?.followInterfaces(),
  ];
}
