/**
 * Telling one member what is new in the roster, at the pace at which it listens.
 * @module
 */

import type { Channel } from "../channel/mod.ts";
import { encodeUpdates, MESH_TOPIC, type RosterUpdate, type Signed } from "../mesh/mod.ts";

/** With more waiting than this it is cheaper to tell everything once. */
const MAX_WAITING = 4096;

/** Sends updates in order, one at a time; a slow listener costs bounded memory. */
export class RosterSender {
  readonly #channel: Channel;
  readonly #snapshot: () => RosterUpdate;
  #records: Signed[] = [];
  #statements: Signed[] = [];
  #owesSnapshot = false;
  #isSending = false;

  /** @param snapshot gives everything that there is to tell */
  constructor(channel: Channel, snapshot: () => RosterUpdate) {
    this.#channel = channel;
    this.#snapshot = snapshot;
  }

  /** Tells everything. */
  tellAll(): void {
    this.#owesSnapshot = true;
    this.#records = [];
    this.#statements = [];
    this.#send();
  }

  /** Tells what is new. */
  tell(news: RosterUpdate): void {
    if (this.#owesSnapshot) return;
    this.#records.push(...news.records);
    this.#statements.push(...news.statements);
    if (this.#records.length + this.#statements.length > MAX_WAITING) this.tellAll();
    else this.#send();
  }

  /** Resolves the sending of all that waits; errors of the channel end it. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let update = this.#take(); update !== undefined; update = this.#take()) {
      for (const body of encodeUpdates(update)) {
        if (!await this.#channel.send({ topic: MESH_TOPIC, body })) return;
      }
    }
    this.#isSending = false;
  }

  #take(): RosterUpdate | undefined {
    if (this.#owesSnapshot) {
      this.#owesSnapshot = false;
      return this.#snapshot();
    }
    if (this.#records.length + this.#statements.length === 0) return undefined;
    const update = { records: this.#records, statements: this.#statements };
    this.#records = [];
    this.#statements = [];
    return update;
  }
}
