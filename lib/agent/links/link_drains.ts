/**
 * Closing a link that another one has replaced, without losing what was sent on it.
 *
 *     A: sends its last ──▶            both have read each other's last, and no stream
 *                       ◀── B: its last    is open: whoever knows it first closes
 *
 * The two ends replace a link at different moments, and until then each still sends on it. The last message of an end
 * comes behind all others, on the topic "link-last"; an end that does not know it closes at once.
 * @module
 */

import { type Environment, sleep } from "../../base/mod.ts";
import type { Channel } from "../../channel/mod.ts";
import type { Link, LinkDrain } from "./link_table.ts";

const LAST_TOPIC = "link-last";
const NOTHING = new Uint8Array(0);
/** How long the other end may take to replace the link, too. */
const DRAIN_MS = 10_000;
/** How long streams may go on over a link that was replaced. */
const STREAMS_MS = 3_600_000;
const LOOK_EVERY_MS = 500;

/** Drains links, each until it is closed. */
export class LinkDrains implements LinkDrain {
  readonly #environment: Pick<Environment, "clock" | "timers">;
  /** Channels whose other end sends nothing any more. */
  readonly #silent = new WeakSet<Channel>();
  readonly #wakes = new WeakMap<Channel, () => void>();
  readonly #drained = new WeakSet<Channel>();

  constructor(environment: Pick<Environment, "clock" | "timers">) {
    this.#environment = environment;
  }

  /** A channel was made, and nothing has been read from it. */
  prepare(channel: Channel): void {
    channel.attach(LAST_TOPIC, () => {
      this.#silent.add(channel);
      this.#wakes.get(channel)?.();
    });
  }

  /** @returns whether nothing that either end sent on the channel is lost */
  isDrained(channel: Channel): boolean {
    return this.#drained.has(channel);
  }

  drain({ channel }: Link, reason: string): void {
    void this.#drain(channel, reason);
  }

  async #drain(channel: Channel, reason: string): Promise<void> {
    const { clock, timers } = this.#environment;
    const since = clock.now();
    // Without room for it the link is full, and its end not near.
    while (channel.isOpen && !channel.post(LAST_TOPIC, NOTHING)) await channel.drained();
    void channel.closed.then(() => this.#wakes.get(channel)?.());
    let isRead = false;
    let isAsked = false;
    const ask = async (): Promise<void> => {
      // The first answer may be to a ping that was on its way before.
      await channel.ping();
      isRead = await channel.ping() !== undefined;
      this.#wakes.get(channel)?.();
    };
    while (channel.isOpen) {
      // A ping passes messages that wait for another record.
      if (!isAsked && channel.queuedBytes === 0) {
        isAsked = true;
        void ask();
      }
      const isQuiet = isRead && this.#silent.has(channel);
      if (isQuiet && channel.openStreams === 0) {
        this.#drained.add(channel);
        break;
      }
      if (clock.now() - since > (isQuiet ? STREAMS_MS : DRAIN_MS)) break;
      const wake = new AbortController();
      this.#wakes.set(channel, () => wake.abort());
      await sleep(timers, LOOK_EVERY_MS, wake.signal);
    }
    // The other end may have closed it first: it had read everything.
    if (isRead && this.#silent.has(channel)) this.#drained.add(channel);
    channel.close(reason);
  }
}
