/**
 * What operators have leaders do to each other and to themselves: lead, lead no more, go on under new keys, leave.
 * @module
 */

import { withTimeout } from "../../base/mod.ts";
import {
  type KeyRotation,
  type LeaderView,
  type Member,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import {
  InvalidRequestError,
  notLeader,
  TooOftenError,
  UnconfirmedError,
  UnreachableError,
} from "../errors.ts";
import { askToLeave } from "./leave_request.ts";
import { attributed, signRotation } from "./member_care.ts";
import type { MemberRequests, RequestOutcome } from "./member_requests.ts";
import { MAX_SENDS } from "./repeated_request.ts";

/** How long it is waited for a member that was promoted to say that it leads. */
const LEAD_TIMEOUT_MS = 5_000;

/** What these acts are about, and whom is asked. */
interface LeaderActsParts extends Pick<AgentContext, "mesh" | "clock" | "timers" | "log"> {
  readonly requests: Pick<MemberRequests, "ask">;
  /** @returns all leaders, the highest id first */
  views(): readonly LeaderView[];
  /** @returns whom to ask, who answers most likely first */
  likelyLeaders(): readonly NodeId[];
  /** Says what this leader hands out, after that has changed. */
  settleSlices(): void;
}

/** Asks, and does what follows from the answers. */
export class LeaderActs {
  readonly #parts: LeaderActsParts;
  readonly #stop = new AbortController();

  constructor(parts: LeaderActsParts) {
    this.#parts = parts;
  }

  /**
   * Makes a member a leader: it leads when it has taken the offer and this node has signed that, and not otherwise.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async promote({ record }: Member): Promise<void> {
    const { mesh, log } = this.#parts;
    this.#mustLead();
    if (record.verifyingKey === undefined) throw cannot(`promote ${record.name}: it runs no weft`);
    if (record.roles.includes("leader")) throw cannot(`promote ${record.name}: it is a leader already`);
    const { promotions, audit } = mesh.leadership;
    let wasAsked = false;
    const offer = () => {
      wasAsked = true;
      return promotions.offer(record);
    };
    await attributed(mesh, record, () => this.#ask(record, offer, "promote")).catch((error) => {
      if (error instanceof InvalidRequestError) mesh.replica.publish(promotions.withdraw(record));
      const mayLead = error instanceof UnreachableError && wasAsked && isOfFormerRelease(mesh, record);
      const update = mayLead ? promotions.takeBack(record) : NO_UPDATE;
      if (update === undefined) return;
      mesh.replica.publish(update);
      throw error;
    });
    this.#mustLead();
    audit?.attribute(record.nodeId, undefined);
    const confirming = () => promotions.confirm(record);
    const update = audit?.as({ kind: "operator" }, confirming) ?? confirming();
    if (update === undefined) {
      mesh.replica.publish(promotions.withdraw(record));
      throw cannot(`promote ${record.name}: it is no member any more`);
    }
    mesh.replica.publish(update);
    if (await this.#leads(record)) log.info("promoted", { name: record.name });
    else log.warn("promoted, and it has not said since that it leads", { name: record.name });
  }

  /** Waits until a member that was promoted says what it gives out. @returns whether it has done so */
  async #leads({ nodeId }: MemberRecord): Promise<boolean> {
    const { mesh: { leadership, replica }, timers } = this.#parts;
    if (leadership.isHeldBy(nodeId)) return true;
    const said = Promise.withResolvers<true>();
    const unsubscribe = replica.subscribe({
      handleEntryEvent: () => leadership.isHeldBy(nodeId) && said.resolve(true),
    });
    return await withTimeout(timers, LEAD_TIMEOUT_MS, said.promise).finally(unsubscribe) ?? false;
  }

  /**
   * Makes a leader an ordinary member; its addresses go to this one, or to another leader when it is this one. One that is
   * dead is not asked: it learns that it leads no more when it comes back.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async demote({ record }: Member): Promise<void> {
    const { mesh: { leadership, identity, replica }, log } = this.#parts;
    this.#mustLead();
    if (!record.roles.includes("leader")) throw cannot(`demote ${record.name}: it is no leader`);
    const isDead = this.#parts.views().some(({ nodeId, isAlive }) => nodeId === record.nodeId && !isAlive);
    if (record.nodeId === identity.id) await this.#resign();
    else if (isDead) this.#depose(record);
    else {
      const asked = () => this.#ask(record, () => ({ kind: "demotion" }), "demote");
      const { slices, update } = await attributed(this.#parts.mesh, record, asked);
      if (slices !== undefined) leadership.take(slices, update, record);
      this.#parts.settleSlices();
      replica.deliverEvents();
    }
    log.info("demoted", { name: record.name });
  }

  /**
   * Has new keys of this node signed, by another leader unless it is one itself; everybody is told.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse, TooOftenError when this node
   * has changed its keys too often
   */
  async rotate(rotation: KeyRotation): Promise<void> {
    const { admission, replica, record } = this.#parts.mesh;
    if (admission === undefined) {
      replica.merge(await this.#askLeaders({ kind: "rotation", rotation }, "rotate the key"));
      return replica.deliverEvents();
    }
    const update = signRotation(admission, record, rotation);
    if (typeof update === "string") throw new InvalidRequestError(`Cannot rotate the key: ${update}`);
    if ("retryAfterMs" in update) throw new TooOftenError(update.retryAfterMs);
    replica.publish(update);
  }

  /**
   * Has this node revoked by another leader; a leader hands its addresses over first. When it fails it may be done again,
   * and comes to the same.
   * @throws UnreachableError when no leader was reached, UnconfirmedError when one may have heard it, InvalidRequestError
   * when this is the last leader, or all refuse
   */
  async leave(): Promise<void> {
    if (this.#parts.mesh.role === "leader") await this.#resign("leave");
    const outcome = await askToLeave(this.#parts, this.#stop.signal);
    if (outcome === "removed") return;
    if (outcome === "refused") throw new InvalidRequestError("Cannot leave: the leader refused");
    const again = "Run the same again when one of them is back; --force leaves without one.";
    if (outcome === "unreached") {
      throw new UnreachableError("Cannot leave: no leader answers", { hint: again, retryable: true });
    }
    throw new UnconfirmedError("Cannot leave: no leader answers, and one may have heard it", {
      hint: again,
      retryable: true,
    });
  }

  /** Asks nobody any more. */
  close(): void {
    this.#stop.abort();
  }

  async #askLeaders(request: MemberRequest, what: string): Promise<ReplicaUpdate> {
    const { identity } = this.#parts.mesh;
    let wasRefused = false;
    let retryAfterMs: number | undefined;
    for (const nodeId of this.#parts.likelyLeaders()) {
      if (nodeId === identity.id) continue;
      const answer = await this.#parts.requests.ask(nodeId, () => request);
      if (typeof answer !== "object") continue;
      if (answer.kind === "done" && answer.update !== undefined) return answer.update;
      wasRefused = true;
      if (answer.kind === "refused") retryAfterMs ??= answer.retryAfterMs;
    }
    if (retryAfterMs !== undefined) throw new TooOftenError(retryAfterMs);
    if (wasRefused) throw new InvalidRequestError(`Cannot ${what}: the leader refused`);
    throw new UnreachableError(`Cannot ${what}: no leader answers`, {
      hint: "`weft leader list` shows who leads; run the same again when one of them is back.",
      retryable: true,
    });
  }

  #depose(record: MemberRecord): void {
    const { leadership, replica } = this.#parts.mesh;
    const deposing = () => leadership.depose(record);
    const update = leadership.audit?.as({ kind: "operator" }, deposing) ?? deposing();
    if (update === undefined) throw cannot(`demote ${record.name}: it is no member any more`);
    replica.publish(update);
  }

  /** Hands over to another leader that lives, asked more than once, and to the next one when it does not answer. */
  async #resign(what = "demote this node"): Promise<void> {
    const { mesh: { leadership, roster, identity, replica }, views } = this.#parts;
    const heirs = views().filter(({ nodeId, isAlive }) => isAlive && nodeId !== identity.id)
      .map(({ nodeId }) => roster.get(nodeId)?.record).filter((record) => record !== undefined);
    const [first] = heirs;
    if (first === undefined) {
      throw new InvalidRequestError(`Cannot ${what}: this node is the only leader that lives`, {
        hint: "`weft leader promote NODE` makes another one first.",
      });
    }
    let failure: unknown;
    for (const heir of heirs) {
      try {
        await this.#ask(heir, () => {
          const { slices, records: update } = leadership.handOver(heir);
          return { kind: "handover", slices, update };
        }, "hand over to");
        const { audit } = leadership;
        replica.publish(audit?.as({ kind: "operator" }, () => leadership.resign()) ?? leadership.resign());
        return;
      } catch (error) {
        if (!(error instanceof UnreachableError || error instanceof InvalidRequestError)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  /** @throws UnreachableError, InvalidRequestError when it refused */
  async #ask(
    record: MemberRecord,
    request: () => MemberRequest,
    what: string,
  ): Promise<Extract<MemberAnswer, { kind: "done" }>> {
    let answer: RequestOutcome = "lost";
    // Of those that come to the same.
    for (let sends = 0; answer === "lost" && sends < MAX_SENDS; sends++) {
      answer = await this.#parts.requests.ask(record.nodeId, request);
    }
    if (typeof answer !== "object") {
      throw new UnreachableError(`Cannot ${what} ${record.name}: it does not answer`, {
        hint: "`weft peers` shows when it was last heard; run the same again when it is back.",
        retryable: true,
      });
    }
    if (answer.kind === "done") return answer;
    throw new InvalidRequestError(`Cannot ${what} ${record.name}: it refused`, {
      hint: "`weft leader list` on that node shows whom it takes for a leader.",
    });
  }

  #mustLead(): void {
    const { role, roster } = this.#parts.mesh;
    if (role === "leader") return;
    throw notLeader(this.#parts.views().flatMap(({ nodeId }) => roster.get(nodeId)?.record.name ?? []));
  }
}

/** Such a member leads as soon as it is asked, whatever comes after that. */
function isOfFormerRelease({ roster }: Pick<MeshState, "roster">, { nodeId }: MemberRecord): boolean {
  return roster.get(nodeId)?.statement?.instance === undefined;
}

function cannot(what: string): InvalidRequestError {
  return new InvalidRequestError(`Cannot ${what}`, {
    hint: "`weft leader list` shows who leads, and `weft peers` the others.",
  });
}
