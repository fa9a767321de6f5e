/**
 * Messages of topics that no handler is attached to.
 * @module
 */

import { type MemoryAccount, UNBOUNDED_ACCOUNT } from "../base/mod.ts";
import type { ChannelMessage } from "./records/mod.ts";

// An empty inbox takes one message of any length.
const INBOX_ITEMS = 64;
const INBOX_BYTES = 4 << 20;

/** Holds 64 messages or 4 MiB for one receiver; a further one waits for room, and the other end with it. */
export class Inbox {
  /** What messages take their room from; to be set before there are any. The bounds above are what holds them. */
  memory: MemoryAccount = UNBOUNDED_ACCOUNT;
  #chargedBytes = 0;
  #messages: ChannelMessage[] = [];
  #bytes = 0;
  #waiting: { readonly message: ChannelMessage; readonly settle: () => void } | undefined;
  #receiver: ((message: ChannelMessage | undefined) => void) | undefined;

  /**
   * Adds a message; while one waits for room the channel reads no further, so that there is never a second.
   * @returns a promise when it waits for room, which resolves when it is in or the inbox is closed
   */
  deliver(message: ChannelMessage): Promise<void> | undefined {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver !== undefined) return void receiver(message);
    this.#charge(message.body.length);
    if (!this.#hasRoomFor(message)) return new Promise((settle) => this.#waiting = { message, settle });
    this.#add(message);
    return undefined;
  }

  /** @returns the oldest message, if there is one */
  shift(): ChannelMessage | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#bytes -= message.body.length;
    this.#charge(-message.body.length);
    this.#admit();
    return message;
  }

  /** Waits for the next message. @throws TypeError when another call waits already */
  wait(): Promise<ChannelMessage | undefined> {
    if (this.#receiver !== undefined) throw new TypeError("Cannot receive: another call waits already");
    return new Promise((resolve) => this.#receiver = resolve);
  }

  /** Removes the messages of a topic, the one that waits for room too. @returns them in order */
  extract(topic: string): ChannelMessage[] {
    const found = this.#messages.filter((message) => message.topic === topic);
    this.#messages = this.#messages.filter((message) => message.topic !== topic);
    for (const message of found) {
      this.#bytes -= message.body.length;
      this.#charge(-message.body.length);
    }
    const waiting = this.#waiting;
    if (waiting?.message.topic === topic) {
      this.#waiting = undefined;
      found.push(waiting.message);
      this.#charge(-waiting.message.body.length);
      waiting.settle();
    } else this.#admit();
    return found;
  }

  /** Lets nobody wait any longer; what is there can still be taken. */
  close(): void {
    this.#waiting?.settle();
    this.#waiting = undefined;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
    // What nobody takes any more is gone with the channel.
    this.#charge(-this.#chargedBytes);
  }

  /** Drops everything, and closes it. */
  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.close();
  }

  #charge(bytes: number): void {
    const more = Math.max(bytes, -this.#chargedBytes);
    this.#chargedBytes += more;
    if (more > 0) this.memory.charge(more);
    else this.memory.release(-more);
  }

  #admit(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || !this.#hasRoomFor(waiting.message)) return;
    this.#waiting = undefined;
    this.#add(waiting.message);
    waiting.settle();
  }

  #hasRoomFor({ body }: ChannelMessage): boolean {
    const count = this.#messages.length;
    return count === 0 || count < INBOX_ITEMS && this.#bytes + body.length <= INBOX_BYTES;
  }

  #add(message: ChannelMessage): void {
    this.#messages.push(message);
    this.#bytes += message.body.length;
  }
}
