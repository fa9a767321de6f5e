/**
 * Reading for a thousand nodes at once: what is the same bytes is read once.
 * @module
 */

import type { VerifyingKey } from "../crypto/mod.ts";
import { decodeMeshMessage, PLAIN_READER, type Signed, type SignedReader } from "../mesh/mod.ts";

/** Remembers what was read, by the identity of the bytes, and what was verified, by the signature. */
export class MemoReader implements SignedReader {
  readonly record: SignedReader["record"] = memoized(PLAIN_READER.record);
  readonly statement: SignedReader["statement"] = memoized(PLAIN_READER.statement);
  readonly entry: SignedReader["entry"] = memoized(PLAIN_READER.entry);
  readonly mark: SignedReader["mark"] = memoized(PLAIN_READER.mark);
  /** Reads a message; undefined when it is malformed. */
  readonly message: typeof decodeMeshMessage = memoized((bytes) => {
    const message = decodeMeshMessage(bytes);
    if (message?.kind !== "roster-update") return message;
    const { records, statements, entries } = message.update;
    const own = (items: readonly Signed[]) => items.map((signed) => this.#intern(signed));
    const update = { records: own(records), statements: own(statements), entries: own(entries) };
    return { ...message, update };
  });
  readonly #stored = new WeakMap<Signed, Uint8Array>();
  readonly #signed = new WeakMap<Uint8Array, Signed>();
  /** One copy of each, whoever passed it on. */
  readonly #known = new Map<string, Signed>();
  readonly #verified = new WeakMap<Signed, VerifyingKey>();

  signed(bytes: Uint8Array): Signed | undefined {
    const known = this.#signed.get(bytes);
    if (known !== undefined) return known;
    const signed = PLAIN_READER.signed(bytes);
    if (signed !== undefined) this.#signed.set(bytes, signed);
    return signed;
  }

  stored(signed: Signed): Uint8Array {
    const known = this.#stored.get(signed);
    if (known !== undefined) return known;
    const bytes = PLAIN_READER.stored(signed);
    this.#stored.set(signed, bytes);
    this.#signed.set(bytes, signed);
    return bytes;
  }

  isSignedBy(label: string, signed: Signed, key: VerifyingKey): boolean {
    if (this.#verified.get(signed)?.equals(key)) return true;
    const isGood = PLAIN_READER.isSignedBy(label, signed, key);
    if (isGood) this.#verified.set(signed, key);
    return isGood;
  }

  /** Notes that a signature is good: it was just made. */
  vouch(signed: Signed, key: VerifyingKey): Signed {
    const own = this.#intern(signed);
    this.#verified.set(own, key);
    return own;
  }

  #intern(signed: Signed): Signed {
    const id = `${signed.signature.toHex()} ${PLAIN_READER.mark(signed.payload)}`;
    const known = this.#known.get(id);
    if (known === undefined) this.#known.set(id, signed);
    return known ?? signed;
  }
}

function memoized<T>(read: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  const known = new WeakMap<Uint8Array, NonNullable<T>>();
  return (bytes) => {
    const value = known.get(bytes) ?? read(bytes);
    if (value !== undefined && value !== null) known.set(bytes, value);
    return value;
  };
}
