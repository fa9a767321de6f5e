/**
 * Reading for thousands of nodes at once: what is the same bytes is read once.
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import type { VerifyingKey } from "../crypto/mod.ts";
import {
  decodeMeshMessage,
  encodeUpdates,
  type MeshMessage,
  PLAIN_READER,
  type Signed,
  type SignedReader,
  type UpdateEncoder,
  updateSize,
} from "../mesh/mod.ts";

/**
 * Remembers what was read, by the identity of the bytes, and what was verified, by the signature, for as long as it is
 * there itself. It passes on what `PLAIN_READER` says, and decides nothing.
 */
export class MemoReader implements SignedReader {
  readonly record: SignedReader["record"] = memoized(PLAIN_READER.record);
  readonly statement: SignedReader["statement"] = memoized(PLAIN_READER.statement);
  readonly entry: SignedReader["entry"] = memoized(PLAIN_READER.entry);
  readonly mark: SignedReader["mark"] = memoized(PLAIN_READER.mark);
  readonly #stored = new Map<Signed, Uint8Array>();
  readonly #signed = new Map<Uint8Array, Signed>();
  /** One copy of each, whoever passed it on. */
  readonly #known = new Map<string, Signed>();
  readonly #verified = new Map<Signed, VerifyingKey>();
  /** Of updates of one item, which all nodes pass on: the bytes, and what they say. */
  readonly #encoded = new Map<Signed, readonly Uint8Array[]>();
  readonly #decoded = new Map<Uint8Array, MeshMessage>();

  /** Encodes an update; one of a single item for all who pass it on. @returns messages; treat them as immutable */
  readonly encodeUpdate: UpdateEncoder = (update) => {
    const { records: [record], statements: [statement], entries: [entry] } = update;
    const item = record ?? statement ?? entry;
    if (item === undefined || updateSize(update) !== 1) return encodeUpdates(update);
    const known = this.#encoded.get(item);
    if (known !== undefined) return known;
    const parts = encodeUpdates(update);
    this.#encoded.set(item, parts);
    for (const bytes of parts) {
      const message = this.#read(bytes);
      if (message !== undefined) this.#decoded.set(bytes, message);
    }
    return parts;
  };

  /** Reads a message. @returns it with what is known already, or undefined when it is malformed */
  message(bytes: Uint8Array): MeshMessage | undefined {
    return this.#decoded.get(bytes) ?? this.#read(bytes);
  }

  #read(bytes: Uint8Array): MeshMessage | undefined {
    const message = decodeMeshMessage(bytes);
    if (message?.kind !== "roster-update") return message;
    const { records, statements, entries } = message.update;
    const own = (items: readonly Signed[]) => items.map((signed) => this.#intern(signed));
    const update = { records: own(records), statements: own(statements), entries: own(entries) };
    return { ...message, update };
  }

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
    const id = signed.signature.toHex();
    const known = this.#known.get(id);
    if (known === undefined) this.#known.set(id, signed);
    return known !== undefined && equalBytes(known.payload, signed.payload) ? known : signed;
  }
}

function memoized<T>(read: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  const known = new Map<Uint8Array, NonNullable<T>>();
  return (bytes) => {
    const value = known.get(bytes) ?? read(bytes);
    if (value !== undefined && value !== null) known.set(bytes, value);
    return value;
  };
}
