/**
 * The members of the network, for programs: who there is, and what changes.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import { TopicPath } from "../topics/mod.ts";
import type { MemberInfo, PeerId, ServicePeers } from "../ports.ts";

/** Where a node tells itself and its programs of members. Nobody else publishes there. */
export const MEMBER_TOPIC = "$node/members";
/** The same, as a path. */
export const MEMBER_PATH: TopicPath = TopicPath.parse(MEMBER_TOPIC);

/** One change of the members. */
export interface MemberChange {
  /**
   * It has become a member, is none any more, answers again, answers no more, or something else about it is different, such
   * as its name or a label.
   */
  readonly kind: "joined" | "left" | "up" | "down" | "changed";
  /** As it is now; of one that has left, as it was. */
  readonly member: MemberInfo;
}

/** Who is told. */
interface MemberListeners {
  /** Whether there is anybody: to compare ten thousand members takes a while. */
  isHeard(): boolean;
  tell(change: MemberChange): void;
}

/** Changes that follow each other are told together. */
const PAUSE_MS = 20;

/** Lists the members, and compares them with what they were for as long as somebody listens. */
export class MemberWatch {
  readonly #peers: Pick<ServicePeers, "members">;
  readonly #timers: Timers;
  readonly #listeners: MemberListeners;
  /** Undefined while nobody listens. */
  #known: ReadonlyMap<PeerId, MemberInfo> | undefined;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(peers: Pick<ServicePeers, "members">, timers: Timers, listeners: MemberListeners) {
    this.#peers = peers;
    this.#timers = timers;
    this.#listeners = listeners;
  }

  /** All members, this node among them, by name. */
  all(): readonly MemberInfo[] {
    const members = this.#peers.members?.() ?? [];
    return [...members].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Something about members may be different, or somebody may listen now. */
  followSoon(): void {
    if (this.#isClosed || !this.#listeners.isHeard()) {
      this.#known = undefined;
      return;
    }
    // From here on each change counts.
    this.#known ??= this.#now();
    this.#cancel ??= this.#timers.setTimer(PAUSE_MS, () => {
      this.#cancel = undefined;
      for (const change of this.#changes()) this.#listeners.tell(change);
    });
  }

  /** Tells no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #now(): ReadonlyMap<PeerId, MemberInfo> {
    return new Map(this.all().map((member) => [member.id, member]));
  }

  #changes(): readonly MemberChange[] {
    const before = this.#known;
    if (before === undefined) return [];
    const now = this.#known = this.#now();
    const changes: MemberChange[] = [];
    for (const [id, member] of now) {
      const was = before.get(id);
      if (was === undefined) changes.push({ kind: "joined", member });
      else if (was.isHealthy !== member.isHealthy) {
        changes.push({ kind: member.isHealthy ? "up" : "down", member });
      } else if (JSON.stringify(was) !== JSON.stringify(member)) changes.push({ kind: "changed", member });
    }
    for (const [id, member] of before) {
      if (!now.has(id)) changes.push({ kind: "left", member: { ...member, isHealthy: false } });
    }
    return changes;
  }
}
