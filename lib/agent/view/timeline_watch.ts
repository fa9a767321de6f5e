/**
 * Writes down what happens to members, leaders, policy and warnings; what it costs follows from what happens.
 * @module
 */

import type { WarningReport } from "../../api/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import type { Timeline } from "./timeline.ts";

/** What it looks at every few seconds. */
export interface TimelineSources {
  readonly mesh: Pick<MeshState, "replica" | "roster" | "identity">;
  /** @returns the leader that counts for this node */
  elected(): NodeId | undefined;
  /** @returns the revision of the policy in force here; undefined for none */
  policyRevision(): string | undefined;
  warnings(): readonly WarningReport[];
}

/** A verdict on a member. */
export interface Verdict {
  readonly name: string;
  readonly healthy: boolean;
  readonly path: string;
  readonly failureCount: number;
}

/** Follows a node from the moment it is made. */
export class TimelineWatch implements Disposable {
  readonly #timeline: Timeline;
  readonly #sources: TimelineSources;
  readonly #names: Map<NodeId, string>;
  readonly #paths = new Map<NodeId, string>();
  readonly #unsubscribe: () => void;
  #elected: NodeId | undefined;
  #revision: string | undefined;
  #warnings = new Set<string>();

  constructor(timeline: Timeline, sources: TimelineSources) {
    this.#timeline = timeline;
    this.#sources = sources;
    const { roster, replica } = sources.mesh;
    this.#names = new Map(roster.members().map(({ record }) => [record.nodeId, record.name]));
    this.#unsubscribe = replica.subscribe({
      handleRosterEvent: ({ kind, nodeId }) => {
        if (kind === "member-removed") this.#handleRemoved(nodeId);
        else if (kind === "member-added" || kind === "member-updated") this.#handleMember(nodeId);
      },
    });
  }

  /** This node runs. */
  handleStart(version: string): void {
    this.#timeline.note({ kind: "started", text: `this agent started, weft ${version}` });
    this.look();
  }

  /** A member answers again, or does not any more. */
  handleVerdict({ name, healthy, path, failureCount }: Verdict): void {
    const missed = failureCount > 0 ? `, ${failureCount} probes missed` : "";
    this.#timeline.note(
      healthy
        ? { kind: "healthy", text: `${name} answers, by ${path}`, member: name }
        : { kind: "unhealthy", text: `${name} does not answer any more${missed}`, member: name },
    );
  }

  /** Packets to a member take another kind of way. The first one is no news. */
  handlePath(nodeId: NodeId, kind: string | undefined): void {
    const name = this.#sources.mesh.roster.get(nodeId)?.record.name;
    const said = kind ?? "none";
    const before = this.#paths.get(nodeId);
    this.#paths.set(nodeId, said);
    if (name === undefined || before === undefined || before === said) return;
    const text = kind === undefined
      ? `no path for packets to ${name} is known any more`
      : `packets to ${name} take ${kind === "direct" ? "a direct path" : `a ${kind}`} now`;
    this.#timeline.note({ kind: "path", text, member: name });
  }

  /** Looks what has changed that nobody tells of; to be called every few seconds. */
  look(): void {
    const { elected, policyRevision, warnings, mesh } = this.#sources;
    const leader = elected();
    if (leader !== undefined && leader !== this.#elected) {
      const name = mesh.roster.get(leader)?.record.name ?? leader;
      const isOwn = leader === mesh.identity.id;
      const text = isOwn ? "this node is the elected leader" : `${name} is the elected leader`;
      this.#timeline.note({ kind: "leader", text, member: name });
      this.#elected = leader;
    }
    const revision = policyRevision();
    if (revision !== this.#revision) {
      const text = revision === undefined
        ? "no policy is in force any more"
        : `policy ${revision} is in force`;
      this.#timeline.note({ kind: "policy", text });
      this.#revision = revision;
    }
    const now = new Set(warnings().map(({ text }) => text));
    for (const text of now.difference(this.#warnings)) this.#timeline.note({ kind: "warning", text });
    for (const text of this.#warnings.difference(now)) {
      this.#timeline.note({ kind: "warning", text: `no longer so: ${text}` });
    }
    this.#warnings = now;
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #handleMember(nodeId: NodeId): void {
    const name = this.#sources.mesh.roster.get(nodeId)?.record.name;
    const before = this.#names.get(nodeId);
    if (name === undefined || name === before) return;
    this.#names.set(nodeId, name);
    this.#timeline.note(
      before === undefined
        ? { kind: "joined", text: `${name} joined`, member: name }
        : { kind: "renamed", text: `${before} is called ${name} now`, member: name },
    );
  }

  #handleRemoved(nodeId: NodeId): void {
    const name = this.#names.get(nodeId);
    this.#names.delete(nodeId);
    this.#paths.delete(nodeId);
    if (name !== undefined) {
      this.#timeline.note({ kind: "removed", text: `${name} was removed`, member: name });
    }
  }
}
