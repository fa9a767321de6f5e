/**
 * Messages that nobody is attached to.
 * @module
 */

import type { ChannelMessage } from "./envelope_stream.ts";
import { MessageQueue } from "./message_queue.ts";

// One message always fits.
const INBOX_ITEMS = 64;
const INBOX_BYTES = 4 << 20;

/** Holds 64 messages or 4 MiB for one receiver; further ones make the other end wait. */
export class Inbox {
  readonly #queue = new MessageQueue<ChannelMessage>(
    (message) => message.body.length,
    { items: INBOX_ITEMS, bytes: INBOX_BYTES, waiting: 1 },
  );
  #receiver: ((message: ChannelMessage | undefined) => void) | undefined;

  /** @returns a promise when it is full, which resolves when there is room or it is closed */
  deliver(message: ChannelMessage): Promise<unknown> | undefined {
    const receiver = this.#receiver;
    if (receiver === undefined) return this.#queue.add(message) ? undefined : this.#queue.push(message);
    this.#receiver = undefined;
    receiver(message);
    return undefined;
  }

  /** @returns the oldest message, if there is one */
  shift(): ChannelMessage | undefined {
    return this.#queue.shift();
  }

  /** Waits for the next message. @throws TypeError when another call waits already */
  wait(): Promise<ChannelMessage | undefined> {
    if (this.#receiver !== undefined) throw new TypeError("Cannot receive: another call waits already");
    return new Promise((resolve) => this.#receiver = resolve);
  }

  /** Removes the messages of a topic. @returns them in order */
  extract(topic: string): ChannelMessage[] {
    return this.#queue.extract((message) => message.topic === topic);
  }

  /** Lets nothing more in, and lets go who waits; what is there can still be taken. */
  close(): void {
    this.#queue.close();
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }

  /** Drops everything, and closes it. */
  clear(): void {
    this.#queue.clear();
    this.close();
  }
}
