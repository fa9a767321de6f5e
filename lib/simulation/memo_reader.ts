/**
 * Reading for a thousand nodes at once: what is the same bytes is read once.
 * @module
 */

import type { VerifyingKey } from "../crypto/mod.ts";
import {
  decodeMeshMessage,
  type MemberRecord,
  type MeshMessage,
  type NodeStatement,
  PLAIN_READER,
  type Signed,
  type SignedReader,
  type StateEntry,
} from "../mesh/mod.ts";

/** Remembers what was read, by the identity of the bytes, and what was verified, by the signature. */
export class MemoReader implements SignedReader {
  readonly #signed = new WeakMap<Uint8Array, Signed>();
  readonly #records = new WeakMap<Uint8Array, MemberRecord>();
  readonly #statements = new WeakMap<Uint8Array, NodeStatement>();
  readonly #entries = new WeakMap<Uint8Array, StateEntry>();
  readonly #marks = new WeakMap<Uint8Array, Uint8Array>();
  readonly #messages = new WeakMap<Uint8Array, MeshMessage>();
  /** One copy of each, whoever passed it on. */
  readonly #known = new Map<string, Signed>();
  readonly #verified = new WeakMap<Signed, VerifyingKey>();

  signed(bytes: Uint8Array): Signed | undefined {
    return memo(this.#signed, bytes, PLAIN_READER.signed);
  }

  record(payload: Uint8Array): MemberRecord | undefined {
    return memo(this.#records, payload, PLAIN_READER.record);
  }

  statement(payload: Uint8Array): NodeStatement | undefined {
    return memo(this.#statements, payload, PLAIN_READER.statement);
  }

  entry(payload: Uint8Array): StateEntry | undefined {
    return memo(this.#entries, payload, PLAIN_READER.entry);
  }

  mark(payload: Uint8Array): Uint8Array {
    return memo(this.#marks, payload, PLAIN_READER.mark) ?? PLAIN_READER.mark(payload);
  }

  /** @returns the message in `bytes`, or undefined when it is malformed */
  message(bytes: Uint8Array): MeshMessage | undefined {
    return memo(this.#messages, bytes, () => {
      const message = decodeMeshMessage(bytes);
      if (message?.kind !== "roster-update") return message;
      const { records, statements, entries } = message.update;
      const own = (items: readonly Signed[]) => items.map((signed) => this.#intern(signed));
      const update = { records: own(records), statements: own(statements), entries: own(entries) };
      return { ...message, update };
    });
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
    const id = signed.signature.toHex() + PLAIN_READER.mark(signed.payload).toHex();
    const known = this.#known.get(id);
    if (known === undefined) this.#known.set(id, signed);
    return known ?? signed;
  }
}

function memo<T>(
  known: WeakMap<Uint8Array, T>,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => T | undefined,
): T | undefined {
  let value = known.get(bytes);
  if (value === undefined && (value = read(bytes)) !== undefined) known.set(bytes, value);
  return value;
}
