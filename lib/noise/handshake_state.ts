/**
 * A handshake (Noise specification §5.3).
 * @module
 */

import { concatBytes, type RandomSource } from "../base/mod.ts";
import {
  type Aead,
  KEY_BYTES,
  nobleAead,
  type PresharedKey,
  PrivateKey,
  PublicKey,
  TAG_BYTES,
} from "../crypto/mod.ts";
import type { HandshakePattern, Token } from "./patterns.ts";
import { SymmetricState } from "./symmetric_state.ts";

/** Who sends the first message. */
export type Role = "initiator" | "responder";

/** Pattern, role and keys; which keys are needed depends on the pattern. */
export interface HandshakeOptions {
  readonly pattern: HandshakePattern;
  readonly role: Role;
  /** Both sides must bring the same. */
  readonly prologue: Uint8Array;
  /** Draws the ephemeral key. */
  readonly random: RandomSource;
  readonly aead?: Aead;
  readonly localStatic?: PrivateKey;
  readonly remoteStatic?: PublicKey;
  readonly presharedKey?: PresharedKey;
}

/**
 * Runs one handshake. Messages alternate; what the other side sends is either accepted whole or rejected, and a
 * rejection makes the state unusable.
 */
export class HandshakeState {
  readonly #options: HandshakeOptions;
  #symmetric: SymmetricState;
  #localEphemeral: PrivateKey | undefined;
  #remoteEphemeral: PublicKey | undefined;
  #remoteStatic: PublicKey | undefined;
  #presharedKey: PresharedKey | undefined;
  #position = 0;
  #failed = false;

  /** @throws TypeError when the pattern needs a static key that is not given */
  constructor(options: HandshakeOptions) {
    const { pattern, role } = options;
    this.#options = options;
    this.#remoteStatic = options.remoteStatic;
    this.#presharedKey = options.presharedKey;
    this.#symmetric = new SymmetricState(
      `Noise_${pattern.name}_25519_ChaChaPoly_BLAKE2s`,
      options.aead ?? nobleAead,
    );
    this.#symmetric.mixHash(options.prologue);
    for (const side of ["initiator", "responder"] as const) {
      if (!pattern.known[side]) continue;
      const key = side === role ? options.localStatic?.publicKey : options.remoteStatic;
      if (key === undefined) {
        throw new TypeError(`Cannot start ${pattern.name}: the ${side}'s static key is missing`);
      }
      this.#symmetric.mixHash(key.bytes);
    }
  }

  /** Whether every message has passed. */
  get isComplete(): boolean {
    return !this.#failed && this.#position === this.#options.pattern.messages.length;
  }

  /** The other side's static key, once known. */
  get remoteStatic(): PublicKey | undefined {
    return this.#remoteStatic;
  }

  /** The transcript hash, 32 bytes, the same on both sides once complete. */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** Sets the preshared key before the message that mixes it in: a responder first learns who is there. */
  setPresharedKey(key: PresharedKey): void {
    this.#presharedKey = key;
  }

  /**
   * Writes the next message.
   * @throws TypeError when it is not this side's turn, or a key is missing
   */
  writeMessage(payload: Uint8Array): Uint8Array {
    const tokens = this.#takeTurn(true);
    const parts: Uint8Array[] = [];
    for (const token of tokens) {
      if (token === "e") parts.push(this.#writeEphemeral());
      else if (token === "s") parts.push(this.#symmetric.encryptAndHash(this.#localStatic().publicKey.bytes));
      else if (!this.#mix(token)) {
        throw new TypeError("Cannot write the message: the peer's key is of low order");
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    this.#position++;
    return concatBytes(...parts);
  }

  /**
   * Reads the other side's next message.
   * @returns its payload, or undefined when it is rejected
   * @throws TypeError when it is not the other side's turn
   */
  readMessage(message: Uint8Array): Uint8Array | undefined {
    const payload = this.#read(this.#takeTurn(false), message);
    if (payload === undefined) {
      this.#failed = true;
      this.#symmetric.wipe();
    } else this.#position++;
    return payload;
  }

  /**
   * Ends the handshake.
   * @returns the keys of the two directions, 32 bytes each
   * @throws TypeError when the handshake is not complete
   */
  split(): { readonly send: Uint8Array; readonly receive: Uint8Array } {
    if (!this.isComplete) throw new TypeError("Cannot split: the handshake is not complete");
    const { initiator, responder } = this.#symmetric.split();
    this.#localEphemeral?.wipe();
    return this.#options.role === "initiator"
      ? { send: initiator, receive: responder }
      : { send: responder, receive: initiator };
  }

  /**
   * A handshake at the same place that goes its own way: whoever may be sent forged messages reads each with a copy,
   * and stays able to read the real one.
   */
  clone(): HandshakeState {
    const copy = new HandshakeState(this.#options);
    copy.#symmetric.wipe();
    copy.#symmetric = this.#symmetric.clone();
    copy.#localEphemeral = this.#localEphemeral;
    copy.#remoteEphemeral = this.#remoteEphemeral;
    copy.#remoteStatic = this.#remoteStatic;
    copy.#presharedKey = this.#presharedKey;
    copy.#position = this.#position;
    copy.#failed = this.#failed;
    return copy;
  }

  /** Overwrites the secrets of a handshake that is given up. */
  wipe(): void {
    this.#failed = true;
    this.#symmetric.wipe();
    this.#localEphemeral?.wipe();
  }

  #takeTurn(writing: boolean): readonly Token[] {
    const tokens = this.#options.pattern.messages[this.#position];
    const ours = (this.#position % 2 === 0) === (this.#options.role === "initiator");
    if (this.#failed || tokens === undefined || ours !== writing) {
      throw new TypeError(`Cannot ${writing ? "write" : "read"} a message now: it is not this side's turn`);
    }
    return tokens;
  }

  #read(tokens: readonly Token[], message: Uint8Array): Uint8Array | undefined {
    let rest = message;
    for (const token of tokens) {
      if (token === "e") {
        if (rest.length < KEY_BYTES) return undefined;
        this.#remoteEphemeral = PublicKey.fromBytes(rest.subarray(0, KEY_BYTES));
        rest = rest.subarray(KEY_BYTES);
        this.#mixEphemeral(this.#remoteEphemeral);
      } else if (token === "s") {
        const length = KEY_BYTES + (this.#symmetric.hasKey ? TAG_BYTES : 0);
        if (rest.length < length) return undefined;
        const key = this.#symmetric.decryptAndHash(rest.subarray(0, length));
        if (key === undefined) return undefined;
        this.#remoteStatic = PublicKey.fromBytes(key);
        rest = rest.subarray(length);
      } else if (!this.#mix(token)) return undefined;
    }
    return this.#symmetric.decryptAndHash(rest);
  }

  #writeEphemeral(): Uint8Array {
    this.#localEphemeral = PrivateKey.generate(this.#options.random);
    const { publicKey } = this.#localEphemeral;
    this.#mixEphemeral(publicKey);
    return publicKey.bytes;
  }

  #mixEphemeral(key: PublicKey): void {
    this.#symmetric.mixHash(key.bytes);
    // Noise specification §9.2: with preshared keys, ephemeral keys also go into the chaining key.
    if (this.#options.pattern.name.includes("psk")) this.#symmetric.mixKey(key.bytes);
  }

  /** @returns false when Diffie-Hellman gives the all-zero secret */
  #mix(token: Exclude<Token, "e" | "s">): boolean {
    if (token === "psk") {
      if (this.#presharedKey === undefined) throw new TypeError("Cannot go on: the preshared key is missing");
      this.#symmetric.mixKeyAndHash(this.#presharedKey.exposeBytes());
      return true;
    }
    // The first letter is the initiator's key, the second the responder's (Noise specification §7.1).
    const initiator = this.#options.role === "initiator";
    const local = token[initiator ? 0 : 1] === "e" ? this.#localEphemeral : this.#localStatic();
    const remote = token[initiator ? 1 : 0] === "e" ? this.#remoteEphemeral : this.#remoteStatic;
    if (local === undefined || remote === undefined) throw new TypeError("Cannot go on: a key is missing");
    const shared = local.sharedSecret(remote);
    if (shared === undefined) return false;
    this.#symmetric.mixKey(shared);
    shared.fill(0);
    return true;
  }

  #localStatic(): PrivateKey {
    const key = this.#options.localStatic;
    if (key === undefined) throw new TypeError("Cannot go on: the local static key is missing");
    return key;
  }
}
