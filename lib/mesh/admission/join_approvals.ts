/**
 * Machines that hold a good token and wait until a leader's operator lets them in.
 *
 *     asked ──► waiting ──approve──► a member, by a record that all leaders know
 *                  └─────refuse────► refused, for as long as the token lives
 *
 * @module
 */

import { type Clock, type Millis, millis, StateError, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { PublicKey, VerifyingKey } from "../../crypto/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { type NodeId, nodeIdOf, toNodeName } from "../identity/mod.ts";
import type { TokenBook, TokenState } from "./token_book.ts";

/** How many machines may wait, and be remembered as refused. */
export const MAX_WAITING = 256;
/** How many of them by one token. */
export const MAX_WAITING_BY_TOKEN = 64;
/** How many of them from one address, or one IPv6 site. */
export const MAX_WAITING_BY_ORIGIN = 16;
/** Where there are too many, one that has not asked for so long makes room; machines ask twice a minute. */
const SILENT_MS = 120_000;

const WAITING = "join-waiting";

/** A machine that waits. */
export interface WaitingJoin {
  readonly nodeId: NodeId;
  /** The name that it asks for. */
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly verifyingKey: VerifyingKey;
  readonly tokenId: string;
  /** The address that it asked from, and what one sender has many of for free. */
  readonly from: string;
  readonly origin: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The overlay address that it asks for. */
  readonly address?: IpAddress | undefined;
  readonly refused: boolean;
}

/** Who asks. */
export type JoinAsker = Omit<WaitingJoin, "nodeId" | "since" | "refused">;

/** One leader's list, which survives its end. */
export class JoinApprovals {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #tokens: TokenBook;
  /** The same as the store holds. */
  readonly #known = new Map<NodeId, WaitingJoin>();
  /** When each has asked last, in this process. */
  readonly #askedAt = new Map<NodeId, Millis>();

  constructor(store: StateStore, options: { readonly clock: Clock; readonly tokens: TokenBook }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#tokens = options.tokens;
    this.reload();
  }

  /** How many are on the list, or remembered as refused. */
  get size(): number {
    return this.#known.size;
  }

  /** Reads everything from the store again, for after a transaction that was undone. */
  reload(): void {
    this.#known.clear();
    for (const [key, bytes] of this.#store.entries(WAITING)) {
      const waiting = readWaiting(key, bytes);
      this.#known.set(waiting.nodeId, waiting);
    }
    for (const nodeId of this.#askedAt.keys()) if (!this.#known.has(nodeId)) this.#askedAt.delete(nodeId);
  }

  /** Puts a machine on the list. @returns what it is to be answered */
  ask(asker: JoinAsker): "pending" | "refused:not-approved" | "refused:too-many-wait" {
    const nodeId = nodeIdOf(asker.publicKey, asker.verifyingKey);
    const now = this.#clock.now();
    const known = this.#known.get(nodeId);
    if (known !== undefined && known.tokenId === asker.tokenId) {
      this.#askedAt.set(nodeId, now);
      return known.refused ? "refused:not-approved" : "pending";
    }
    return this.#atOnce(() => {
      if (known !== undefined) this.forget(nodeId);
      if (!this.#makeRoom(asker)) return "refused:too-many-wait";
      this.#askedAt.set(nodeId, now);
      const name = toNodeName(asker.name);
      this.#put({ ...asker, name, nodeId, since: this.#clock.wall(), refused: false });
      return "pending";
    });
  }

  /** @returns those that wait, the oldest first */
  list(): readonly WaitingJoin[] {
    return this.#all().filter(({ refused }) => !refused).sort((a, b) => a.since - b.since);
  }

  /** Answers a machine from now on that it is refused. */
  refuse(waiting: WaitingJoin): void {
    this.#put({ ...waiting, refused: true });
  }

  /** Takes a machine off the list. */
  forget(nodeId: NodeId): void {
    this.#store.delete(WAITING, nodeId);
    this.#known.delete(nodeId);
    this.#askedAt.delete(nodeId);
  }

  #atOnce<T>(body: () => T): T {
    try {
      return this.#store.transaction(body);
    } catch (error) {
      this.reload();
      throw error;
    }
  }

  /** Whose token is good no more waits for nothing. */
  #all(): WaitingJoin[] {
    const states = new Map<string, TokenState | undefined>();
    const isGood = ({ tokenId, refused }: WaitingJoin): boolean => {
      if (!states.has(tokenId)) states.set(tokenId, this.#tokens.get(tokenId)?.state);
      const state = states.get(tokenId);
      return state === "usable" || (state === "used" && refused);
    };
    const all = [...this.#known.values()];
    for (const waiting of all) if (!isGood(waiting)) this.forget(waiting.nodeId);
    return all.filter(isGood);
  }

  /** The bound is on all, on those of one token, and on those of one origin. @returns whether there is room */
  #makeRoom({ tokenId, origin }: JoinAsker): boolean {
    let all = this.#all();
    const crowds: readonly (readonly [isIn: (each: WaitingJoin) => boolean, most: number])[] = [
      [(each) => each.origin === origin, MAX_WAITING_BY_ORIGIN],
      [(each) => each.tokenId === tokenId, MAX_WAITING_BY_TOKEN],
      [() => true, MAX_WAITING],
    ];
    for (const [isIn, most] of crowds) {
      const crowd = all.filter(isIn);
      if (crowd.length < most) continue;
      const [silent] = crowd.filter(({ nodeId }) => this.#isSilent(nodeId))
        .sort((a, b) => (this.#askedAt.get(a.nodeId) ?? 0) - (this.#askedAt.get(b.nodeId) ?? 0));
      if (silent === undefined) return false;
      this.forget(silent.nodeId);
      all = all.filter((each) => each !== silent);
    }
    return true;
  }

  /** Who was read from the store has asked now, as far as anybody knows. */
  #isSilent(nodeId: NodeId): boolean {
    const now = this.#clock.now();
    const askedAt = this.#askedAt.get(nodeId);
    if (askedAt === undefined) this.#askedAt.set(nodeId, now);
    return askedAt !== undefined && now >= millis(askedAt + SILENT_MS);
  }

  #put(waiting: WaitingJoin): void {
    const { nodeId, publicKey, verifyingKey, address, ...rest } = waiting;
    const texts = {
      ...rest,
      publicKey: publicKey.bytes.toHex(),
      verifyingKey: verifyingKey.bytes.toHex(),
      ...address && { address: address.toString() },
    };
    this.#store.put(WAITING, nodeId, utf8Bytes(JSON.stringify(texts)));
    this.#known.set(nodeId, waiting);
  }
}

function readWaiting(key: string, bytes: Uint8Array): WaitingJoin {
  try {
    const stored = JSON.parse(new TextDecoder().decode(bytes));
    const publicKey = PublicKey.fromBytes(Uint8Array.fromHex(stored.publicKey));
    const verifyingKey = VerifyingKey.fromBytes(Uint8Array.fromHex(stored.verifyingKey));
    const address = stored.address === undefined ? undefined : IpAddress.parse(stored.address);
    return { ...stored, publicKey, verifyingKey, nodeId: nodeIdOf(publicKey, verifyingKey), address };
  } catch (cause) {
    throw new StateError(`Cannot read who waits for approval (${key}) from the state: it is damaged`, {
      cause,
    });
  }
}
