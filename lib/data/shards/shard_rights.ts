/**
 * What a caller may ask of the shards of a node: what it might ask of `data/NAME` if that was here.
 * @module
 */

import {
  isProgram,
  type MessagePolicy,
  type PeerId,
  type ServicePeers,
  TopicPath,
} from "../../service/mod.ts";
import { collectionPath } from "../service/mod.ts";
import { holdersOf, type ShardLayout } from "./layout/mod.ts";
import { AS_COMMIT, OF_ATTEMPT } from "./shard_requests.ts";

const READS: ReadonlySet<string> = new Set(["describe", "get", "list", "query", "watch"]);

/** What rights are decided by. */
export interface ShardRightsParts {
  readonly peers: Pick<ServicePeers, "self" | "mayOffer" | "selector">;
  readonly policy: Pick<MessagePolicy, "callFate">;
}

/** The rights of callers at one node. */
export class ShardRights {
  readonly #parts: ShardRightsParts;

  constructor(parts: ShardRightsParts) {
    this.#parts = parts;
  }

  /** Only whoever the collection's path belongs to decides about it, and has others hold it where the policy lets it. */
  mayDecide(collection: string, caller: PeerId | undefined): boolean {
    if (caller === undefined || caller === this.#parts.peers.self) return true;
    return !isProgram(caller) && this.mayBeHome(collection, caller) &&
      this.#passes(collection, "hold", caller);
  }

  /** Whether the path of a collection is a member's. */
  mayBeHome(collection: string, member: PeerId): boolean {
    return this.#parts.peers.mayOffer(member, TopicPath.parse(collectionPath(collection)));
  }

  /** Whoever may read or write, has a part, or may be the home, hears where the shards are. */
  mayHear(layout: ShardLayout, caller: PeerId | undefined): boolean {
    if (this.isHere(caller)) return true;
    const { spec: { name, read, write } } = layout;
    return holdersOf(layout).includes(caller) || this.mayBeHome(name, caller) ||
      ((this.#has(read, caller) || this.#has(write, caller)) && this.#passes(name, "describe", caller));
  }

  /** Whether a caller may ask for an action of a shard. */
  mayAsk({ spec }: ShardLayout, action: string, caller: PeerId | undefined): boolean {
    if (this.isHere(caller) || OF_ATTEMPT.has(action)) return true;
    const asked = AS_COMMIT.has(action) ? "commit" : action;
    return this.#has(READS.has(action) ? spec.read : spec.write, caller) &&
      this.#passes(spec.name, asked, caller);
  }

  /** Whether a caller is this node, or a program of it. */
  isHere(caller: PeerId | undefined): caller is undefined {
    return caller === undefined || isProgram(caller) || caller === this.#parts.peers.self;
  }

  #has(selector: string | undefined, caller: PeerId): boolean {
    return selector === undefined || this.#parts.peers.selector(selector)(caller);
  }

  #passes(collection: string, action: string, caller: PeerId): boolean {
    const { peers, policy } = this.#parts;
    return policy.callFate(caller, peers.self, `${collectionPath(collection)}/${action}`).kind === "straight";
  }
}
