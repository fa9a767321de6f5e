/**
 * The last event of each topic that was published to be kept, for whoever subscribes later; `$events` sends them.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { PubSub } from "./pub_sub.ts";
import type { PeerId } from "../ports.ts";
import type { ServiceDefinition } from "../definition/mod.ts";
import type { ServiceDirectory } from "../directory/mod.ts";
import type { WireValue } from "../wire/mod.ts";
import type { TopicPath, TopicPattern } from "../topics/mod.ts";

/** How many topics keep their last event. */
export const MAX_RETAINED = 1_024;
/** How many bytes all of them have together. */
export const MAX_RETAINED_BYTES: number = 4 << 20;

/** An event that is kept. */
export interface RetainedEvent {
  readonly topic: TopicPath;
  readonly data: WireValue;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
}

/** Keeps events; when there are too many, those that were published longest ago go. */
export class RetainedEvents {
  readonly #events = new Map<string, RetainedEvent>();
  #bytes = 0;

  get size(): number {
    return this.#events.size;
  }

  /** Keeps an event in the place of the topic's last one. */
  set(event: RetainedEvent): void {
    this.delete(event.topic);
    this.#events.set(event.topic.toString(), event);
    this.#bytes += event.data.data.length;
    for (const { topic } of this.#events.values()) {
      if (this.#events.size <= MAX_RETAINED && this.#bytes <= MAX_RETAINED_BYTES) return;
      this.delete(topic);
    }
  }

  /** Forgets the topic's last event. */
  delete(topic: TopicPath): void {
    const key = topic.toString();
    this.#bytes -= this.#events.get(key)?.data.data.length ?? 0;
    this.#events.delete(key);
  }

  /** @returns what is kept of the topics that match, oldest first */
  matching(pattern: TopicPattern): readonly RetainedEvent[] {
    return [...this.#events.values()].filter(({ topic }) => pattern.match(topic) !== undefined);
  }
}

/** What past events stand on. */
export interface PastEventsParts {
  readonly events: PubSub;
  readonly directory: ServiceDirectory;
  /** The agent that this program is attached to, which asks for its programs; undefined for a node. */
  readonly upstream: PeerId | undefined;
  readonly log: Logger;
  /** Asks one peer for one of the services that everybody has. */
  ask(peer: PeerId, path: string, params: unknown): Promise<unknown>;
}

/** Gives out what this node has kept, and asks the others for theirs. */
export class PastEvents {
  readonly #parts: PastEventsParts;

  constructor(parts: PastEventsParts) {
    this.#parts = parts;
  }

  /** The service that others call. */
  definition(): ServiceDefinition {
    const { events } = this.#parts;
    return {
      path: "$events",
      description: "What was published to be kept",
      actions: {
        past: ({ pattern }: { pattern: string }, { caller }) =>
          caller === undefined ? 0 : events.sendPast(caller, pattern, (topics) => this.askFor(topics)),
      },
    };
  }

  /** Has all send what they have kept of a pattern's topics; it comes as events. Who can't is left out. */
  async askFor(pattern: string): Promise<void> {
    const { directory, upstream, log, ask } = this.#parts;
    const asked = upstream === undefined ? directory.retainers() : [upstream];
    await Promise.all(asked.map(async (peer) => {
      try {
        await ask(peer, "$events/past", { pattern });
      } catch (error) {
        log.debug("no past events", { from: peer, error });
      }
    }));
  }
}
