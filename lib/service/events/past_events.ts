/**
 * `$events`: what was published to be kept, for whoever subscribes later.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { PubSub } from "./pub_sub.ts";
import type { PeerId } from "../ports.ts";
import type { ServiceDefinition } from "../definition/mod.ts";
import type { ServiceDirectory } from "../directory/mod.ts";

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
