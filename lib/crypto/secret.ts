/**
 * What all secrets have in common: they do not show themselves, and are compared in constant time.
 * @module
 */

/** Length of every key in bytes. */
export const KEY_BYTES = 32;

/** Compares two byte strings in time that depends only on their lengths. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** @returns whether every byte is zero, in constant time */
export function isAllZero(bytes: Uint8Array): boolean {
  let union = 0;
  for (let i = 0; i < bytes.length; i++) union |= bytes[i] as number;
  return union === 0;
}

/**
 * Secret bytes under a name. String conversion and JSON show the name only, inspection finds nothing; the bytes come
 * out by `exposeBytes`, a word that is easy to search for.
 */
export abstract class Secret {
  readonly #bytes: Uint8Array;

  /**
   * Takes the bytes over.
   * @param bytes are copied
   * @throws RangeError when there are not exactly `lengthBytes` of them
   */
  protected constructor(bytes: Uint8Array, lengthBytes: number = KEY_BYTES) {
    if (bytes.length !== lengthBytes) {
      throw new RangeError(
        `Cannot make a ${new.target.name} of ${bytes.length} bytes: it has ${lengthBytes}`,
      );
    }
    this.#bytes = bytes.slice();
  }

  /** The secret itself. @returns not a copy; never log it, never keep it longer than needed */
  exposeBytes(): Uint8Array {
    return this.#bytes;
  }

  /** Overwrites the secret; it is all zeros from then on. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  /** Compares in constant time. */
  equals(other: this): boolean {
    return equalConstantTime(this.#bytes, other.exposeBytes());
  }

  /** What may be shown of it. @returns the kind of secret, never the secret */
  toString(): string {
    return `${this.constructor.name}(hidden)`;
  }

  /** What JSON may have of it. @returns the same as `toString()` */
  toJSON(): string {
    return this.toString();
  }
}
