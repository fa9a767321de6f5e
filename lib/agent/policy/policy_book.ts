/**
 * Which policies there are: what the network's key has signed, read on every node in the same way, and kept for the next
 * start.
 *
 *     entries `policy`, `policy-part` ──▶ PolicyBook ──▶ the document in force, and the one that is tried
 *                                            │ ▲
 *                                            ▼ │   what was read last: a node that starts again enforces it at once, and
 *                                           store  one that lacks parts of another one goes on with it
 *
 * @module
 */

import { StateError, type StateStore } from "../../base/mod.ts";
import { type MeshState, PLAIN_READER, type StateEntry } from "../../mesh/mod.ts";
import type { PolicyDocument } from "../../policy/mod.ts";
import {
  decodeHead,
  joinParts,
  PART_KIND,
  partKey,
  PLACES,
  POLICY_KIND,
  type PolicyHead,
  type PolicyPlace,
  unpackPolicy,
} from "./policy_entry.ts";
import { PolicyHistory } from "./policy_history.ts";

const HEADS = "policy-head";
const DOCUMENTS = "policy-document";

/** A document, and what the network's key says of it. */
export interface KnownPolicy {
  readonly head: PolicyHead;
  readonly document: PolicyDocument;
  /** The document, deflated. */
  readonly deflated: Uint8Array;
}

interface Place {
  known: KnownPolicy | undefined;
  /** What the network's key says; undefined for nothing. */
  head: PolicyHead | undefined;
  /** Why the node goes on with another one. */
  problem: string | undefined;
  /** Of what was looked at last. */
  entry: StateEntry | undefined;
}

/** What it reads. */
export type BookMesh = { readonly replica: Pick<MeshState["replica"], "entries"> };

/** Reads entries, and keeps what it has read. */
export class PolicyBook {
  /** What was in force before. */
  readonly history: PolicyHistory;
  readonly #mesh: BookMesh;
  readonly #store: StateStore;
  readonly #places: Readonly<Record<PolicyPlace, Place>>;

  /** @throws StateError when what is stored is damaged */
  constructor(mesh: BookMesh, store: StateStore) {
    this.#mesh = mesh;
    this.#store = store;
    this.history = new PolicyHistory(store);
    this.#places = { enforced: this.#load("enforced"), trial: this.#load("trial") };
  }

  /** The document of a place as this node has it; undefined for none. */
  get(place: PolicyPlace): KnownPolicy | undefined {
    return this.#places[place].known;
  }

  /** What the network's key says is there; undefined for nothing. Another one than this node has when that one is stale. */
  head(place: PolicyPlace): PolicyHead | undefined {
    return this.#places[place].head;
  }

  /** Why this node has another document than the network's key says; undefined when it has not. */
  problem(place: PolicyPlace): string | undefined {
    return this.#places[place].problem;
  }

  /** Whether an entry is of a document that this node has not got as a whole. */
  isWanted({ kind, key }: Pick<StateEntry, "kind" | "key">): boolean {
    if (kind === POLICY_KIND) return true;
    return kind === PART_KIND && PLACES.some((place) => {
      const { head, problem } = this.#places[place];
      return problem !== undefined && head !== undefined && key.startsWith(`${head.digest}/`);
    });
  }

  /** Reads what has changed. @returns whether another document, or none, is in one of the places now */
  look(): boolean {
    return PLACES.map((place) => this.#look(place)).includes(true);
  }

  #look(name: PolicyPlace): boolean {
    const { entries } = this.#mesh.replica;
    const place = this.#places[name];
    const origin = entries.networkOrigin(POLICY_KIND, name);
    const entry = entries.get(POLICY_KIND, origin, name);
    if (entry === undefined) return this.#lookAtNone(name, place);
    if (entry === place.entry && place.problem === undefined) return false;
    place.entry = entry;
    const head = decodeHead(entry.body);
    if (head === undefined) {
      place.problem = "a leader of another version of weft has applied it";
      return false;
    }
    place.head = head;
    place.problem = undefined;
    if (place.known?.head.digest === head.digest && place.known.head.revision === head.revision) {
      // The same document, whenever it was applied, and by whom.
      this.#keep(name, { ...place.known, head }, entry.body);
      return false;
    }
    const deflated = this.#assemble(head, place);
    if (deflated === undefined) return false;
    const document = unpackPolicy(deflated, head.revision);
    if (document === undefined) {
      place.problem = "this version of weft cannot read it";
      return false;
    }
    this.#keep(name, { head, document, deflated }, entry.body);
    return true;
  }

  /** It was taken back, or has expired since no leader was there to renew it: then what was in force stays. */
  #lookAtNone(name: PolicyPlace, place: Place): boolean {
    const { entries } = this.#mesh.replica;
    const signed = entries.signedEntry(entries.networkOrigin(POLICY_KIND, name), POLICY_KIND, name);
    const entry = signed && PLAIN_READER.entry(signed.payload);
    place.entry = undefined;
    if (entry?.isDeleted !== true) {
      place.problem = place.known === undefined ? undefined : "no leader has renewed it";
      return false;
    }
    place.head = place.problem = undefined;
    if (place.known === undefined) return false;
    place.known = undefined;
    this.#store.transaction(() => {
      if (name === "enforced") this.history.replace(this.#stored(name));
      this.#store.delete(HEADS, name);
      this.#store.delete(DOCUMENTS, name);
    });
    return true;
  }

  #assemble(head: PolicyHead, place: Place): Uint8Array | undefined {
    const { entries } = this.#mesh.replica;
    const found = head.inline !== undefined
      ? [head.inline]
      : Array.from({ length: head.parts }, (_, number) => {
        const key = partKey(head.digest, number);
        return entries.get(PART_KIND, entries.networkOrigin(PART_KIND, key), key)?.body;
      });
    const parts = found.filter((part) => part !== undefined);
    if (parts.length < found.length) {
      place.problem = `${found.length - parts.length} of its ${found.length} parts are missing`;
      return undefined;
    }
    const deflated = joinParts(head, parts);
    if (deflated === undefined) place.problem = "its parts do not belong together";
    return deflated;
  }

  #keep(name: PolicyPlace, known: KnownPolicy, body: Uint8Array): void {
    const place = this.#places[name];
    const { entry } = place;
    place.known = known;
    // Where storing fails it is tried again with the next look.
    place.entry = undefined;
    this.#store.transaction(() => {
      const { revision } = known.head;
      const former = this.#stored(name);
      const isOther = former !== undefined && decodeHead(former.body)?.revision !== revision;
      if (name === "enforced") this.history.replace(isOther ? former : undefined, revision);
      this.#store.put(HEADS, name, body);
      this.#store.put(DOCUMENTS, name, known.deflated);
    });
    place.entry = entry;
  }

  #stored(name: PolicyPlace): { readonly body: Uint8Array; readonly deflated: Uint8Array } | undefined {
    const body = this.#store.get(HEADS, name);
    const deflated = this.#store.get(DOCUMENTS, name);
    return body === undefined || deflated === undefined ? undefined : { body, deflated };
  }

  #load(name: PolicyPlace): Place {
    const place: Place = { known: undefined, head: undefined, problem: undefined, entry: undefined };
    const body = this.#store.get(HEADS, name);
    if (body === undefined) return place;
    const head = decodeHead(body);
    const deflated = this.#store.get(DOCUMENTS, name);
    const isWhole = head !== undefined && deflated !== undefined && joinParts(head, [deflated]) !== undefined;
    if (!isWhole) {
      throw new StateError("Cannot read the policy from the state: it is damaged", {
        hint:
          "Who may reach this node is not known without it; `weft leave --force` and joining anew mends it.",
      });
    }
    const document = unpackPolicy(deflated, head.revision);
    if (document === undefined) {
      // To start without it would let everything pass.
      throw new StateError("Cannot read the policy from the state: a later version of weft has kept it", {
        hint: "Start that version again.",
      });
    }
    place.known = { head, document, deflated };
    place.head = head;
    return place;
  }
}
