/**
 * How a channel opens: Noise_IKpsk2, always with a preshared key, which is all zeros when there is none.
 *
 * ```
 *   initiator                                        responder
 *       | -- frame: e, es, s, ss, hello ----------------> |   authorize(hello, static key)
 *       | <- frame: e, ee, se, psk, reply --------------- |   never longer than the question;
 *       | -- record: empty ------------------------------>|   a frame of versions is "no"
 *     open                                              open
 * ```
 *
 * Before the initiator has proven itself it gets nothing but one answer that is no longer than its question, and
 * whatever is wrong with the question, the answer is the same. The first message can be a replay (Noise specification §7.7), which is why the responder takes the channel for open
 * only when the first record has come.
 *
 * @module
 */

import { type ByteStream, type Environment, FIRST_VERSION, type VersionRange } from "../base/mod.ts";
import {
  type Aead,
  KEY_BYTES,
  PresharedKey,
  type PrivateKey,
  type PublicKey,
  TAG_BYTES,
} from "../crypto/mod.ts";
import { HandshakeState, IKpsk2, type Role } from "../noise/mod.ts";
import { Channel, type ChannelSetup } from "./channel.ts";
import {
  ChannelClosedError,
  type ChannelDropReason,
  ChannelRefusedError,
  ChannelTimeoutError,
  ChannelVersionError,
} from "./errors.ts";
import {
  agreedOpening,
  decodeVersions,
  DIRECT_OPENING,
  encodeVersions,
  HANDSHAKE_VERSIONS,
  type Opening,
  VERSIONS_BYTES,
} from "./handshake_versions.ts";
import {
  channelAead,
  encodeFrame,
  FrameReader,
  type HandshakeResult,
  NoiseOpener,
  NoiseSealer,
  RECORD_OVERHEAD_BYTES,
  type RecordCipher,
} from "./records/mod.ts";

/** How long a handshake may take. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

const NOTHING = new Uint8Array(0);

// An ephemeral key, and the tag of the payload.
const SECOND_MESSAGE_OVERHEAD_BYTES = KEY_BYTES + TAG_BYTES;

/** What every channel with a handshake needs. */
export interface HandshakeSetup extends ChannelSetup, Pick<Environment, "random"> {
  readonly localStatic: PrivateKey;
  /** Seals the records; the fastest that this process has when left out. */
  readonly aead?: Aead;
  /** Which handshakes this end can do; those of this release when left out. */
  readonly handshakeVersions?: VersionRange;
  /** Seals and opens several records at a time, where the host has what does; asked when there are some. */
  readonly multiBuffer?: RecordCipher["multiBuffer"];
}

/** Whom to reach, and what to say first. */
export interface OpenChannelOptions extends HandshakeSetup {
  /** The key that the other side must have. */
  readonly remoteStatic: PublicKey;
  /** Proves that this side was invited; both sides must have the same. */
  readonly presharedKey?: PresharedKey;
  /** Goes with the first message, encrypted to `remoteStatic`: at most 65,439 bytes. It can be replayed. */
  readonly hello: Uint8Array;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a channel over a stream that was just dialled. The stream is closed when that fails.
 *
 * @returns a channel whose other side has proven that it holds `remoteStatic` and the preshared key
 * @throws ChannelRefusedError when the other side says no or its answer is not sealed with our keys
 * @throws ChannelVersionError when the other side says that it speaks no handshake that this one does
 * @throws ChannelTimeoutError when the handshake takes longer than 5 s
 * @throws ChannelClosedError when the stream ends before the handshake does
 * @throws the signal's reason when it fires; RangeError when `hello` is too long
 */
export async function openChannel(stream: ByteStream, options: OpenChannelOptions): Promise<Channel> {
  const { signal } = options;
  let timedOut = false;
  const cancelTimer = options.timers.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
    timedOut = true;
    stream.close();
  });
  const onAbort = () => stream.close();
  signal?.addEventListener("abort", onAbort);
  let opened: HandshakeResult | InitiateFailure | undefined;
  try {
    signal?.throwIfAborted();
    opened = await initiate(stream, options);
    signal?.throwIfAborted();
    if (typeof opened === "object" && "theirs" in opened) {
      throw new ChannelVersionError(stream.remoteAddress, versionsOf(options), opened.theirs);
    }
    if (timedOut) throw new ChannelTimeoutError(`${failure(stream)}: no answer in time`, { retryable: true });
    if (opened === "refused") throw new ChannelRefusedError(`${failure(stream)}: the other side refused`);
    if (opened === "closed") {
      throw new ChannelClosedError(`${failure(stream)}: the other side hung up`, { retryable: true });
    }
  } catch (error) {
    if (typeof opened === "object" && "sealer" in opened) wipeCiphers(opened);
    stream.close();
    throw error;
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  }
  return new Channel(stream, opened, options);
}

type InitiateFailure = "refused" | "closed" | { readonly theirs: VersionRange };

async function initiate(
  stream: ByteStream,
  options: OpenChannelOptions,
): Promise<HandshakeResult | InitiateFailure> {
  const frames = new FrameReader(stream);
  const opening = await agree(stream, frames, options);
  if (typeof opening === "string" || "theirs" in opening) return opening;
  const handshake = startHandshake("initiator", options, opening);
  try {
    if (!await stream.write(encodeFrame(handshake.writeMessage(options.hello)))) return "closed";
    const answer = await frames.read();
    if (answer === undefined) return "closed";
    const theirs = decodeVersions(answer);
    const reply = theirs === undefined && answer.length > 0 ? handshake.readMessage(answer) : undefined;
    if (reply === undefined) {
      // Whoever speaks this version says so with every refusal.
      const speaksIt = theirs === undefined ||
        theirs.oldest <= opening.version && opening.version <= theirs.newest;
      return speaksIt ? "refused" : { theirs };
    }
    const ciphers = splitHandshake(handshake, options);
    const opened = {
      role: "initiator",
      frames,
      remoteStatic: options.remoteStatic,
      reply,
      version: opening.version,
      ...ciphers,
    } as const;
    const confirmation = new Uint8Array(RECORD_OVERHEAD_BYTES);
    ciphers.sealer.sealInto(NOTHING, confirmation, 0);
    if (await stream.write(confirmation)) return opened;
    wipeCiphers(opened);
    return "closed";
  } finally {
    handshake.wipe();
  }
}

/** Whoever speaks the first version alone begins with it; others ask before they begin. */
async function agree(
  stream: ByteStream,
  frames: FrameReader,
  options: OpenChannelOptions,
): Promise<Opening | InitiateFailure> {
  const ours = versionsOf(options);
  if (ours.newest === 1) return DIRECT_OPENING;
  const question = encodeVersions(ours);
  if (!await stream.write(encodeFrame(question))) return "closed";
  const answer = (await frames.read())?.slice();
  if (answer === undefined) return "closed";
  const theirs = decodeVersions(answer);
  // A release that knew of no versions takes the question for a bad handshake.
  if (theirs === undefined) return answer.length === 0 ? { theirs: FIRST_VERSION } : "refused";
  return agreedOpening(question, answer) ?? { theirs };
}

function versionsOf({ handshakeVersions = HANDSHAKE_VERSIONS }: HandshakeSetup): VersionRange {
  return handshakeVersions;
}

function failure(stream: ByteStream): string {
  return `Cannot open a channel to ${stream.remoteAddress}`;
}

/** The answer to somebody who is let in. */
export interface Authorization<T> {
  /** The key that the other side must have; none when left out. */
  readonly presharedKey?: PresharedKey;
  /** Goes with the second message, encrypted: at most 48 bytes longer than the hello. */
  readonly reply: Uint8Array;
  /** Handed on to the caller once the other side has proven itself. */
  readonly context: T;
}

/** Whom to let in. */
export interface AcceptChannelOptions<T> extends HandshakeSetup {
  /** The key by which this side went before, when it may be called by that one, too. */
  readonly formerStatic?: PrivateKey | undefined;
  /**
   * Decides who is let in. `remoteStatic` sent this `hello` at some time, but the call can be a replay: nothing may
   * change here, what must happen once happens when `acceptChannel` has returned.
   *
   * @param isFormer whether this side was called by `formerStatic`
   * @returns undefined to refuse; throwing refuses as well
   */
  authorize(hello: Uint8Array, remoteStatic: PublicKey, isFormer: boolean): Authorization<T> | undefined;
  /** Whoever calls speaks no handshake that this end does; who that is nobody has proven. */
  onOtherVersions?(theirs: VersionRange): void;
}

/** A channel that was let in. */
export interface AcceptedChannel<T> {
  readonly channel: Channel;
  /** What `authorize` gave. */
  readonly context: T;
}

type Outcome<T> =
  | { readonly opened: HandshakeResult; readonly context: T }
  | { readonly refuse: ChannelDropReason; readonly questionBytes: number }
  | { readonly drop: ChannelDropReason };

/**
 * Answers a channel that is opened over a stream that was just accepted. The stream is closed when that fails; after
 * 5 s without a word.
 *
 * @returns the channel once the other side has proven that it is there now and has the preshared key; or undefined
 */
export async function acceptChannel<T>(
  stream: ByteStream,
  options: AcceptChannelOptions<T>,
): Promise<AcceptedChannel<T> | undefined> {
  let timedOut = false;
  const cancelTimer = options.timers.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
    timedOut = true;
    stream.close();
  });
  try {
    const outcome = await respond(stream, options);
    if ("drop" in outcome) {
      options.counters?.count(timedOut ? "channel-handshake-timeout" : outcome.drop);
    } else if ("refuse" in outcome) {
      options.counters?.count(outcome.refuse);
      // The same for every reason; no answer is longer than its question.
      const isShort = outcome.questionBytes < VERSIONS_BYTES;
      await stream.write(encodeFrame(isShort ? NOTHING : encodeVersions(versionsOf(options))));
    } else if (timedOut) {
      options.counters?.count("channel-handshake-timeout");
      wipeCiphers(outcome.opened);
    } else {
      return { channel: new Channel(stream, outcome.opened, options), context: outcome.context };
    }
  } finally {
    cancelTimer();
  }
  stream.close();
  return undefined;
}

async function respond<T>(stream: ByteStream, options: AcceptChannelOptions<T>): Promise<Outcome<T>> {
  const frames = new FrameReader(stream);
  const first = await frames.read();
  if (first === undefined) return { drop: "channel-handshake-closed" };
  const theirs = decodeVersions(first);
  if (theirs === undefined) {
    if (versionsOf(options).oldest === 1) return await answer({ stream, frames, question: first }, options);
    options.onOtherVersions?.(FIRST_VERSION);
    return { refuse: "channel-handshake-version", questionBytes: first.length };
  }
  const own = encodeVersions(versionsOf(options));
  const opening = agreedOpening(first.slice(), own);
  if (!await stream.write(encodeFrame(own))) return { drop: "channel-handshake-closed" };
  if (opening === undefined) {
    options.onOtherVersions?.(theirs);
    return { drop: "channel-handshake-version" };
  }
  const question = await frames.read();
  if (question === undefined) return { drop: "channel-handshake-closed" };
  return await answer({ stream, frames, question }, options, opening);
}

interface Asked {
  readonly stream: ByteStream;
  readonly frames: FrameReader;
  readonly question: Uint8Array;
}

async function answer<T>(
  { stream, frames, question }: Asked,
  options: AcceptChannelOptions<T>,
  opening: Opening = DIRECT_OPENING,
): Promise<Outcome<T>> {
  let handshake = startHandshake("responder", options, opening);
  try {
    const questionBytes = question.length;
    const refuse = (refuse: ChannelDropReason) => ({ refuse, questionBytes });
    const { formerStatic } = options;
    // What does not open may be for the other key.
    const copy = formerStatic && question.slice();
    let hello = handshake.readMessage(question);
    const isFormer = hello === undefined && copy !== undefined && formerStatic !== undefined;
    if (isFormer) {
      handshake.wipe();
      handshake = startHandshake("responder", { ...options, localStatic: formerStatic }, opening);
      hello = handshake.readMessage(copy);
    }
    const remoteStatic = handshake.remoteStatic;
    if (hello === undefined || remoteStatic === undefined) return refuse("channel-handshake-rejected");
    const authorization = authorize(options, hello, remoteStatic, isFormer);
    if (typeof authorization === "string") return refuse(authorization);
    const { presharedKey, reply, context } = authorization;
    if (reply.length + SECOND_MESSAGE_OVERHEAD_BYTES > questionBytes) {
      return refuse("channel-handshake-reply-too-long");
    }
    if (presharedKey !== undefined) handshake.setPresharedKey(presharedKey);
    if (!await stream.write(encodeFrame(handshake.writeMessage(reply)))) {
      return { drop: "channel-handshake-closed" };
    }
    const ciphers = splitHandshake(handshake, options);
    const { version } = opening;
    const opened = { role: "responder", frames, remoteStatic, reply, version, ...ciphers } as const;
    const reason = await confirm(opened);
    if (reason === undefined) return { opened, context };
    wipeCiphers(opened);
    return { drop: reason };
  } finally {
    handshake.wipe();
  }
}

function authorize<T>(
  options: AcceptChannelOptions<T>,
  hello: Uint8Array,
  remoteStatic: PublicKey,
  isFormer: boolean,
): Authorization<T> | ChannelDropReason {
  try {
    return options.authorize(hello, remoteStatic, isFormer) ?? "channel-handshake-unauthorized";
  } catch {
    return "channel-handshake-authorize-failed";
  }
}

/** Waits for the empty record that a replay can't make. */
async function confirm(
  { frames, opener }: { readonly frames: FrameReader; readonly opener: NoiseOpener },
): Promise<ChannelDropReason | undefined> {
  const record = await frames.read();
  if (record === undefined) return "channel-handshake-closed";
  return opener.openOne(record)?.length === 0 ? undefined : "channel-handshake-unconfirmed";
}

/** @returns a handshake of a channel at its beginning */
export function startHandshake(
  role: Role,
  setup: HandshakeSetup & { readonly remoteStatic?: PublicKey; readonly presharedKey?: PresharedKey },
  { prologue }: Opening = DIRECT_OPENING,
): HandshakeState {
  return new HandshakeState({
    pattern: IKpsk2,
    role,
    prologue,
    random: setup.random,
    localStatic: setup.localStatic,
    presharedKey: setup.presharedKey ?? PresharedKey.none(),
    ...setup.remoteStatic === undefined ? {} : { remoteStatic: setup.remoteStatic },
  });
}

/** @returns the ciphers of a complete handshake */
export function splitHandshake(
  handshake: HandshakeState,
  { aead = channelAead(), multiBuffer }: Pick<HandshakeSetup, "aead" | "multiBuffer"> = {},
): { sealer: NoiseSealer; opener: NoiseOpener } {
  const { send, receive } = handshake.split();
  const cipher = { aead, multiBuffer };
  const ciphers = { sealer: new NoiseSealer(send, cipher), opener: new NoiseOpener(receive, cipher) };
  send.fill(0);
  receive.fill(0);
  return ciphers;
}

function wipeCiphers({ sealer, opener }: HandshakeResult): void {
  sealer.wipe();
  opener.wipe();
}
