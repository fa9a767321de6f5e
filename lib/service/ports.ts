/**
 * What services stand on: links to others, who they are, and the platform's compression.
 * @module
 */

import type { Brand } from "../base/mod.ts";
import type { MessageGuard } from "../policy/mod.ts";
import type { TopicPath, TopicPattern } from "./topics/mod.ts";

/** Who is at the other end of a link: a node by its id, or a program of this machine. */
export type PeerId = Brand<string, "PeerId">;

/** Brands a text as the name of a peer. */
export function peerId(text: string): PeerId {
  return text as PeerId;
}

const PROGRAM = "program:";

/** Names a program that is attached to this node. @param number no other program of this node has it */
export function programId(number: number): PeerId {
  return `${PROGRAM}${number}` as PeerId;
}

/** Whether a peer is a program that is attached to this node. */
export function isProgram(peer: PeerId): boolean {
  return peer.startsWith(PROGRAM);
}

/** The agent, as an attached program calls it; a program has no other peer. */
export const AGENT: PeerId = peerId("agent");

/** So much of each peer; one that has nothing takes no room, but for the one that was asked for last. */
export class PeerTally {
  /** Most often the next is the last one again, and a map makes a table whenever its only entry goes. */
  #last: PeerId | undefined;
  #lastAmount = 0;
  /** Of all others. */
  readonly #amounts = new Map<PeerId, number>();

  of(peer: PeerId): number {
    return peer === this.#last ? this.#lastAmount : this.#amounts.get(peer) ?? 0;
  }

  /** @param amount may be negative, down to what there is */
  add(peer: PeerId, amount: number): void {
    if (peer !== this.#last) this.#change(peer);
    this.#lastAmount += amount;
  }

  #change(peer: PeerId): void {
    if (this.#last !== undefined && this.#lastAmount !== 0) this.#amounts.set(this.#last, this.#lastAmount);
    this.#lastAmount = this.of(peer);
    this.#last = peer;
    this.#amounts.delete(peer);
  }
}

/** A stream of bytes with flow control, one of many on a link. */
export interface ServiceStream {
  /** @returns what has arrived next; undefined at the end, or when the stream is broken */
  read(): Promise<Uint8Array | undefined>;
  /** Waits while the other end is slow. @returns false when the stream is broken */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends this direction after what was written. */
  end(): void;
  /** Breaks both directions at once, telling the other end why. */
  reset(code: number): void;
  /** Why it was broken; undefined when it was not. */
  readonly resetCode: number | undefined;
}

/** What becomes of a message that is handed to a link. */
export type PostOutcome = "queued" | "congested" | "no-link";

/** The links to others. */
export interface PeerLinks {
  /** Queues a message, without waiting. */
  post(peer: PeerId, message: Uint8Array): PostOutcome;
  /** Waits until a congested link has room. */
  drained(peer: PeerId): Promise<void>;
  /** Opens a link unless there is one. @returns whether there is one now */
  reach(peer: PeerId): Promise<boolean>;
  /** @returns undefined without a link */
  openStream(peer: PeerId, header: Uint8Array): ServiceStream | undefined;
  /** The last round trip time in milliseconds; undefined when it is not known. */
  rttMs(peer: PeerId): number | undefined;
  /** Everybody with a link. */
  linked(): readonly PeerId[];
}

/** What came of asking a leader for a service path; `unanswered` when none could be asked. */
export type ClaimOutcome = "granted" | "refused" | "unanswered";

/** What the network lets its members do; a peer's own word is nothing here. */
export interface ServiceRights {
  /** Whether a node may offer a service at a path. */
  mayOffer(peer: PeerId, path: TopicPath): boolean;
  /** Whether a node may publish to a topic. Asked for each event. */
  mayPublish(peer: PeerId, topic: TopicPath): boolean;
  /** Whether a node may hear all that a pattern matches. */
  maySubscribe(peer: PeerId, pattern: TopicPattern): boolean;
  /**
   * What there is to say about what a node may hear: another text when that may have changed, the same after a restart.
   * Undefined where nobody says so.
   */
  hearingRights?(peer: PeerId): string;
  /** Whether a node's subscriptions count among those of a service. @param group the service's path as it was advertised */
  mayJoinGroup(peer: PeerId, group: string): boolean;
  /** @returns the names of those who have a path, or one above it */
  ownersOf(path: TopicPath): readonly string[];
  /** Asks a leader to let this node offer a service at a path that is nobody's. */
  claim(path: TopicPath): Promise<ClaimOutcome>;
}

/** What the network's policy says of calls and events; both ends ask, and neither trusts the other. */
export type MessagePolicy = Pick<
  MessageGuard,
  "isIdle" | "version" | "callFate" | "admitCall" | "admitEvent" | "mayHear"
>;

/** Without a policy everything passes. */
export const NO_POLICY: MessagePolicy = {
  isIdle: true,
  version: 0,
  callFate: () => ({ kind: "straight" }),
  admitCall: () => undefined,
  admitEvent: () => undefined,
  mayHear: () => true,
};

/** A member of the network, as programs see it. */
export interface MemberInfo {
  /** The node's id. */
  readonly id: PeerId;
  /** The name within the network. */
  readonly name: string;
  /** Overlay addresses. */
  readonly addresses: readonly string[];
  /** What a leader or its token calls it. */
  readonly labels: Readonly<Record<string, string>>;
  /** `leader` and `member`. */
  readonly roles: readonly string[];
  /** Whether it is the node that was asked. */
  readonly isSelf: boolean;
  /** Whether it answers, as far as is known. */
  readonly isHealthy: boolean;
}

/** Who is who, and who may do what. */
export interface ServicePeers extends ServiceRights {
  /** This node, whose id changes when it goes on under other keys. */
  readonly self: PeerId;
  /** All members, this node among them; nobody where they can't be told. */
  members?(): readonly MemberInfo[];
  /** @returns the name to show; undefined when it is nobody known */
  nameOf(peer: PeerId): string | undefined;
  /** @returns who is meant by a name, id, key or address */
  find(text: string): PeerId | undefined;
  /** Whether it answers, as far as is known. */
  isHealthy(peer: PeerId): boolean;
  /** Whether it may pause and resume services of others. */
  isOperator(peer: PeerId): boolean;
  /**
   * Reads who may call.
   * @returns a test for callers
   * @throws WeftError when the selector is malformed
   */
  selector(text: string): (peer: PeerId) => boolean;
}

/** Compression (RFC 1951), which runs beside the program. */
export interface Compressor {
  /** @returns the compressed bytes, or undefined when they would be more than `maxBytes` */
  deflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined>;
  /**
   * Takes no more room than `maxBytes`, and holds nobody up for long.
   * @returns the bytes, or undefined when they are malformed or more than `maxBytes`, or there is no memory
   */
  inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined>;
}
