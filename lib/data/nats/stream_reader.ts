/**
 * Reads a stream from a message on, by consumers that are made anew wherever one is silent.
 *
 * A consumer without a copy stands on one of the stream's servers, and whoever makes it can't say on which: also on one that
 * is cut off, until the others have noticed that. What stands there neither answers nor ends.
 *
 * ```
 *   make ──▶ no answer within 1 s ──▶ make another one as well ──▶ the first that answers is read, the others end
 *    ▲                                                                  │
 *    └───────────────── nothing heard, not even a heartbeat ────────────┘
 * ```
 *
 * @module
 */

import { type Clock, sleep, type Timers } from "../../base/mod.ts";
import { DataError } from "../errors.ts";

/** A message of a stream, as the client gives it. */
export interface StreamMessage {
  readonly seq: number;
}

/** Where messages of a stream come from, one after the other. */
export interface StreamConsumer<Message extends StreamMessage> {
  /** Ends when the consumer is silent or gone, when the connection is, and by `close`. */
  readonly messages: AsyncIterable<Message>;
  /** Ends it, and has its server forget it. Harmless when repeated. */
  close(): void;
}

/** What a reader stands on. */
export interface StreamReaderParts<Message extends StreamMessage> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Makes a consumer of what comes after a message. @throws what the client throws */
  readonly make: (after: number) => Promise<StreamConsumer<Message>>;
  /** Whether the connection is gone, so that nothing can be made any more. */
  readonly isOver: () => boolean;
}

/** A consumer that is not there after so long is made elsewhere as well, in milliseconds. */
const HEDGE_MS = 1_000;
/** Who has refused is asked again after so long. */
const RETRY_MS = 250;
/** So many are made at once. */
const MAX_MAKING = 5;
/** When none was made for so long, the connection is to another server the next time. */
const MAKE_MS = 15_000;

/**
 * Gives each message once, in the order of the stream, until one is missing, the connection ends, or nobody takes more.
 * @param after the message before the first
 * @param take told of a message; false for no more
 * @throws what the client throws, or DataError, when no consumer can be made
 */
export async function readStream<Message extends StreamMessage>(
  parts: StreamReaderParts<Message>,
  after: number,
  take: (message: Message) => Promise<boolean>,
): Promise<void> {
  for (let expected = after + 1; !parts.isOver();) {
    const consumer = await makeConsumer(parts, expected - 1);
    try {
      for await (const message of consumer.messages) {
        // What is missing was forgotten: it begins with a snapshot.
        if (message.seq !== expected) return;
        expected++;
        if (!await take(message)) return;
      }
    } finally {
      consumer.close();
    }
  }
}

/** @returns the first that answers @throws the last failure, or DataError when none is there in time */
async function makeConsumer<Message extends StreamMessage>(
  { clock, timers, make, isOver }: StreamReaderParts<Message>,
  after: number,
): Promise<StreamConsumer<Message>> {
  const until = clock.now() + MAKE_MS;
  const making = new Set<Promise<void>>();
  const ended = new AbortController();
  let made: StreamConsumer<Message> | undefined;
  let failure: unknown;
  const begin = async () => {
    try {
      const consumer = await make(after);
      if (ended.signal.aborted || made !== undefined) consumer.close();
      else made = consumer;
    } catch (error) {
      failure = error;
      await sleep(timers, RETRY_MS, ended.signal);
    }
  };
  try {
    while (!isOver() && clock.now() < until) {
      if (making.size < MAX_MAKING) {
        const one: Promise<void> = begin().finally(() => making.delete(one));
        making.add(one);
      }
      const late = new AbortController();
      await Promise.race([...making, sleep(timers, HEDGE_MS, late.signal)]);
      late.abort();
      if (made !== undefined) return made;
    }
  } finally {
    ended.abort();
  }
  throw failure ?? new DataError("OwnerAway", "No server of the collections lets its log be read");
}
