/**
 * Asking a leader to be let in.
 * @module
 */

import { type ByteStream, type Environment, millis, sleep } from "../../base/mod.ts";
import { type Channel, ChannelRefusedError, openChannel } from "../../channel/mod.ts";
import {
  type Admitted,
  decodeMeshMessage,
  encodeHello,
  encodeJoinRequest,
  type JoinParameters,
  type JoinToken,
  MESH_TOPIC,
  type NodeIdentity,
  type TokenLeader,
} from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { JoinRefusedError, UnreachableError } from "../errors.ts";
import type { LeaderSearch } from "../discovery/mod.ts";
import { raceDial } from "../links/mod.ts";

const RETRY_PAUSE_MS = 500;
/** Strangers are dialled by four a second at most, however fast they answer. */
const STRANGER_PAUSE_MS = 250;
/** Whoever lets a caller wait holds up what is found meanwhile. */
const STRANGER_TIMEOUT_MS = 2_000;
/** How long a leader may think about a request. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What joining works with. */
export interface JoinParts extends Pick<Environment, "clock" | "timers" | "random"> {
  /** Looks for leaders that are near; asked when the token names no endpoint, or none that answers. */
  readonly search: Pick<LeaderSearch, "isAllowed" | "patienceMs" | "seek" | "found" | "places">;
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<ByteStream | undefined>;
}

/**
 * Dials the token's endpoints, and what leaders answer who are near, and asks to be let in.
 *
 * @returns what the leader answers to a member
 * @throws UnreachableError when nobody answers, JoinRefusedError when the answer is no
 */
export async function joinNetwork(
  token: JoinToken,
  identity: NodeIdentity,
  wanted: JoinParameters,
  parts: JoinParts,
): Promise<Admitted> {
  // Whoever has no address left may know somebody who has.
  let leaders = token.leaders;
  for (;;) {
    const channel = await reachLeader({ token, leaders }, identity, parts);
    const cancelTimer = parts.timers.setTimer(ANSWER_TIMEOUT_MS, () => channel.close("no answer"));
    try {
      const body = encodeJoinRequest(identity, token, { ...wanted, clock: parts.clock });
      await channel.send({ topic: MESH_TOPIC, body });
      const answer = await channel.receive();
      const said = answer?.topic === MESH_TOPIC ? decodeMeshMessage(answer.body) : undefined;
      if (said?.kind === "admitted") return said.admitted;
      leaders = leaders.filter(({ publicKey }) => !publicKey.equals(channel.remoteStatic));
      if (leaders.length > 0) continue;
      if (said?.kind === "refused") throw refused();
      throw new UnreachableError("Cannot join: the leader hung up before it answered", {
        hint: "Run the same command again.",
        retryable: true,
      });
    } finally {
      cancelTimer();
      channel.close("joined");
    }
  }
}

/** A place to dial, and who is to answer there. */
interface Target {
  /** Whether whoever refuses there is the leader, for all that is known, and not just anybody. */
  readonly isMeant: boolean;
  readonly endpoint: Endpoint;
  readonly publicKey: PublicKey;
}

async function reachLeader(
  { token, leaders }: { readonly token: JoinToken; readonly leaders: readonly TokenLeader[] },
  identity: NodeIdentity,
  parts: JoinParts,
): Promise<Channel> {
  const { clock, timers, search } = parts;
  const deadline = clock.now() + search.patienceMs;
  const never = new AbortController().signal;
  let turnAt = clock.now();
  const strangerSlot = async (signal: AbortSignal): Promise<void> => {
    const waitMs = Math.max(0, turnAt - clock.now());
    turnAt = millis(clock.now() + waitMs + STRANGER_PAUSE_MS);
    if (waitMs > 0) await sleep(timers, waitMs, signal);
  };
  for (;;) {
    let wasRefused = false;
    const targets = targetsOf(leaders, search);
    const channel = await raceDial<Target, Channel>(targets, {
      timers,
      attempt: async (target, signal) => {
        if (!target.isMeant) await strangerSlot(signal);
        const late = new AbortController();
        const cancelTimer = target.isMeant
          ? () => {}
          : timers.setTimer(STRANGER_TIMEOUT_MS, () => late.abort());
        const either = AbortSignal.any([signal, late.signal]);
        const answer = await tryTarget(target, token, { identity, parts, signal: either }).finally(
          cancelTimer,
        );
        if (typeof answer !== "string") return answer;
        // At the leader's private address somebody else may live here: the other endpoints have their turn too.
        wasRefused ||= target.isMeant && answer === "refused";
        return undefined;
      },
      discard: (second) => second.close("another was faster"),
    });
    if (channel !== undefined) return channel;
    if (wasRefused) throw refused();
    if (clock.now() >= deadline || (targets.length === 0 && !search.isAllowed)) {
      throw unreachable(targets.filter(({ isMeant }) => isMeant).map(({ endpoint }) => endpoint), search);
    }
    await search.seek();
    await sleep(timers, RETRY_PAUSE_MS, never);
  }
}

async function tryTarget(
  { endpoint, publicKey }: Target,
  token: JoinToken,
  { identity, parts, signal }: {
    readonly identity: NodeIdentity;
    readonly parts: JoinParts;
    readonly signal: AbortSignal;
  },
): Promise<Channel | "refused" | "nobody"> {
  const { random, clock, timers } = parts;
  const stream = signal.aborted ? undefined : await parts.dial(endpoint, signal);
  if (stream === undefined) return "nobody";
  try {
    return await openChannel(stream, {
      localStatic: identity.privateKey,
      remoteStatic: publicKey,
      presharedKey: token.presharedKey,
      hello: encodeHello({ kind: "join", tokenId: token.tokenId }),
      random,
      clock,
      timers,
      signal,
    });
  } catch (error) {
    return error instanceof ChannelRefusedError ? "refused" : "nobody";
  }
}

/** Where a leader was heard that is near, any of them may answer; where the DHT leads, one of them or a stranger. */
function targetsOf(leaders: readonly TokenLeader[], search: JoinParts["search"]): Target[] {
  const told = leaders.flatMap(({ publicKey, endpoints }) =>
    endpoints.map((endpoint) => ({ endpoint, publicKey, isMeant: true }))
  );
  const isTold = (endpoint: Endpoint): boolean => told.some((target) => target.endpoint.equals(endpoint));
  const anyOf = (endpoints: readonly Endpoint[], isMeant: boolean): Target[] =>
    endpoints.filter((endpoint) => !isTold(endpoint))
      .flatMap((endpoint) => leaders.map(({ publicKey }) => ({ endpoint, publicKey, isMeant })));
  return [...told, ...anyOf(search.found(), true), ...anyOf(search.places(), false)];
}

function unreachable(targets: readonly Endpoint[], { isAllowed }: JoinParts["search"]): UnreachableError {
  if (targets.length > 0) {
    return new UnreachableError(
      `Cannot reach the leader: nobody answers on TCP at ${targets.join(" or ")}`,
      { hint: "Check that the leader runs, and that no firewall closes that port.", retryable: true },
    );
  }
  if (!isAllowed) {
    return new UnreachableError("Cannot find the leader: the token names no endpoint, and discovery is off", {
      hint: "Leave --no-discovery out, use --discovery-dht, or ask for a token with endpoints.",
    });
  }
  return new UnreachableError(
    "Cannot find the leader: the token names no endpoint, and no leader answers here",
    {
      hint:
        "Check that the leader runs in the same network with discovery, or ask for a token with endpoints.",
      retryable: true,
    },
  );
}

function refused(): JoinRefusedError {
  return new JoinRefusedError("Cannot join: the leader refused", {
    hint: "Ask for a new token: this one may be used up or revoked, or the network is gone.",
  });
}
