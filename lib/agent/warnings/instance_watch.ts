/**
 * Machines that run with the same keys, as where a state directory was copied. Each process draws an instance at its start
 * and states it. After a restart the former one never speaks again; two that live state themselves in turns, since a
 * node that hears itself stated by another instance states itself anew.
 *
 *     at others:   A ──► B            a restart
 *                  A ──► B ──► A      two machines
 *     at itself:   own ──► B ──► own ──► B      two statements that this process has not made
 *
 * @module
 */

import { type Clock, type Millis, millis } from "../../base/mod.ts";
import type { MeshState, NodeId, NodeStatement, RosterEvent } from "../../mesh/mod.ts";
import type { Warning } from "./warnings.ts";

/** So long after the last turn two machines are taken for one again: three rounds of upkeep and gossip would bring another. */
const ACTIVE_MS = 120_000;
/** So many instances of one node are told apart. */
const MAX_INSTANCES = 3;

interface Seen {
  /** Where each is, the latest last. */
  readonly places: Map<string, string>;
  turns: number;
  turnedAt: Millis;
}

/** Follows what nodes state. */
export class InstanceWatch {
  readonly #mesh: Pick<MeshState, "roster" | "identity">;
  readonly #clock: Clock;
  readonly #own: string;
  readonly #restate: () => void;
  readonly #seen = new Map<NodeId, Seen>();

  /**
   * @param own the instance of this process
   * @param restate states this node anew; upkeep does so, too, only later
   */
  constructor(
    mesh: Pick<MeshState, "roster" | "identity">,
    { clock, own, restate = () => {} }: {
      readonly clock: Clock;
      readonly own: string;
      readonly restate?: () => void;
    },
  ) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.#own = own;
    this.#restate = restate;
  }

  /** A member has come, gone or said something. */
  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "member-removed") return void this.#seen.delete(nodeId);
    const statement = this.#mesh.roster.get(nodeId)?.statement;
    if (statement?.instance === undefined) return;
    const isSelf = nodeId === this.#mesh.identity.id;
    if (isSelf && statement.instance === this.#own) return;
    const now = this.#clock.now();
    const known = this.#seen.get(nodeId);
    const seen = known ?? { places: new Map<string, string>(), turns: 0, turnedAt: now };
    this.#seen.set(nodeId, seen);
    const isLatest = [...seen.places.keys()].at(-1) === statement.instance;
    // Every statement of another one is a turn here, as this process has stated itself in between.
    if (seen.places.delete(statement.instance) && (isSelf || !isLatest)) {
      seen.turns++;
      seen.turnedAt = now;
    }
    seen.places.set(statement.instance, placeOf(statement));
    const [oldest] = seen.places.keys();
    if (oldest !== undefined && seen.places.size > MAX_INSTANCES) seen.places.delete(oldest);
    // Once: two that answer each other at once would never end.
    if (isSelf && known === undefined) this.#restate();
  }

  /** @returns of which nodes there are two machines now */
  warnings(): readonly Warning[] {
    const now = this.#clock.now();
    const { roster, identity } = this.#mesh;
    const found: Warning[] = [];
    for (const [nodeId, { places, turns, turnedAt }] of this.#seen) {
      const name = roster.liveRecord(nodeId)?.name;
      if (turns === 0 || now > millis(turnedAt + ACTIVE_MS) || name === undefined) continue;
      const at = [...places.values()].slice(-2).join(" and at ");
      const text = nodeId === identity.id
        ? `another machine runs with the keys of this node, at ${[...places.values()].at(-1)}`
        : `two machines run with the keys of ${name}, at ${at}`;
      found.push({
        kind: "clone",
        about: nodeId,
        text,
        hint: "One has a copy of the other's state directory: stop it, and let it join with an empty one.",
      });
    }
    return found;
  }
}

function placeOf({ isRootless, endpoints, channelEndpoints }: NodeStatement): string {
  const [first] = isRootless ? channelEndpoints : endpoints;
  return String(first ?? "an unknown place");
}
