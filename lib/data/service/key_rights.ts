/**
 * Who may read and write which entries: as whoever may hear and publish the topic `data:COLLECTION/KEY`. So grants and
 * policies of topics are those of entries, each by its key or by the beginning of it.
 * @module
 */

import {
  isProgram,
  MAX_TOPIC_LENGTH,
  MAX_TOPIC_SEGMENTS,
  type MessagePolicy,
  type PeerId,
  type ServicePeers,
  TopicPath,
  TopicPattern,
} from "../../service/mod.ts";

/** The network of topics that entries belong to. */
export const DATA_NETWORK = "data";

/** One segment as it is, and no longer than fits behind the name of any collection. */
const PLAIN_KEY = /^[A-Za-z0-9_-]{1,100}$/;
const NO_SEGMENT = /[^A-Za-z0-9_.-]/gu;

/** What rights are asked of. */
export type RightsPeers = Pick<ServicePeers, "self" | "mayPublish" | "maySubscribe" | "hearingRights">;

/**
 * The topic of an entry. Each part of the key between slashes is a segment; what can't stand there is written as `$` and
 * the number of the character. What is longer than topics are has the topic of its beginning.
 */
export function keyTopic(collection: string, key: string): TopicPath {
  if (PLAIN_KEY.test(key)) return TopicPath.parse(`${DATA_NETWORK}:${collection}/${key}`);
  const parts = key.split("/").slice(0, MAX_TOPIC_SEGMENTS - 1).map((part) => {
    if (/^\.{0,2}$/.test(part)) return `$${part.length}`;
    return part.replaceAll(NO_SEGMENT, (character) => `$${character.codePointAt(0)?.toString(16)}`);
  });
  const text = `${DATA_NETWORK}:${[collection, ...parts].join("/")}`.slice(0, MAX_TOPIC_LENGTH);
  return TopicPath.parse(text.replace(/\/\.{0,2}$/, "/$"));
}

/** The rights of all callers in one collection. */
export class KeyRights {
  readonly #collection: string;
  readonly #peers: RightsPeers;
  readonly #policy: MessagePolicy;
  /** All that is below the collection; made when it is asked for. */
  #all: TopicPattern | undefined;

  constructor(collection: string, peers: RightsPeers, policy: MessagePolicy) {
    this.#collection = collection;
    this.#peers = peers;
    this.#policy = policy;
  }

  /** Whether a caller may read whatever there is, so that nobody has to ask of each. */
  readsAll(caller: PeerId | undefined): boolean {
    if (this.#isOwn(caller)) return true;
    if (!this.#policy.isIdle) return false;
    this.#all ??= TopicPattern.parse(`${DATA_NETWORK}:${this.#collection}/>`);
    return this.#peers.maySubscribe(caller, this.#all);
  }

  mayRead(caller: PeerId | undefined, key: string): boolean {
    if (this.#isOwn(caller)) return true;
    const topic = keyTopic(this.#collection, key).toString();
    return this.#peers.maySubscribe(caller, TopicPattern.parse(topic)) &&
      this.#policy.mayHear(this.#peers.self, caller, topic);
  }

  /** @returns the first of these that a caller may not read; undefined when it may read all of them */
  firstUnreadable(caller: PeerId | undefined, keys: readonly string[]): string | undefined {
    // Who may read whatever there is, as most may, costs no topic of each key.
    return this.readsAll(caller) ? undefined : keys.find((key) => !this.mayRead(caller, key));
  }

  /** @returns what decides about what a caller may read: another text when that may have changed */
  readRights(caller: PeerId | undefined): string {
    if (this.#isOwn(caller)) return "own";
    const { isIdle, version } = this.#policy;
    return `${this.#peers.hearingRights?.(caller) ?? ""}${isIdle ? "" : ` policy ${version}`}`;
  }

  /** Whether what `readRights` has said can be compared with what another run of this node says. */
  hasLastingRights(caller: PeerId | undefined): boolean {
    return this.#isOwn(caller) || this.#policy.isIdle;
  }

  /** Decides about a write, and counts it. @param lengthBytes is asked where a policy may look at it @returns why it may not be made; undefined when it may */
  whyNotWrite(
    caller: PeerId | undefined,
    key: string,
    lengthBytes: () => number,
  ): "denied" | "over-rate" | undefined {
    if (this.#isOwn(caller)) return undefined;
    const topic = keyTopic(this.#collection, key);
    if (!this.#peers.mayPublish(caller, topic)) return "denied";
    if (this.#policy.isIdle) return undefined;
    const { self } = this.#peers;
    const refusal = this.#policy.admitEvent("in", caller, self, topic.toString(), lengthBytes());
    if (refusal === undefined) return undefined;
    return refusal.kind === "over-rate" ? "over-rate" : "denied";
  }

  /** Whether a caller may change what the whole is, as whoever may publish the topic of the collection itself. */
  mayChange(caller: PeerId | undefined): boolean {
    if (this.#isOwn(caller)) return true;
    const topic = TopicPath.parse(`${DATA_NETWORK}:${this.#collection}`);
    const { self } = this.#peers;
    return this.#peers.mayPublish(caller, topic) &&
      this.#policy.admitEvent("in", caller, self, topic.toString(), 0) === undefined;
  }

  /** The owner, and the programs that are attached to it. */
  #isOwn(caller: PeerId | undefined): caller is undefined {
    return caller === undefined || isProgram(caller) || caller === this.#peers.self;
  }
}
