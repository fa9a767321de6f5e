/**
 * A leader that a recovery file has made: when it takes over what leaders had who are gone.
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import type { LeaderView, RecoveryContent } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { OtherNetworkError, RemovedError } from "../errors.ts";
import type { MessagePlane } from "../links/mod.ts";

/** So long it is listened for other leaders after a start: their heartbeats come as soon as there is a link. */
const LISTEN_MS = 10_000;
/** So long a link brings what has happened since the file was made: a round of anti-entropy. */
const CATCH_UP_MS = 10_000;

interface RecoveryParts extends Pick<AgentContext, "mesh" | "clock" | "log"> {
  readonly messages: Pick<MessagePlane, "links">;
  /** @returns all leaders */
  readonly views: () => readonly LeaderView[];
}

/** Makes this node a leader, and has it give out addresses as soon as that is safe. */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #startedAt: Millis;
  #linkedAt: Millis | undefined;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Whether this leader claims nothing yet, because it does not know what is somebody's. */
  get isHoldingBack(): boolean {
    return this.#parts.mesh.leadership.recoveringFrom !== undefined;
  }

  /**
   * Becomes a leader. Harmless on one that is a leader already.
   * @returns the names of other leaders that are there
   * @throws OtherNetworkError when the file is of another network, RemovedError
   */
  recover({ signingKey }: RecoveryContent): readonly string[] {
    const { mesh: { leadership, replica, record, roster, role, identity }, log } = this.#parts;
    if (record.revoked) throw new RemovedError();
    const update = leadership.recover(signingKey);
    if (update === undefined) {
      throw new OtherNetworkError();
    }
    replica.publish(update);
    if (role !== "leader") log.warn("this node leads now, by a recovery file");
    this.settle();
    return this.#parts.views().flatMap(({ nodeId, isAlive }) =>
      isAlive && nodeId !== identity.id ? roster.get(nodeId)?.record.name ?? [] : []
    );
  }

  /** Takes over what is nobody's once it is known who is there; early and repeated calls are harmless. */
  settle(): void {
    const { mesh: { leadership, replica, identity }, clock, log, messages } = this.#parts;
    const from = leadership.recoveringFrom;
    if (from === undefined) return;
    const now = clock.now();
    if (messages.links.all().length > 0) this.#linkedAt ??= now;
    const hasListened = now - this.#startedAt >= LISTEN_MS;
    const others = this.#parts.views().filter(({ nodeId }) => nodeId !== identity.id);
    if (others.some(({ isAlive }) => isAlive)) {
      leadership.endRecovery();
      log.info("another leader is there: it keeps its addresses");
    } else if (hasListened && (from === "member" || this.#hasCaughtUp(now))) {
      replica.publish(leadership.takeOver(others.map(({ nodeId }) => nodeId)));
      log.info("this leader gives out all addresses now", { slices: leadership.slices.join() });
    }
  }

  /** A machine that had nothing but the file knows nobody who came after that: any member does. */
  #hasCaughtUp(now: Millis): boolean {
    const { roster, identity } = this.#parts.mesh;
    const isAlone = roster.liveRecords().every(({ nodeId, verifyingKey }) =>
      nodeId === identity.id || verifyingKey === undefined
    );
    return isAlone || (this.#linkedAt !== undefined && now >= millis(this.#linkedAt + CATCH_UP_MS));
  }
}
