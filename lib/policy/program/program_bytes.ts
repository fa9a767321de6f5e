/**
 * The parts that a program's bytes are made of: numbers of one to five bytes, least significant seven bits first, and text
 * and bytes behind their lengths.
 * @module
 */

/** What a reader of a program says of bytes that are none. */
export class ProgramFormatError extends Error {}

/** Writes into a buffer that grows. */
export class ProgramWriter {
  #bytes = new Uint8Array(4_096);
  #length = 0;

  /** Writes an integer of 0 to 2³² - 1. */
  number(value: number): void {
    this.#grow(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Writes a number as it is, eight bytes. */
  double(value: number): void {
    this.#grow(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Writes bytes behind their length. */
  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes text behind its length in bytes. */
  text(value: string): void {
    this.bytes(new TextEncoder().encode(value));
  }

  /** Writes how many numbers there are, and each. */
  numbers(values: ArrayLike<number>): void {
    this.number(values.length);
    for (let i = 0; i < values.length; i++) this.number(values[i] ?? 0);
  }

  /** Writes numbers that rise, each as what it is above the one before. */
  rising(values: ArrayLike<number>): void {
    this.number(values.length);
    for (let i = 0; i < values.length; i++) {
      this.number((values[i] ?? 0) - (i === 0 ? 0 : values[i - 1] ?? 0));
    }
  }

  /** @returns all that was written */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Reads what a `ProgramWriter` wrote; every length is compared with what is left before anything is made of it. */
export class ProgramReader {
  readonly #bytes: Uint8Array;
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  #at = 0;

  /** @param bytes all of a program */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all has been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /**
   * Reads an integer.
   * @param max the largest that it may be
   * @throws ProgramFormatError
   */
  number(max: number): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte > 0x7f) continue;
      // One number has one spelling.
      if (byte === 0 && factor > 1) break;
      if (value > max) throw new ProgramFormatError(`${value} is more than ${max}`);
      return value;
    }
    throw new ProgramFormatError("a number is not spelled as it should be");
  }

  /** Reads a number of eight bytes. @throws ProgramFormatError unless it is finite and not negative */
  double(): number {
    const bytes = this.#take(8);
    const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
    if (!Number.isFinite(value) || value < 0) throw new ProgramFormatError("an amount is no amount");
    return value;
  }

  /** Reads bytes. @throws ProgramFormatError */
  bytes(): Uint8Array {
    return this.#take(this.number(this.#left));
  }

  /** Reads text. @throws ProgramFormatError */
  text(): string {
    try {
      return this.#text.decode(this.bytes());
    } catch (error) {
      if (error instanceof TypeError) throw new ProgramFormatError("text is no UTF-8");
      throw error;
    }
  }

  /** Reads how many of something follow, each at least `leastBytes` long. @throws ProgramFormatError */
  count(leastBytes = 1): number {
    return this.number(Math.floor(this.#left / leastBytes));
  }

  /** Reads numbers. @throws ProgramFormatError */
  numbers(max: number): Uint32Array {
    const values = new Uint32Array(this.count());
    for (let i = 0; i < values.length; i++) values[i] = this.number(max);
    return values;
  }

  /** Reads numbers that rise. @throws ProgramFormatError */
  rising(max: number): Uint32Array {
    const values = new Uint32Array(this.count());
    let former = 0;
    for (let i = 0; i < values.length; i++) {
      const step = this.number(max);
      if (i > 0 && step === 0 || former + step > max) throw new ProgramFormatError("numbers do not rise");
      values[i] = former += step;
    }
    return values;
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ProgramFormatError("the bytes end too early");
    return byte;
  }

  #take(count: number): Uint8Array {
    if (count > this.#left) throw new ProgramFormatError("the bytes end too early");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
