/**
 * Dialling: one endpoint with the handshake behind it, several a moment apart of which the first that answers is kept
 * (RFC 8305 §5), and how long to wait before the next attempt.
 * @module
 */

import {
  type ByteStream,
  FIRST_VERSION,
  randomFraction,
  type RandomSource,
  type Timers,
} from "../../base/mod.ts";
import {
  type Channel,
  ChannelRefusedError,
  ChannelVersionError,
  HANDSHAKE_VERSIONS,
  openChannel,
  type OpenChannelOptions,
} from "../../channel/mod.ts";
import {
  type AgreedVersions,
  decodeHelloReply,
  encodeHello,
  type Hello,
  isConflict,
  OWN_PROTOCOLS,
  type ProtocolVersions,
  type VersionConflict,
} from "../../mesh/mod.ts";
import type { Endpoint, WebAddress } from "../../net/mod.ts";
import { environmentProxies, OutwardDialer } from "../../transport/mod.ts";
import { settleVersions } from "./version_conflicts.ts";

/** How long a dial of the message plane waits for the port to open. */
const DIAL_TIMEOUT_MS = 4_000;
/** The pause between two attempts, RFC 8305 §5 "Connection Attempt Delay". */
const ATTEMPT_DELAY_MS = 250;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/** Where a message plane is. */
export type DialTarget = Endpoint | WebAddress;

/** Opens a stream to the message plane of somebody; undefined when nobody listens there. */
export type DialStream = (target: DialTarget, signal: AbortSignal) => Promise<ByteStream | undefined>;

/**
 * Reads what the environment says of proxies.
 * @returns what dials by TCP, by WebSocket where a URL says so, and through a proxy where there is no other way; each for
 * 4 s at most
 */
export function messagePlaneDial(): DialStream {
  const dialer = new OutwardDialer(environmentProxies());
  return (target, signal) => dialer.dial(target, { timeoutMs: DIAL_TIMEOUT_MS, signal });
}

/** A channel, and what both ends speak on it. */
export interface DialledChannel {
  readonly channel: Channel;
  readonly versions: AgreedVersions;
}

/**
 * Why there is no channel: nobody listens, whoever is there said no, the handshake did not come to its end, or the two ends
 * have no version of a protocol in common.
 */
export type DialFailure = "nobody" | "refused" | "failed" | VersionConflict;

/** Whether it is a channel. */
export function isDialled(outcome: DialledChannel | DialFailure): outcome is DialledChannel {
  return typeof outcome === "object" && "channel" in outcome;
}

/** Whom to reach, as whom, and what this end speaks. */
export interface DialOptions extends Omit<OpenChannelOptions, "hello" | "handshakeVersions"> {
  readonly hello: Hello;
  /** What this release speaks when left out. */
  readonly protocols?: ProtocolVersions | undefined;
  readonly signal: AbortSignal;
}

/** Dials one target and shakes hands with whoever has `options.remoteStatic`. It never rejects. */
export async function dialChannel(
  target: DialTarget,
  dial: DialStream,
  options: DialOptions,
): Promise<DialledChannel | DialFailure> {
  const { signal } = options;
  const open = async (): Promise<ByteStream | undefined> =>
    signal.aborted ? undefined : await dial(target, signal);
  const outcome = await shakeHands(await open(), options);
  // A release that has no word for versions has hung up; it is asked for the handshake that it knows.
  return outcome === "asked-in-vain" ? await beginDirectly(await open(), options) : outcome;
}

/** Shakes hands over a stream that leads to whoever has `options.remoteStatic`, and can't be had twice. It never rejects. */
export async function openOver(
  stream: ByteStream,
  options: DialOptions,
): Promise<DialledChannel | DialFailure> {
  const outcome = await shakeHands(stream, options);
  return outcome === "asked-in-vain" ? "failed" : outcome;
}

async function beginDirectly(
  stream: ByteStream | undefined,
  options: DialOptions,
): ReturnType<typeof openOver> {
  const outcome = await shakeHands(stream, options, FIRST_VERSION);
  return outcome === "asked-in-vain" ? "failed" : outcome;
}

async function shakeHands(
  stream: ByteStream | undefined,
  options: DialOptions,
  handshakeVersions = options.protocols?.handshake ?? HANDSHAKE_VERSIONS,
): Promise<DialledChannel | DialFailure | "asked-in-vain"> {
  if (stream === undefined) return "nobody";
  const { protocols = OWN_PROTOCOLS } = options;
  try {
    const hello = encodeHello({ ...options.hello, protocols });
    const channel = await openChannel(stream, { ...options, hello, handshakeVersions });
    const theirs = decodeHelloReply(channel.reply);
    const versions = theirs === "malformed" ? "failed" : settleVersions(channel, protocols, theirs);
    if (typeof versions === "object" && !isConflict(versions)) return { channel, versions };
    channel.close("no version in common");
    return typeof versions === "object" ? versions : "failed";
  } catch (error) {
    if (error instanceof ChannelVersionError) {
      const { ours, theirs } = error;
      return ours.oldest === 1 && theirs.newest === 1
        ? "asked-in-vain"
        : { protocol: "handshake", ours, theirs };
    }
    return error instanceof ChannelRefusedError ? "refused" : "failed";
  }
}

interface DialRace<Target, Connection> {
  readonly timers: Timers;
  /** Resolves with a connection, or undefined; gives up by itself, and at once when `signal` aborts. */
  attempt(target: Target, signal: AbortSignal): Promise<Connection | undefined>;
  /** Closes a connection that came second. */
  discard(connection: Connection): void;
}

/**
 * Starts an attempt for each target, each 250 ms after the one before, or as soon as an earlier one failed.
 *
 * @returns the first connection, or undefined when every attempt failed
 */
export function raceDial<Target, Connection>(
  targets: readonly Target[],
  race: DialRace<Target, Connection>,
): Promise<Connection | undefined> {
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Connection | undefined>();
  let started = 0;
  let failed = 0;
  let cancelTimer = (): void => {};
  const settle = (): void => {
    cancelTimer();
    over.abort();
  };
  const startNext = (): void => {
    cancelTimer();
    const target = targets[started];
    if (target === undefined) {
      if (failed === targets.length) resolve(undefined);
      return;
    }
    started++;
    race.attempt(target, over.signal).then((connection) => {
      if (over.signal.aborted) {
        if (connection !== undefined) race.discard(connection);
      } else if (connection === undefined) {
        failed++;
        startNext();
      } else {
        settle();
        resolve(connection);
      }
    }, (error: unknown) => {
      settle();
      reject(error);
    });
    cancelTimer = race.timers.setTimer(ATTEMPT_DELAY_MS, startNext);
  };
  startNext();
  return promise;
}

/** So many delays are of 30 s at most: some twenty minutes. */
const DELAYS_WHILE_NEAR = 50;
/** And then of a quarter of an hour: who was away for longer is not missed by the minute. */
const MAX_FAR_DELAY_MS = 900_000;

/**
 * Exponential backoff with jitter: doubles from 500 ms to 30 s, and after twenty minutes to fifteen minutes; each delay is
 * drawn from its upper half.
 */
export class Backoff {
  readonly #random: RandomSource;
  #ceilingMs = FIRST_DELAY_MS;
  #delays = 0;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** @returns milliseconds to wait before the next attempt */
  nextDelayMs(): number {
    const delayMs = this.#ceilingMs * (0.5 + randomFraction(this.#random) / 2);
    const isFar = ++this.#delays >= DELAYS_WHILE_NEAR;
    this.#ceilingMs = Math.min(isFar ? MAX_FAR_DELAY_MS : MAX_DELAY_MS, this.#ceilingMs * 2);
    return delayMs;
  }

  /** Has no delay be longer than 30 s any more. */
  stayNear(): void {
    this.#delays = 0;
  }

  /** Whether nobody has answered for some twenty minutes. */
  get isFar(): boolean {
    return this.#delays >= DELAYS_WHILE_NEAR;
  }

  /** Begins with long delays soon: whom nobody has heard of for long is tried some times, and then seldom. */
  begin(triesWhileNear: number): void {
    this.#delays = DELAYS_WHILE_NEAR - triesWhileNear;
  }

  reset(): void {
    this.#delays = 0;
    this.#ceilingMs = FIRST_DELAY_MS;
  }
}
