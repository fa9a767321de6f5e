/**
 * Domain names: labels of bytes, compared without regard to the case of ASCII letters.
 * @module
 */

/** The longest label in bytes (RFC 1035 §2.3.4). */
export const MAX_LABEL_BYTES = 63;
/** The longest name on the wire in bytes, its final zero included (RFC 1035 §2.3.4). */
export const MAX_NAME_BYTES = 255;

/**
 * A name that is absolute, as on the wire without compression: each label behind its length, a zero at the end.
 * Immutable. Two names are equal when their keys are.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DomainName } from "./domain_name.ts";
 * const name = DomainName.parse("Web-1.weft.internal");
 * const zone = DomainName.parse("WEFT.internal.");
 * assert.ok(name !== undefined && zone !== undefined);
 * assert.equal(name.toString(), "Web-1.weft.internal.");
 * assert.ok(name.isWithin(zone));
 * ```
 */
export class DomainName {
  /** The root of all names. */
  static readonly root: DomainName = new DomainName(new Uint8Array(1));

  /** At most 255 bytes, the final zero included; never write to them. */
  readonly wire: Uint8Array;
  #key: string | undefined;
  #starts: readonly number[] | undefined;

  private constructor(wire: Uint8Array) {
    this.wire = wire;
  }

  /**
   * Takes a name as messages have it.
   * @param wire labels behind their lengths, which the caller has checked; it must not be written to afterwards
   */
  static fromWire(wire: Uint8Array): DomainName {
    return new DomainName(wire);
  }

  /**
   * Reads a name as master files write it: labels between dots, `\.` and `\DDD` for bytes that are not themselves
   * (RFC 1035 §5.1). The final dot may be left out.
   * @returns the name, or undefined when a label is empty or longer than 63 bytes, or the name longer than 255
   */
  static parse(text: string): DomainName | undefined {
    if (text === ".") return DomainName.root;
    // Four characters a byte is the longest spelling.
    if (text.length > 4 * MAX_NAME_BYTES) return undefined;
    const wire: number[] = [];
    let label: number[] = [];
    const endLabel = (): boolean => {
      if (label.length === 0 || label.length > MAX_LABEL_BYTES) return false;
      wire.push(label.length, ...label);
      label = [];
      return true;
    };
    for (const [part, digits, escaped = part] of text.matchAll(/\\(\d{3})|\\(\D)|./gs)) {
      if (part === ".") {
        if (!endLabel()) return undefined;
        continue;
      }
      const byte = digits === undefined ? escaped.charCodeAt(0) : Number(digits);
      // Letters of other scripts are written in their ASCII form, xn-- (RFC 5890 §2.3.2.1).
      const isGood = digits === undefined ? byte > 0x20 && byte < 0x7f && part !== "\\" : byte <= 255;
      if (!isGood) return undefined;
      label.push(byte);
    }
    if (label.length > 0 ? !endLabel() : wire.length === 0) return undefined;
    wire.push(0);
    return wire.length <= MAX_NAME_BYTES ? new DomainName(Uint8Array.from(wire)) : undefined;
  }

  /** The bytes in lower case as text, one character a byte: the same for names that are equal (RFC 4343 §3). */
  get key(): string {
    return this.#key ??= lowerCaseKey(this.wire);
  }

  /** How many labels it has; the root has none. */
  get labelCount(): number {
    return this.#labelStarts().length;
  }

  /**
   * The key of a name above this one.
   * @returns the key of the name that `depth` labels at the front are cut from; 0 is this name's own
   */
  keyAbove(depth: number): string {
    return this.key.slice(this.#startOf(depth));
  }

  /** A name above this one. @returns this name without its first `depth` labels */
  ancestor(depth: number): DomainName {
    return depth === 0 ? this : new DomainName(this.wire.subarray(this.#startOf(depth)));
  }

  /**
   * A name right below this one.
   * @returns the name below this one, or undefined when the label or the whole is too long
   */
  child(label: string): DomainName | undefined {
    const first = DomainName.parse(label);
    return first?.labelCount === 1 ? first.join(this) : undefined;
  }

  /**
   * This name below another.
   * @returns this name's labels before those of `suffix`, or undefined when that is too long
   */
  join(suffix: DomainName): DomainName | undefined {
    const length = this.wire.length - 1 + suffix.wire.length;
    if (length > MAX_NAME_BYTES) return undefined;
    const wire = new Uint8Array(length);
    wire.set(this.wire);
    wire.set(suffix.wire, this.wire.length - 1);
    return new DomainName(wire);
  }

  /**
   * The label on the left.
   * @returns the first label in lower case, as text of one character a byte; empty for the root
   */
  get firstLabel(): string {
    return this.key.slice(1, 1 + (this.wire[0] ?? 0));
  }

  /** Whether it is `suffix` or stands below it. */
  isWithin(suffix: DomainName): boolean {
    const depth = this.labelCount - suffix.labelCount;
    return depth >= 0 && this.keyAbove(depth) === suffix.key;
  }

  /** Whether both are the same name, whatever their case. */
  equals(other: DomainName): boolean {
    return this.key === other.key;
  }

  /** The name as text. @returns the name as master files write it, with its final dot */
  toString(): string {
    if (this.wire.length === 1) return ".";
    let text = "";
    for (const start of this.#labelStarts()) {
      const length = this.wire[start] ?? 0;
      for (const byte of this.wire.subarray(start + 1, start + 1 + length)) text += characterOf(byte);
      text += ".";
    }
    return text;
  }

  #startOf(depth: number): number {
    return this.#labelStarts()[depth] ?? this.wire.length - 1;
  }

  #labelStarts(): readonly number[] {
    if (this.#starts !== undefined) return this.#starts;
    const starts: number[] = [];
    for (let at = 0; (this.wire[at] ?? 0) > 0; at += (this.wire[at] ?? 0) + 1) starts.push(at);
    return this.#starts = starts;
  }
}

/** Lengths are below 64 and so never taken for letters. */
function lowerCaseKey(wire: Uint8Array): string {
  let key = "";
  for (const byte of wire) key += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  return key;
}

function characterOf(byte: number): string {
  if (byte <= 0x20 || byte >= 0x7f) return `\\${byte.toString().padStart(3, "0")}`;
  const character = String.fromCharCode(byte);
  return /[.\\"();@$]/.test(character) ? `\\${character}` : character;
}
