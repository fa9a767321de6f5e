/**
 * Records that somebody has added on this node, kept over restarts.
 * @module
 */

import { type Logger, type StateStore, utf8Bytes } from "../base/mod.ts";
import type { RecordText } from "../dns/mod.ts";
import type { DnsHandle } from "../nameserver/mod.ts";

/** The collection of the StateStore. */
const COLLECTION = "dns-record";

/** The same records in the state and in the zone. */
export class AddedNames {
  readonly #store: StateStore;
  readonly #handle: DnsHandle;

  constructor(store: StateStore, handle: DnsHandle) {
    this.#store = store;
    this.#handle = handle;
  }

  /** Brings back what was added before; what the zone does not take any more stays in the state and is told. */
  load(log: Logger): void {
    for (const [key, value] of this.#store.entries(COLLECTION)) {
      try {
        this.#handle.add(JSON.parse(new TextDecoder().decode(value)));
      } catch (error) {
        log.warn("cannot bring back a record", { record: key, error });
      }
    }
  }

  /** @throws InvalidRecordError, StateError; then nothing has changed */
  add(text: RecordText): Required<RecordText> {
    const added = this.#handle.add(text);
    try {
      this.#store.put(COLLECTION, keyOf(added), utf8Bytes(JSON.stringify(added)));
    } catch (error) {
      this.#handle.remove(added.name, added.type, added.data);
      throw error;
    }
    return added;
  }

  /** @returns how many are gone @throws StateError */
  remove(name: string, type?: string, data?: string): number {
    const gone = this.#handle.remove(name, type, data);
    this.#store.transaction(() => gone.forEach((record) => this.#store.delete(COLLECTION, keyOf(record))));
    return gone.length;
  }
}

function keyOf({ name, type, data }: RecordText): string {
  return `${name.toLowerCase()} ${type} ${data}`;
}
