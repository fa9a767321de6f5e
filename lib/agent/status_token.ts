/**
 * The token by which others than this machine read the status page of a node.
 *
 *     status-token/read   the token's characters
 *
 * @module
 */

import { encodeBase64Url, randomBytes, type RandomSource, type StateStore, utf8Bytes } from "../base/mod.ts";
import { blake2sMac, equalConstantTime, hmacBlake2s } from "../crypto/mod.ts";
import { InvalidRequestError } from "./errors.ts";

const COLLECTION = "status-token";
const KEY = "read";
/** 256 bits, so that nobody guesses it. */
const TOKEN_BYTES = 32;
/** One that somebody else has set is as long at least: nobody finds it by trying. */
const MIN_LENGTH = 16;
const MAX_LENGTH = 512;
/** RFC 6750 §2.1: what a bearer token consists of. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Draws, keeps and compares the token; it is in no log and no answer but to who asks for it by the control socket. */
export class StatusToken {
  readonly #store: StateStore;
  readonly #random: RandomSource;
  /** Tokens are compared by their hashes under it, which nobody knows or can influence. */
  readonly #compareKey: Uint8Array;
  #given: string | undefined;
  /** As the store has it, once it was needed. */
  #kept: string | undefined;

  constructor(store: StateStore, random: RandomSource) {
    this.#store = store;
    this.#random = random;
    this.#compareKey = randomBytes(random, TOKEN_BYTES);
  }

  /**
   * Uses a token that somebody else has set in the place of the state's.
   * @param text 16 to 512 letters, digits and `-._~+/`, perhaps with white space around them; undefined for the state's again
   * @throws InvalidRequestError that does not repeat it
   */
  use(text: string | undefined): void {
    if (text === undefined) {
      this.#given = undefined;
      return;
    }
    const token = text.trim();
    if (TOKEN.test(token) && token.length >= MIN_LENGTH && token.length <= MAX_LENGTH) {
      this.#given = token;
      return;
    }
    throw new InvalidRequestError(
      `Cannot use that token of the status page: it is a line of ${MIN_LENGTH} to ${MAX_LENGTH} characters`,
      { hint: "It has letters, digits and -._~+/; for example: openssl rand -hex 32" },
    );
  }

  /** @returns the token; it is drawn on first need */
  current(): string {
    if (this.#given !== undefined) return this.#given;
    const stored = this.#kept ?? new TextDecoder().decode(this.#store.get(COLLECTION, KEY));
    return this.#kept = stored === "" ? this.renew() : stored;
  }

  /**
   * Draws another one; the former is good for nothing from then on, and neither is who has logged in by it.
   * @throws InvalidRequestError when it was set from a file
   */
  renew(): string {
    if (this.#given !== undefined) {
      throw new InvalidRequestError("Cannot draw another token: the one in use is from a file", {
        hint: "Write another one into the file of --status-token-file, and start the agent again.",
      });
    }
    const token = encodeBase64Url(randomBytes(this.#random, TOKEN_BYTES));
    this.#store.put(COLLECTION, KEY, utf8Bytes(token));
    return this.#kept = token;
  }

  /** Compares in constant time. */
  matches(text: string): boolean {
    return equalConstantTime(this.#hash(text), this.#hash(this.current()));
  }

  /** @returns 64 hexadecimal digits that only who knows the token can make of `text` */
  sign(text: string): string {
    return hmacBlake2s(utf8Bytes(this.current()), utf8Bytes(text)).toHex();
  }

  #hash(text: string): Uint8Array {
    return blake2sMac(this.#compareKey, 32, utf8Bytes(text));
  }
}
