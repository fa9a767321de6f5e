/**
 * What a leader remembers of who was let in, changed and removed, by whom, and when. An entry is written in the
 * transaction of the change itself, so that a crash leaves both or none. It never holds a secret. What machines cause
 * by themselves has a room of its own: however often they join and leave, acts of operators stay.
 *
 *     audit/NUMBER           what an operator did, as JSON; numbers grow, and have 12 digits so that keys sort as they do
 *     audit-members/NUMBER   what members and holders of tokens did, and time
 *
 * @module
 */

import type { Clock, StateStore } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import { AuditEntries } from "./audit_entries.ts";
import { type AuditEvent, type AuditKind, isAct, recordChanges } from "./record_changes.ts";

/** How many entries of either sort are kept; the oldest goes first. */
export const MAX_AUDIT_ENTRIES = 10_000;
/** How long an entry is kept, in milliseconds. */
export const AUDIT_LIFETIME_MS: number = 90 * 86_400_000;

/** What machines cause, but for what an operator has approved. */
const CAUSED_BY_MEMBERS: ReadonlySet<AuditKind> = new Set([
  "joined",
  "left",
  "expired",
  "rotated",
  "claimed",
]);
/** A longer text of an entry is cut, in characters. */
const MAX_TEXT_LENGTH = 1024;

/** By whose word: who asked at this leader's control socket, a token, a member, another leader, or this leader's agent. */
export type AuditActor =
  | { readonly kind: "operator" | "leader" | "agent" }
  | { readonly kind: "token"; readonly id: string }
  | { readonly kind: "member"; readonly id: NodeId; readonly name: string };

/** One thing that happened, when, and by whom. */
export interface AuditEntry extends AuditEvent {
  /** Grows with every entry of this leader. */
  readonly number: number;
  /** Milliseconds since 1970, by this leader's clock. */
  readonly at: number;
  readonly by: AuditActor;
}

/** A member's record before, if there was one, and after. */
export type RecordChange = readonly [before: MemberRecord | undefined, after: MemberRecord];

/** Which entries are wanted. */
export interface AuditQuery {
  /** Of this time and later, in milliseconds since 1970. */
  readonly since?: number | undefined;
  /** Later than the one of this number. */
  readonly after?: number | undefined;
  /** The last so many. */
  readonly limit: number;
}

type Stored = Omit<AuditEntry, "number">;

/** One leader's log. */
export class AuditLog {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #acts: AuditEntries<Stored>;
  readonly #causes: AuditEntries<Stored>;
  /** The number of the newest entry. */
  #last: number;
  #actor: AuditActor = { kind: "agent" };
  #detail: AuditEvent["detail"];
  /** The last version of a member's record that was signed here, until the replica's events have said so. */
  readonly #signedHere = new Map<NodeId, number>();
  /** By whose word another node is about to sign a record. */
  readonly #attributed = new Map<NodeId, AuditActor>();

  constructor(store: StateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#acts = new AuditEntries(store, "audit", MAX_AUDIT_ENTRIES);
    this.#causes = new AuditEntries(store, "audit-members", MAX_AUDIT_ENTRIES);
    this.#last = Math.max(this.#acts.last, this.#causes.last);
  }

  /**
   * Says by whose word everything is done that `body` does, which is synchronous.
   * @param detail what is added to each entry of it
   */
  as<T>(actor: AuditActor, body: () => T, detail?: AuditEvent["detail"]): T {
    const before = [this.#actor, this.#detail] as const;
    [this.#actor, this.#detail] = [actor, detail];
    try {
      return body();
    } finally {
      [this.#actor, this.#detail] = before;
    }
  }

  /**
   * Writes an entry, and forgets what is too old or too much.
   * @param isCaused whether no operator did it
   */
  append(
    event: AuditEvent,
    by: AuditActor = this.#actor,
    isCaused: boolean = isCausedByMembers(event, by),
  ): void {
    const detail = Object.entries({ ...event.detail, ...this.#detail })
      .map(([key, text]) => [key, text.slice(0, MAX_TEXT_LENGTH)] as const);
    const { kind, node } = event;
    const entry = {
      at: this.#clock.wall(),
      kind,
      by,
      ...node && { node },
      ...detail.length > 0 && { detail: Object.fromEntries(detail) },
    };
    const entries = isCaused ? this.#causes : this.#acts;
    this.#store.transaction(() => {
      entries.put(++this.#last, entry);
      entries.forgetBefore(entry.at - AUDIT_LIFETIME_MS);
    });
  }

  /** Notes what the signing of a record has changed, within its transaction. */
  noteSigned(before: MemberRecord | undefined, after: MemberRecord): void {
    this.#signedHere.set(after.nodeId, after.version);
    const { kind: by } = this.#actor;
    const isOwn = this.#actor.kind === "member" && this.#actor.id === after.nodeId;
    const hasExpired = by === "agent" && after.ephemeralMs !== undefined;
    for (const event of recordChanges(before, after)) {
      // What this leader itself ends in that way has not left: it never came.
      if (event.kind === "left" && by === "agent") this.append({ ...event, kind: "expired" });
      else if (event.kind !== "removed") this.append(event);
      else this.append({ ...event, kind: isOwn ? "left" : hasExpired ? "expired" : "removed" });
    }
  }

  /** Says by whose word another node signs its own record next. */
  attribute(nodeId: NodeId, actor: AuditActor | undefined): void {
    if (actor === undefined) this.#attributed.delete(nodeId);
    else this.#attributed.set(nodeId, actor);
  }

  /** Notes in one transaction what other leaders have changed, without what was signed here. */
  noteMerged(changes: readonly RecordChange[]): void {
    if (changes.length === 0) return;
    this.#store.transaction(() => {
      for (const [before, after] of changes) this.#noteMerged(before, after);
    });
  }

  #noteMerged(before: MemberRecord | undefined, after: MemberRecord): void {
    const { nodeId } = after;
    const here = this.#signedHere.get(nodeId);
    this.#signedHere.delete(nodeId);
    if (here === after.version) return;
    const events = recordChanges(before, after);
    if (events.length === 0) return;
    const by = this.#attributed.get(nodeId) ?? { kind: "leader" };
    this.#attributed.delete(nodeId);
    const isCaused = !isAct(before, after);
    for (const event of events) this.append(event, by, isCaused || isCausedByMembers(event, by));
  }

  /** @returns entries, the oldest first */
  list({ since = 0, after = 0, limit }: AuditQuery): readonly AuditEntry[] {
    const found: AuditEntry[] = [];
    const sorts = [this.#acts, this.#causes];
    const numbers = sorts.flatMap((entries) => [...entries.after(after)]).sort((a, b) => b - a);
    for (const number of numbers) {
      if (found.length >= limit) break;
      const entry = this.#acts.get(number) ?? this.#causes.get(number);
      if (entry === undefined) continue;
      // A clock may have been set back meanwhile, so the rest is looked at, too.
      if (entry.at >= since) found.push({ number, ...entry });
    }
    return found.reverse();
  }
}

function isCausedByMembers({ kind }: AuditEvent, by: AuditActor): boolean {
  return by.kind === "token" || by.kind === "member" ||
    (by.kind !== "operator" && CAUSED_BY_MEMBERS.has(kind));
}
