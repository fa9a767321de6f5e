/**
 * What was asked of this host for its endpoints, in the node's own store: the device's name, its namespace, what is bridged
 * in. It survives any end of the process.
 * @module
 */

import { StateError, type StateStore, utf8Bytes } from "../../base/mod.ts";
import type { EndpointOptions } from "../../overlay/mod.ts";

const COLLECTION = "endpoint-options";

/** Options by the keys of endpoints. */
export class LocalOptions {
  readonly #store: StateStore;
  readonly #options = new Map<string, EndpointOptions>();

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore) {
    this.#store = store;
    for (const [key, bytes] of store.entries(COLLECTION)) {
      try {
        this.#options.set(key, JSON.parse(new TextDecoder().decode(bytes)));
      } catch (cause) {
        throw new StateError(
          `Cannot read the options of the endpoint ${key} from the state: they are damaged`,
          {
            cause,
          },
        );
      }
    }
  }

  /** The endpoints that have options of their own. */
  get keys(): readonly string[] {
    return [...this.#options.keys()];
  }

  /** @returns what was asked for; nothing for an endpoint that came from another host */
  get(key: string): EndpointOptions {
    return this.#options.get(key) ?? {};
  }

  /** @param options undefined to forget them */
  set(key: string, options: EndpointOptions | undefined): void {
    if (options === undefined) {
      if (this.#options.delete(key)) this.#store.delete(COLLECTION, key);
      return;
    }
    this.#options.set(key, options);
    this.#store.put(COLLECTION, key, utf8Bytes(JSON.stringify(options)));
  }
}
