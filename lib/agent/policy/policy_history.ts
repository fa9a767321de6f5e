/**
 * Documents that were in force before, on every node: any may become a leader, whose operator wants one of them back.
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { decodeHead, joinParts, type PolicyHead } from "./policy_entry.ts";

/** How many are kept; the one that was replaced longest ago goes first. */
export const MAX_HISTORY = 8;

const HEADS = "policy-former-head";
const DOCUMENTS = "policy-former-document";
const NUMBER_DIGITS = 12;

/** A former document, deflated, and what the network's key said of it. */
export interface FormerPolicy {
  readonly head: PolicyHead;
  readonly deflated: Uint8Array;
}

/** Former documents in the store. */
export class PolicyHistory {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  /** What the network's key said of them, the one that was replaced last first. */
  heads(): readonly PolicyHead[] {
    const heads = this.#store.entries(HEADS).map(([, body]) => decodeHead(body));
    return heads.filter((head) => head !== undefined).reverse();
  }

  /** Keeps a document that is replaced; one that comes to be in force again is no former one. */
  replace(
    former: { readonly body: Uint8Array; readonly deflated: Uint8Array } | undefined,
    now?: string,
  ): void {
    const store = this.#store;
    store.transaction(() => {
      const replaced = former && decodeHead(former.body)?.revision;
      for (const [key, body] of store.entries(HEADS)) {
        const revision = decodeHead(body)?.revision;
        if (revision === undefined || revision === replaced || revision === now) this.#delete(key);
      }
      if (former === undefined) return;
      const keys = store.entries(HEADS).map(([key]) => key);
      const key = String(Number(keys.at(-1) ?? 0) + 1).padStart(NUMBER_DIGITS, "0");
      store.put(HEADS, key, former.body);
      store.put(DOCUMENTS, key, former.deflated);
      for (const old of keys.slice(0, Math.max(0, keys.length + 1 - MAX_HISTORY))) this.#delete(old);
    });
  }

  /** @returns the one of that revision; undefined when it is not kept, or damaged */
  get(revision: string): FormerPolicy | undefined {
    for (const [key, body] of this.#store.entries(HEADS)) {
      const head = decodeHead(body);
      if (head?.revision !== revision) continue;
      const deflated = this.#store.get(DOCUMENTS, key);
      if (deflated !== undefined && joinParts(head, [deflated]) !== undefined) return { head, deflated };
    }
    return undefined;
  }

  #delete(key: string): void {
    this.#store.delete(HEADS, key);
    this.#store.delete(DOCUMENTS, key);
  }
}
