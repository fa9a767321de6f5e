/**
 * What a running agent warns of.
 * @module
 */

import { encodeHex, randomBytes } from "../../base/mod.ts";
import { freeBytesAt } from "../../host/mod.ts";
import { INSTANCE_BYTES, type MeshState, type NodeId, recordLifetimeMs } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { clockWarnings } from "./clock_warnings.ts";
import { InstanceWatch } from "./instance_watch.ts";
import { nameWarnings } from "./name_warnings.ts";
import { type UpcomingParts, upcomingWarnings } from "./upcoming_warnings.ts";
import { type Warning, Warnings } from "./warnings.ts";

/** What is looked at beside the members. */
export interface AgentWarningsParts {
  /** States this node anew. */
  restate(): void;
  /** @returns how far the clocks of linked members are ahead of this one, in milliseconds */
  clockSkews(): ReadonlyMap<NodeId, number>;
  /** @returns other parts of the agent, those that are there, which warn of what is theirs */
  others(): readonly ({ warnings(): readonly Warning[] } | undefined)[];
}

/** Draws the instance of this process, which its statements say from now on, and begins to look. @returns what it finds, until it is disposed of */
export function watchForWarnings(
  { mesh, clock, random, log, endpoints, options: { stateDir } }: AgentContext,
  { restate, clockSkews, others }: AgentWarningsParts,
): Warnings & Disposable {
  const own = endpoints.instance = encodeHex(randomBytes(random, INSTANCE_BYTES));
  const instances = new InstanceWatch(mesh, { clock, own, restate });
  const warnings = new Warnings([
    () => nameWarnings(mesh),
    () => instances.warnings(),
    () => clockWarnings(mesh, clockSkews()),
    () => upcomingWarnings({ membership: membershipOf(mesh), freeBytes: freeBytesAt(stateDir), stateDir }),
    () => others().flatMap((other) => other?.warnings() ?? []),
  ], log);
  const close = mesh.replica.subscribe(instances);
  return Object.assign(warnings, { [Symbol.dispose]: close });
}

/** Memberships expire by the network's clock, which stands still while no leader is there. */
function membershipOf({ record, replica: { networkClock } }: MeshState): UpcomingParts["membership"] {
  if (record.revoked) return undefined;
  return { leftMs: record.expiresAt - networkClock.now(), lifetimeMs: recordLifetimeMs(record) };
}
