/**
 * A member whose leader was lost or removed before it told anybody of it: members answer its dials, and know nobody with
 * its key. Its record is as good as any, and nobody takes it from a stranger, or whoever keeps the network's key could make
 * members for ever. So it asks another leader by the token by which it came, as any machine would; where that is good no
 * more, a person is told.
 *
 *     no link to a leader for 30 s, and a refused dial ──► asks ──► let in: its record, signed anew
 *                                                           └──► refused: the token is forgotten, a person is told
 *
 * @module
 */

import { type Millis, WeftError } from "../../base/mod.ts";
import {
  JoinToken,
  MAX_OTHER_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  NO_UPDATE,
  type NodeId,
  type OwnStatement,
  type TokenLeader,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";
import { InterruptedError, JoinRefusedError } from "../errors.ts";
import type { DialStream } from "../links/mod.ts";
import type { Warning } from "../warnings/mod.ts";
import { joinNetwork } from "./join_network.ts";

/** How long it is without a leader before it doubts that it is known. */
const ALONE_MS = 30_000;
/** A refusal counts for so long: leaders are dialled twice a minute. */
const REFUSED_MS = 120_000;
/** How long it waits before it asks again, at first and at most. */
const FIRST_PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 900_000;
/** How long one round of asking may take. */
const ASK_TIMEOUT_MS = 10_000;

/** Who asks, and how. */
export interface RejoinParts extends Pick<AgentContext, "mesh" | "clock" | "timers" | "random" | "log"> {
  readonly endpoints: Pick<EndpointSelector, "channelEndpoints">;
  readonly dial: DialStream;
  /** @returns what this node says of itself */
  own(): OwnStatement;
}

/** Watches whether this node is known, and has it let in again. */
export class Rejoin {
  readonly #parts: RejoinParts;
  #aloneSince: Millis | undefined;
  #refusedAt: Millis | undefined;
  #nextAt = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #isAsking = false;

  constructor(parts: RejoinParts) {
    this.#parts = parts;
  }

  /** A member has answered a dial, and does not know this node. */
  noteRefused(): void {
    this.#refusedAt = this.#parts.clock.now();
  }

  /** To be called every few seconds. @param linked who has a link */
  lookAfter(linked: readonly NodeId[]): void {
    const { mesh, clock, log } = this.#parts;
    const isLeader = (nodeId: NodeId) => mesh.roster.liveRecord(nodeId)?.roles.includes("leader") ?? false;
    const leaders = linked.filter(isLeader).length;
    const token = mesh.joinToken;
    // One of two is not the one that let it in.
    if (token !== undefined && (leaders > 1 || token.expiresAt <= clock.wall())) mesh.forgetJoinToken();
    const now = clock.now();
    if (leaders > 0 || mesh.role === "leader") {
      this.#aloneSince = this.#refusedAt = undefined;
      this.#pauseMs = FIRST_PAUSE_MS;
      return;
    }
    this.#aloneSince ??= now;
    if (!this.#isUnknown || this.#isAsking || now < this.#nextAt) return;
    this.#nextAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    this.#isAsking = true;
    this.#ask().catch((error) => log.error("cannot ask to be let in again", { error }))
      .finally(() => this.#isAsking = false);
  }

  /** @returns what a person should know of it now */
  warnings(): readonly Warning[] {
    if (!this.#isUnknown) return [];
    const text = "members answer, and do not know this node: the leader that let it in was lost or removed " +
      "before it told anybody";
    const hint = this.#parts.mesh.joinToken === undefined
      ? "Ask for a new token, then `weft leave --force` and `weft --join TOKEN`."
      : "It asks to be let in again by its token; `weft leader list` on a leader shows who is there.";
    return [{ kind: "membership", about: "self", text, hint }];
  }

  get #isUnknown(): boolean {
    const now = this.#parts.clock.now();
    return now - (this.#aloneSince ?? now) >= ALONE_MS && now - (this.#refusedAt ?? -Infinity) < REFUSED_MS;
  }

  async #ask(): Promise<void> {
    const { mesh, clock, log } = this.#parts;
    const token = mesh.joinToken;
    if (token === undefined || token.expiresAt <= clock.wall()) return;
    const { name, version, ephemeralMs, chain } = mesh.record;
    // What is signed under later keys comes after it all the same.
    const known = chain === undefined ? { knownVersion: version } : {};
    const wanted = { ...this.#parts.own(), ...known, name, ephemeralMs };
    try {
      const { record, roster } = await joinNetwork(this.#at(token), mesh.identity, wanted, {
        ...this.#parts,
        search: NO_SEARCH,
        onPending: () => {
          log.info("waiting for the approval of a leader, to be let in again", { name });
          // It asks again later.
          throw new InterruptedError();
        },
      });
      mesh.replica.merge({ ...NO_UPDATE, ...roster, records: [record, ...roster.records] });
      mesh.replica.deliverEvents();
      this.#refusedAt = undefined;
      log.warn("let in again by another leader: nobody had heard of the one before", {
        name: mesh.record.name,
        address: String(mesh.record.addresses[0]),
      });
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      if (error instanceof JoinRefusedError) mesh.forgetJoinToken();
      log.info("not let in again", { reason: error.message });
    }
  }

  /** @returns the same token, at the leaders of whom this node knows, and then at those that it names */
  #at(token: JoinToken): JoinToken {
    const { mesh: { roster, identity }, endpoints } = this.#parts;
    const known = roster.members().filter(({ record }) =>
      record.roles.includes("leader") && record.nodeId !== identity.id
    ).map((member): TokenLeader => ({
      publicKey: member.record.publicKey,
      endpoints: endpoints.channelEndpoints(member).slice(0, MAX_OTHER_ENDPOINTS),
    })).filter(({ endpoints }) => endpoints.length > 0);
    const named = token.leaders.filter(({ publicKey }) =>
      !known.some((each) => each.publicKey.equals(publicKey))
    );
    const [first, ...others] = [...known, ...named].slice(0, 1 + MAX_TOKEN_OTHERS);
    if (first === undefined) return token;
    const { networkId, tokenId, cidr, secret, expiresAt } = token;
    return new JoinToken({
      ...{ networkId, tokenId, cidr, secret, expiresAt },
      leaderPublicKey: first.publicKey,
      endpoints: first.endpoints,
      others: others.map(({ publicKey, endpoints }) => ({
        publicKey,
        endpoints: endpoints.slice(0, MAX_OTHER_ENDPOINTS),
      })),
    });
  }
}

const NO_SEARCH = {
  isAllowed: false,
  timeoutMs: ASK_TIMEOUT_MS,
  seek: () => Promise.resolve(),
  lanEndpoints: () => [],
  dhtEndpoints: () => [],
};
