/**
 * The tokens that a leader has given out.
 * @module
 */

import {
  type Clock,
  decodeHex,
  encodeHex,
  randomBytes,
  type RandomSource,
  StateError,
  type StateStore,
  type UnixMillis,
  unixMillis,
  utf8Bytes,
  WeftError,
} from "../../base/mod.ts";
import { equalConstantTime, type PresharedKey, type PublicKey } from "../../crypto/mod.ts";
import { MAX_TOKEN_USES } from "../bounds.ts";
import { areLabels, ID_BYTES, sortLabels } from "../identity/mod.ts";
import {
  addGrants,
  areGrants,
  type Grants,
  JoinToken,
  type JoinTokenFields,
  NO_GRANTS,
  presharedKeyOf,
  TokenSecret,
} from "../records/mod.ts";
import type { AuditLog } from "./audit_log.ts";
import { detailOf, presentTerms, termsOf, type TokenTerms } from "./token_terms.ts";

export type { TokenTerms } from "./token_terms.ts";

/** How many tokens are remembered. */
export const MAX_TOKENS = 1024;

const TOKENS = "token";
/** Keyed by token id and public key: who was let in by a token with a limit. */
const ADMISSIONS = "token-admission";

/** What a token is good for. */
export type TokenState = "usable" | "expired" | "used" | "revoked";

/** A token as it may be shown again: without its secret. */
export interface TokenEntry extends TokenTerms {
  readonly id: string;
  readonly createdAt: UnixMillis;
  readonly expiresAt: UnixMillis;
  /** How many admissions are left; null when there is no limit. */
  readonly usesLeft: number | null;
  /** How many admissions there were. */
  readonly used: number;
  /** Labels of whoever joins with it. */
  readonly labels: Readonly<Record<string, string>>;
  /** What whoever joins with it may do beside what all may. */
  readonly grants: Grants;
  readonly state: TokenState;
}

/** What a new token names and allows. */
export interface NewToken extends TokenTerms, Omit<JoinTokenFields, "tokenId" | "secret" | "expiresAt"> {
  /** How many admissions it allows, 1 to 65,536; undefined for any number. */
  readonly uses?: number | undefined;
  readonly lifetimeMs: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly grants?: Grants | undefined;
}

/** What is stored of a token, and shared with other leaders, as JSON. */
export interface StoredToken extends TokenTerms {
  readonly secretHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly uses: number | null;
  /** How many admissions this leader has counted. */
  readonly used: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent for none. */
  readonly grants?: Grants;
  readonly revoked: boolean;
  /** How many admissions others have counted, by their node ids. */
  readonly elsewhere?: Readonly<Record<string, number>>;
}

/** What a token gives whoever joins with it. */
export interface TokenGift extends TokenTerms {
  readonly labels: Readonly<Record<string, string>>;
  readonly grants: Grants;
  readonly createdAt: UnixMillis;
}

/** There is no room for another token. */
export class TooManyTokensError extends WeftError {
  readonly code = "TooManyTokens";

  constructor() {
    super(`Cannot create a token: ${MAX_TOKENS} are in use`, {
      hint: "Revoke tokens that nobody needs any more.",
    });
  }
}

/** Keeps tokens by a hash of their secrets. Nothing is cached, so a transaction that is undone leaves no trace. */
export class TokenBook {
  readonly #store: StateStore;
  readonly #random: RandomSource;
  readonly #clock: Clock;
  readonly #audit: AuditLog | undefined;

  constructor(
    store: StateStore,
    options: {
      readonly random: RandomSource;
      readonly clock: Clock;
      /** Where tokens that are made and revoked are noted. */
      readonly audit?: AuditLog;
    },
  ) {
    this.#store = store;
    this.#random = options.random;
    this.#clock = options.clock;
    this.#audit = options.audit;
  }

  /**
   * Makes a token; it is the only moment at which its secret is to be had.
   * @param secretOf what the secret is, by the token's id; a random one unless given
   * @throws RangeError when `uses`, `lifetimeMs` or `labels` are out of bounds
   * @throws TooManyTokensError when 1024 tokens are usable
   */
  create(
    options: NewToken,
    secretOf: (tokenId: string) => TokenSecret = () => TokenSecret.generate(this.#random),
  ): JoinToken {
    const { uses, lifetimeMs, labels = {}, grants = NO_GRANTS } = options;
    if (uses !== undefined && (!Number.isInteger(uses) || uses < 1 || uses > MAX_TOKEN_USES)) {
      throw new RangeError(`Cannot make a token for ${uses} machines: it admits 1 to ${MAX_TOKEN_USES}`);
    }
    const createdAt = this.#clock.wall();
    const expiresAt = unixMillis(createdAt + lifetimeMs);
    if (!(lifetimeMs > 0) || !Number.isSafeInteger(expiresAt)) {
      throw new RangeError(`Cannot make a token for ${lifetimeMs} ms: it lives for a while, not for ever`);
    }
    if (!areLabels(labels)) throw new RangeError("Cannot make a token: its labels are malformed");
    if (!areGrants(grants) || grants.claimed.length > 0) {
      throw new RangeError("Cannot make a token: what it grants is malformed, or too much");
    }
    const terms = termsOf(options);
    const tokenId = encodeHex(randomBytes(this.#random, ID_BYTES));
    const secret = secretOf(tokenId);
    const token = new JoinToken({ ...options, tokenId, secret, expiresAt });
    this.#store.transaction(() => {
      this.#makeRoom();
      this.#put(tokenId, {
        secretHash: encodeHex(secret.hash()),
        createdAt,
        expiresAt,
        uses: uses ?? null,
        used: 0,
        labels: sortLabels(labels),
        ...grants !== NO_GRANTS && { grants: addGrants(grants, {}) },
        ...terms,
        revoked: false,
      });
      this.#audit?.append({
        kind: "token-created",
        detail: { token: tokenId, ...uses !== undefined && { uses: `${uses}` }, ...detailOf(terms) },
      });
    });
    return token;
  }

  /** @returns all remembered tokens, the oldest first */
  list(): readonly TokenEntry[] {
    return this.#store.entries(TOKENS)
      .map(([id, bytes]) => this.#describe(id, readToken(id, bytes)))
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  /** @returns the token, or undefined when none has this id */
  get(id: string): TokenEntry | undefined {
    const token = this.#get(id);
    return token && this.#describe(id, token);
  }

  /** Ends a token at once. @returns false when none has this id */
  revoke(id: string): boolean {
    return this.#store.transaction(() => {
      const token = this.#get(id);
      if (token === undefined) return false;
      this.#put(id, { ...token, revoked: true });
      if (!token.revoked) this.#audit?.append({ kind: "token-revoked", detail: { token: id } });
      return true;
    });
  }

  /**
   * @param publicKey the one who calls; whoever a used-up token has let in before may call again
   * @returns the key that the handshake is made with, or undefined when the token cannot be used
   */
  presharedKeyFor(tokenId: string, publicKey: PublicKey): PresharedKey | undefined {
    const token = this.#get(tokenId);
    if (token === undefined || !this.#admits(tokenId, token, publicKey)) return undefined;
    return presharedKeyOf(hashOf(tokenId, token));
  }

  /** @returns what the token gives whoever has this secret, or undefined when it cannot be used */
  giftFor(tokenId: string, secret: TokenSecret, publicKey: PublicKey): TokenGift | undefined {
    const token = this.#get(tokenId);
    if (token === undefined || !this.#admits(tokenId, token, publicKey)) return undefined;
    return equalConstantTime(secret.hash(), hashOf(tokenId, token)) ? giftOf(token) : undefined;
  }

  /**
   * Counts an admission, within the transaction of the admission itself. Who was let in by a token with a limit is
   * let in by it again without another count, because a machine that crashed may not have got the answer.
   * @param secret undefined when it was proven before
   * @param isCounted whether another leader has counted this admission, see `count`
   * @returns what the token gives, or undefined when it cannot be used
   */
  redeem(
    tokenId: string,
    secret: TokenSecret | undefined,
    publicKey: PublicKey,
    isCounted = false,
  ): TokenGift | undefined {
    return this.#store.transaction(() => {
      const token = this.#get(tokenId);
      if (token === undefined) return undefined;
      const isAdmitted = isCounted
        ? this.#stateOf(token) === "usable" || this.#stateOf(token) === "used"
        : this.#admits(tokenId, token, publicKey);
      if (!isAdmitted) return undefined;
      if (secret !== undefined && !equalConstantTime(secret.hash(), hashOf(tokenId, token))) return undefined;
      this.#note(tokenId, token, publicKey, isCounted);
      return giftOf(token);
    });
  }

  /**
   * Whether letting this machine in would use up one of the admissions of a token with a limit, which leaders that see each
   * other have one of them count.
   * @param secret undefined when it was proven before
   */
  isUse(tokenId: string, secret: TokenSecret | undefined, publicKey: PublicKey): boolean {
    const token = this.#get(tokenId);
    if (token === undefined || token.uses === null || this.#stateOf(token) !== "usable") return false;
    if (this.#hasAdmitted(tokenId, publicKey)) return false;
    return secret === undefined || equalConstantTime(secret.hash(), hashOf(tokenId, token));
  }

  /**
   * Counts an admission that another leader is about to make; the same machine is counted once.
   * @returns whether the token admits it
   */
  count(tokenId: string, publicKey: PublicKey): boolean {
    return this.#store.transaction(() => {
      const token = this.#get(tokenId);
      if (token === undefined || !this.#admits(tokenId, token, publicKey)) return false;
      this.#note(tokenId, token, publicKey);
      return true;
    });
  }

  /** Notes who was let in, and counts it unless that was done. */
  #note(tokenId: string, token: StoredToken, publicKey: PublicKey, isCounted = false): void {
    if (this.#hasAdmitted(tokenId, publicKey)) return;
    if (!isCounted) this.#put(tokenId, { ...token, used: token.used + 1 });
    // Who was approved comes a second time, for the answer.
    if (token.uses === null && !token.needsApproval) return;
    this.#store.put(ADMISSIONS, admissionKey(tokenId, publicKey), new Uint8Array(0));
  }

  /** @returns the tokens that have not expired, as other leaders are to know them: without what others have counted */
  shared(): ReadonlyMap<string, StoredToken> {
    const wall = this.#clock.wall();
    const shared = new Map<string, StoredToken>();
    for (const [id, bytes] of this.#store.entries(TOKENS)) {
      const { elsewhere: _, ...token } = readToken(id, bytes);
      if (token.expiresAt > wall) shared.set(id, token);
    }
    return shared;
  }

  /**
   * Takes in what another leader knows of a token. Whichever of them has revoked it, it is revoked.
   * @param by the other leader's node id
   */
  absorb(id: string, by: string, token: StoredToken): void {
    this.#store.transaction(() => {
      const known = this.#get(id);
      if (token.expiresAt <= this.#clock.wall() || (known && known.secretHash !== token.secretHash)) return;
      const revoked = token.revoked || (known?.revoked ?? false);
      if (known === undefined) this.#makeRoom();
      else if (known.revoked === revoked && (known.elsewhere?.[by] ?? 0) >= token.used) return;
      const elsewhere = { ...known?.elsewhere, [by]: Math.max(known?.elsewhere?.[by] ?? 0, token.used) };
      this.#put(id, { ...known ?? { ...token, used: 0 }, revoked, elsewhere });
    });
  }

  #admits(tokenId: string, token: StoredToken, publicKey: PublicKey): boolean {
    const state = this.#stateOf(token);
    return state === "usable" || (state === "used" && this.#hasAdmitted(tokenId, publicKey));
  }

  #hasAdmitted(tokenId: string, publicKey: PublicKey): boolean {
    return this.#store.get(ADMISSIONS, admissionKey(tokenId, publicKey)) !== undefined;
  }

  #describe(id: string, token: StoredToken): TokenEntry {
    return {
      id,
      expiresAt: unixMillis(token.expiresAt),
      // Leaders that could not see each other may have admitted more than was allowed.
      usesLeft: token.uses === null ? null : Math.max(0, token.uses - usedBy(token)),
      used: usedBy(token),
      ...giftOf(token),
      state: this.#stateOf(token),
    };
  }

  #stateOf(token: StoredToken): TokenState {
    if (token.revoked) return "revoked";
    if (token.expiresAt <= this.#clock.wall()) return "expired";
    return token.uses !== null && usedBy(token) >= token.uses ? "used" : "usable";
  }

  /** Forgets the oldest tokens that are good for nothing until there is room for one more. */
  #makeRoom(): void {
    const tokens = this.list();
    let tooMany = tokens.length + 1 - MAX_TOKENS;
    if (tooMany <= 0) return;
    const admissions = this.#store.entries(ADMISSIONS);
    for (const { id, state } of tokens) {
      if (tooMany <= 0) return;
      if (state === "usable") continue;
      this.#store.delete(TOKENS, id);
      for (const [key] of admissions) if (key.startsWith(`${id}/`)) this.#store.delete(ADMISSIONS, key);
      tooMany--;
    }
    if (tooMany > 0) throw new TooManyTokensError();
  }

  #get(id: string): StoredToken | undefined {
    const bytes = this.#store.get(TOKENS, id);
    return bytes && readToken(id, bytes);
  }

  #put(id: string, token: StoredToken): void {
    this.#store.put(TOKENS, id, utf8Bytes(JSON.stringify(token)));
  }
}

function giftOf({ labels, grants = NO_GRANTS, ...token }: StoredToken): TokenGift {
  return { labels, grants, createdAt: unixMillis(token.createdAt), ...presentTerms(token) };
}

/** How many admissions there were, by whichever leader. */
function usedBy({ used, elsewhere = {} }: StoredToken): number {
  return Object.values(elsewhere).reduce((sum, count) => sum + count, used);
}

function admissionKey(tokenId: string, publicKey: PublicKey): string {
  return `${tokenId}/${encodeHex(publicKey.bytes)}`;
}

function readToken(id: string, bytes: Uint8Array): StoredToken {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new StateError(`Cannot read the token ${id} from the state: it is damaged`, { cause });
  }
}

function hashOf(id: string, token: StoredToken): Uint8Array {
  const hash = decodeHex(token.secretHash);
  if (hash?.length !== 32) {
    throw new StateError(`Cannot read the token ${id} from the state: it is damaged`);
  }
  return hash;
}
