/**
 * Asking a leader to be let in.
 * @module
 */

import { type Environment, millis, sleep } from "../../base/mod.ts";
import type { Channel } from "../../channel/mod.ts";
import {
  type Admitted,
  conflictText,
  decodeMeshMessage,
  encodeJoinRequest,
  type JoinParameters,
  type JoinRefusal,
  type JoinToken,
  MESH_TOPIC,
  type NodeIdentity,
  type ProtocolVersions,
  type TokenLeader,
  type VersionConflict,
} from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import { Endpoint, type WebAddress } from "../../net/mod.ts";
import {
  IncompatibleVersionError,
  InvalidTokenError,
  JoinRefusedError,
  UnreachableError,
} from "../errors.ts";
import type { LeaderSearch } from "../discovery/mod.ts";
import { dialChannel, type DialStream, isDialled, raceDial } from "../links/mod.ts";

const RETRY_PAUSE_MS = 500;
/** What the DHT has named is dialled by four a second at most, however fast it answers. */
const DHT_DIAL_PAUSE_MS = 250;
/** An endpoint that is slow to answer holds up what is found meanwhile. */
const DHT_DIAL_TIMEOUT_MS = 2_000;
/** How long a leader may think about a request. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long a machine waits at first, and at most, before it asks again whether it was approved. */
const FIRST_APPROVAL_PAUSE_MS = 1_000;
const MAX_APPROVAL_PAUSE_MS = 30_000;

interface JoinParts extends Pick<Environment, "clock" | "timers" | "random"> {
  /** Searches for leaders; begun when the token names no endpoint, or none that answers. */
  readonly search: Pick<LeaderSearch, "isAllowed" | "timeoutMs" | "seek" | "lanEndpoints" | "dhtEndpoints">;
  readonly dial: DialStream;
  /** What this machine speaks; what its release does when left out. */
  readonly protocols?: ProtocolVersions | undefined;
  /** A leader has to approve this machine first; called once, and then it is asked until somebody did. */
  readonly onPending?: () => void;
  /** All leaders have refused without saying why. */
  readonly onRefused?: () => void;
}

/**
 * Dials the token's endpoints, and those that the search finds, and asks to be let in; until the token expires, where
 * somebody has to approve that.
 *
 * @returns what the leader answers to a member
 * @throws UnreachableError when nobody answers, JoinRefusedError when the answer is no, IncompatibleVersionError when this
 * machine and the leader speak no version of a protocol in common
 */
export async function joinNetwork(
  token: JoinToken,
  identity: NodeIdentity,
  wanted: JoinParameters,
  parts: JoinParts,
): Promise<Admitted> {
  // Whoever has no address left may know somebody who has.
  let leaders = token.leaders;
  let pauseMs: number | undefined;
  let reason: JoinRefusal | undefined;
  for (;;) {
    const channel = await reachLeader(token, leaders, identity, parts).catch((error) => {
      // While it waits, a leader may be away for a while.
      if (pauseMs !== undefined && error instanceof UnreachableError) return undefined;
      // What a leader has said tells more than that another one of the token is away, or leads no more.
      throw reason === undefined ? error : refused(reason);
    });
    if (channel === undefined) {
      pauseMs = await pauseForApproval(token, pauseMs, parts);
      continue;
    }
    const cancelTimer = parts.timers.setTimer(ANSWER_TIMEOUT_MS, () => channel.close("no answer"));
    try {
      const body = encodeJoinRequest(identity, token, { ...wanted, clock: parts.clock });
      await channel.send({ topic: MESH_TOPIC, body });
      const answer = await channel.receive();
      const message = answer?.topic === MESH_TOPIC ? decodeMeshMessage(answer.body) : undefined;
      if (message?.kind === "admitted") return message.admitted;
      if (message?.kind === "pending") {
        if (pauseMs === undefined) parts.onPending?.();
        channel.close("asks again later");
        cancelTimer();
        pauseMs = await pauseForApproval(token, pauseMs, parts);
        leaders = token.leaders;
        continue;
      }
      if (message?.kind === "refused") reason = message.reason ?? reason;
      // Somebody has said no: the machine does not go on to wait at another leader.
      if (reason === "not-approved") throw refused(reason);
      leaders = leaders.filter(({ publicKey }) => !publicKey.equals(channel.remoteStatic));
      if (leaders.length > 0) continue;
      if (message?.kind === "refused") {
        if (reason === undefined) parts.onRefused?.();
        const { wallTime } = message;
        throw refused(reason, wallTime && parts.clock.wall() - wallTime);
      }
      throw new UnreachableError("Cannot join: the leader hung up before it answered", {
        hint: "Run the same command again; if that is no better, `weft logs` on the leader says why.",
        retryable: true,
      });
    } finally {
      cancelTimer();
      channel.close("joined");
    }
  }
}

/** @returns how long it has waited @throws InvalidTokenError when the token is good no more */
async function pauseForApproval(
  token: JoinToken,
  formerMs: number | undefined,
  { clock, timers }: Pick<JoinParts, "clock" | "timers">,
): Promise<number> {
  const pauseMs = Math.min(MAX_APPROVAL_PAUSE_MS, (formerMs ?? FIRST_APPROVAL_PAUSE_MS / 2) * 2);
  await sleep(timers, pauseMs, new AbortController().signal);
  if (token.expiresAt > clock.wall()) return pauseMs;
  throw new InvalidTokenError("Cannot join: the token has expired before anybody approved this machine", {
    hint: "Ask for a new one: `weft token create --approve` on the leader makes it.",
  });
}

/** An endpoint to dial, and who is to answer there. */
interface Target {
  /** Whether a refusal from there counts as the leader's; what only the DHT has named may be anybody's. */
  readonly isLeader: boolean;
  readonly endpoint: Endpoint | WebAddress;
  readonly publicKey: PublicKey;
}

async function reachLeader(
  token: JoinToken,
  leaders: readonly TokenLeader[],
  identity: NodeIdentity,
  parts: JoinParts,
): Promise<Channel> {
  const { clock, timers, search } = parts;
  const deadline = clock.now() + search.timeoutMs;
  const never = new AbortController().signal;
  let nextDhtDialAt = clock.now();
  const waitForDhtDial = async (signal: AbortSignal): Promise<void> => {
    const waitMs = Math.max(0, nextDhtDialAt - clock.now());
    nextDhtDialAt = millis(clock.now() + waitMs + DHT_DIAL_PAUSE_MS);
    if (waitMs > 0) await sleep(timers, waitMs, signal);
  };
  for (;;) {
    let wasRefused = false;
    let conflict: VersionConflict | undefined;
    const targets = targetsOf(leaders, search);
    const channel = await raceDial<Target, Channel>(targets, {
      timers,
      attempt: async (target, signal) => {
        if (!target.isLeader) await waitForDhtDial(signal);
        const late = new AbortController();
        const cancelTimer = target.isLeader
          ? () => {}
          : timers.setTimer(DHT_DIAL_TIMEOUT_MS, () => late.abort());
        const answer = await dialChannel(target.endpoint, parts.dial, {
          clock,
          timers,
          random: parts.random,
          localStatic: identity.privateKey,
          remoteStatic: target.publicKey,
          presharedKey: token.presharedKey,
          hello: { kind: "join", tokenId: token.tokenId },
          protocols: parts.protocols,
          signal: AbortSignal.any([signal, late.signal]),
        }).finally(cancelTimer);
        if (isDialled(answer)) return answer.channel;
        if (typeof answer === "object") {
          if (target.isLeader) conflict = answer;
          return undefined;
        }
        // At the leader's private address somebody else may live here: the other endpoints are tried too.
        wasRefused ||= target.isLeader && answer === "refused";
        return undefined;
      },
      discard: (second) => second.close("another was faster"),
    });
    if (channel !== undefined) return channel;
    if (conflict !== undefined) throw incompatible(conflict);
    if (wasRefused) throw refused();
    if (clock.now() >= deadline || (targets.length === 0 && !search.isAllowed)) {
      throw unreachable(targets.filter(({ isLeader }) => isLeader).map(({ endpoint }) => endpoint), search);
    }
    await search.seek();
    await sleep(timers, RETRY_PAUSE_MS, never);
  }
}

/** At an endpoint on the LAN any of the leaders may answer; at one that the DHT has named, one of them or anybody. */
function targetsOf(leaders: readonly TokenLeader[], search: JoinParts["search"]): Target[] {
  const named = leaders.flatMap(({ publicKey, endpoints, urls = [] }) =>
    [...endpoints.slice(0, 1), ...urls, ...endpoints.slice(1)]
      .map((endpoint) => ({ endpoint, publicKey, isLeader: true }))
  );
  const isNamed = (endpoint: Endpoint): boolean =>
    named.some((target) => target.endpoint instanceof Endpoint && target.endpoint.equals(endpoint));
  const anyOf = (endpoints: readonly Endpoint[], isLeader: boolean): Target[] =>
    endpoints.filter((endpoint) => !isNamed(endpoint))
      .flatMap((endpoint) => leaders.map(({ publicKey }) => ({ endpoint, publicKey, isLeader })));
  return [...named, ...anyOf(search.lanEndpoints(), true), ...anyOf(search.dhtEndpoints(), false)];
}

function unreachable(
  targets: readonly (Endpoint | WebAddress)[],
  { isAllowed }: JoinParts["search"],
): UnreachableError {
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

function incompatible(conflict: VersionConflict): IncompatibleVersionError {
  const { problem } = conflictText(conflict, "the leader");
  const { hint } = conflictText(conflict, "the leader", "this machine");
  return new IncompatibleVersionError(`Cannot join: ${problem}`, { hint });
}

/** What a leader says of a machine with a good token. */
const REFUSALS: Readonly<Record<JoinRefusal, readonly [problem: string, hint: string]>> = {
  "address-not-allowed": [
    "the token does not allow the address that --address asks for",
    "Leave --address out, or ask for a token: `weft token create --any-address` on the leader makes it.",
  ],
  "address-taken": ["the address is taken", "`weft peers` on a leader shows who has it; choose another one."],
  "address-not-here": [
    "the leader does not give that address out",
    "`weft leader list` on each leader shows which addresses it gives out; use a token of that one.",
  ],
  "no-address": [
    "the leader has no address left",
    "Have a leader remove members that are gone for good, as by `weft peer prune --away 30d`, or use another leader's token.",
  ],
  "not-approved": ["somebody at the leader has refused this machine", "Ask who gave you the token."],
  "too-many-wait": ["too many machines wait for approval", "Run the same command again later."],
  clock: [
    "this machine's clock and the leader's are too far apart",
    "Set the one that is wrong, best by NTP: what is signed by a wrong clock is believed by nobody.",
  ],
};

/** @param aheadMs how far this machine's clock is ahead of the leader's, where that is the reason */
function refused(reason?: JoinRefusal, aheadMs?: number): JoinRefusedError {
  if (reason === "clock" && aheadMs !== undefined) {
    const minutes = `${Math.round(Math.abs(aheadMs) / 60_000)} min`;
    const problem = `this machine's clock is ${minutes} ${aheadMs > 0 ? "ahead of" : "behind"} the leader's`;
    return new JoinRefusedError(`Cannot join: ${problem}`, { hint: REFUSALS.clock[1] });
  }
  if (reason !== undefined) {
    const [problem, hint] = REFUSALS[reason];
    return new JoinRefusedError(`Cannot join: ${problem}`, { hint });
  }
  return new JoinRefusedError("Cannot join: the leader refused", {
    hint: "Ask for a new token: this one may be used up or revoked, or the network is gone.",
  });
}
