/**
 * What a leader remembers of who was let in, changed and removed, by whom, and when. An entry is written in the
 * transaction of the change itself, so that a crash leaves both or none. It never holds a secret.
 *
 *     audit/NUMBER   an entry as JSON; numbers grow, and have 12 digits so that keys sort as they do
 *
 * @module
 */

import { type Clock, StateError, type StateStore, utf8Bytes } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import { type AuditEvent, recordChanges } from "./record_changes.ts";

/** How many entries are kept; the oldest goes first. */
export const MAX_AUDIT_ENTRIES = 10_000;
/** How long an entry is kept, in milliseconds. */
export const AUDIT_LIFETIME_MS: number = 90 * 86_400_000;

const AUDIT = "audit";
const NUMBER_DIGITS = 12;
/** So many that are too old go with each that is written. */
const MAX_EXPIRED = 16;
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

/** One leader's log. */
export class AuditLog {
  readonly #store: StateStore;
  readonly #clock: Clock;
  /** The numbers of the oldest and of the newest entry; the newest is smaller when there is none. */
  #first: number;
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
    const keys = store.entries(AUDIT).map(([key]) => Number(key));
    this.#first = keys[0] ?? 1;
    this.#last = keys.at(-1) ?? 0;
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

  /** Writes an entry, and forgets what is too old or too much. */
  append(event: AuditEvent, by: AuditActor = this.#actor): void {
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
    this.#store.transaction(() => {
      this.#store.put(AUDIT, keyOf(++this.#last), utf8Bytes(JSON.stringify(entry)));
      while (this.#last - this.#first >= MAX_AUDIT_ENTRIES) this.#forgetFirst();
      const oldest = entry.at - AUDIT_LIFETIME_MS;
      for (let i = 0; i < MAX_EXPIRED && this.#first < this.#last; i++) {
        const first = this.#get(this.#first);
        if (first !== undefined && first.at >= oldest) break;
        this.#forgetFirst();
      }
    });
  }

  /** Notes what the signing of a record has changed, within its transaction. */
  noteSigned(before: MemberRecord | undefined, after: MemberRecord): void {
    this.#signedHere.set(after.nodeId, after.version);
    const { kind: by } = this.#actor;
    const isOwn = this.#actor.kind === "member" && this.#actor.id === after.nodeId;
    const hasExpired = by === "agent" && after.ephemeralMs !== undefined;
    for (const event of recordChanges(before, after)) {
      if (event.kind !== "removed") this.append(event);
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
    for (const event of events) this.append(event, by);
  }

  /** @returns entries, the oldest first */
  list({ since = 0, after = 0, limit }: AuditQuery): readonly AuditEntry[] {
    const found: AuditEntry[] = [];
    for (let number = this.#last; number >= this.#first && number > after; number--) {
      if (found.length >= limit) break;
      const entry = this.#get(number);
      if (entry === undefined) continue;
      // A clock may have been set back meanwhile, so the rest is looked at, too.
      if (entry.at >= since) found.push({ number, ...entry });
    }
    return found.reverse();
  }

  #forgetFirst(): void {
    this.#store.delete(AUDIT, keyOf(this.#first++));
  }

  #get(number: number): Omit<AuditEntry, "number"> | undefined {
    const bytes = this.#store.get(AUDIT, keyOf(number));
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new StateError(`Cannot read entry ${number} of the audit log from the state: it is damaged`, {
        cause,
      });
    }
  }
}

function keyOf(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}
