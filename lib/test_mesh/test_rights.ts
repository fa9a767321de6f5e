/**
 * What nodes of a test may do: what a leader's grants would say.
 * @module
 */

import { DATA_PATH, QUEUE_PATH } from "../data/mod.ts";
import {
  belowGrant,
  type ClaimOutcome,
  grantsPattern,
  grantsTopic,
  type PeerId,
  readTopicGrant,
  type TopicGrant,
  TopicPath,
} from "../service/mod.ts";
import type { MemoryRights } from "./memory_rights.ts";

/**
 * What a node may do, as `weft grant add` says it. Of what is left out a node may do everything, but for what was granted to
 * others by name: a path such as `orders` is theirs alone, and so is publishing below it.
 */
export interface TestGrants {
  /** Paths of services that it may offer, `*` for one segment and `>` for one or more; it may hear and publish below. */
  readonly offer?: readonly string[];
  /** Topics that it may publish to. */
  readonly publish?: readonly string[];
  /** Topics that it may hear. */
  readonly subscribe?: readonly string[];
}

/** Grants of one node, taken apart; undefined for what is left out. */
interface ReadGrants {
  readonly offer: readonly TopicGrant[] | undefined;
  readonly own: readonly TopicGrant[];
  readonly publish: readonly TopicGrant[] | undefined;
  readonly subscribe: readonly TopicGrant[] | undefined;
  /** The paths that were granted by name. */
  readonly paths: readonly string[];
}

/** The grants of all nodes of a mesh. */
export class TestRights implements MemoryRights {
  readonly #grants = new Map<PeerId, ReadGrants>();
  /** Who has which collection or queue. */
  readonly #claimed = new Map<string, PeerId>();

  /**
   * Says what a node may do.
   * @throws RangeError when a pattern is malformed
   */
  set(node: PeerId, { offer, publish, subscribe }: TestGrants): void {
    this.#grants.set(node, {
      offer: offer?.map(read),
      own: offer?.map(read).map(belowGrant) ?? [],
      publish: publish?.map(read),
      subscribe: subscribe?.map(read),
      paths: offer?.flatMap((text) => TopicPath.tryParse(text)?.toString() ?? []) ?? [],
    });
  }

  mayOffer(peer: PeerId, path: TopicPath): boolean {
    const offer = this.#grants.get(peer)?.offer;
    if ((this.#claimed.get(path.toString()) ?? peer) !== peer) return false;
    return offer === undefined ? this.ownersOf(path).length === 0 : grantsTopic(offer, path);
  }

  mayPublish(peer: PeerId, topic: TopicPath): boolean {
    const grants = this.#grants.get(peer);
    if (grants !== undefined && grantsTopic(grants.own, topic)) return true;
    if (grants?.publish !== undefined) return grantsTopic(grants.publish, topic);
    return !this.#isOthers(peer, topic);
  }

  maySubscribe(peer: PeerId, pattern: Parameters<MemoryRights["maySubscribe"]>[1]): boolean {
    const grants = this.#grants.get(peer);
    if (grants?.subscribe === undefined) return true;
    return grantsPattern(grants.subscribe, pattern) || grantsPattern(grants.own, pattern);
  }

  hearingRights(peer: PeerId): string {
    return JSON.stringify(this.#grants.get(peer) ?? {});
  }

  mayJoinGroup(peer: PeerId, group: string): boolean {
    const path = TopicPath.tryParse(group);
    return path === undefined || this.mayOffer(peer, path);
  }

  ownersOf(path: TopicPath): readonly string[] {
    const text = path.toString();
    return [...this.#grants].filter(([, { paths }]) => paths.includes(text)).map(([peer]) => peer);
  }

  claim(peer: PeerId, path: TopicPath): Promise<ClaimOutcome> {
    if (!this.mayOffer(peer, path)) return Promise.resolve("refused");
    // Whatever else several nodes offer in a test: a collection or queue is the first one's that asks.
    if (path.service !== DATA_PATH && path.service !== QUEUE_PATH) return Promise.resolve("granted");
    const text = path.toString();
    if (!this.#claimed.has(text)) this.#claimed.set(text, peer);
    return Promise.resolve(this.#claimed.get(text) === peer ? "granted" : "refused");
  }

  /** Whether a topic is below a path, or at one, that was granted by name, and not to this node. */
  #isOthers(peer: PeerId, topic: TopicPath): boolean {
    const text = `${topic}/`;
    const owners = [...this.#grants].filter(([, { paths }]) =>
      paths.some((path) => text.startsWith(`${path}/`))
    );
    return owners.length > 0 && !owners.some(([owner]) => owner === peer);
  }
}

function read(text: string): TopicGrant {
  const [grant] = readTopicGrant(text);
  if (grant === undefined) throw new RangeError(`Cannot grant ${text}: it is no pattern of topics`);
  return grant;
}
