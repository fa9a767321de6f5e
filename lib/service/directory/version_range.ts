/**
 * Ranges of versions (Semantic Versioning 2.0.0), as npm writes them: `^1.2`, `1.x || >=2.1`, `~1.4.2`.
 * @module
 */

// @ts-types="@types/semver"
import semver from "semver";
import { InvalidServiceError } from "../errors.ts";

/** The longest range, in characters. */
export const MAX_RANGE_LENGTH = 128;
const MAX_CACHED = 256;
/** Versions of one or two numbers are those with 0 in place of the rest. */
const SHORT_VERSION = /^\d+(\.\d+)?$/;

/** A range of versions; a version that is no semantic one is in the range that is the same text. */
export class VersionRange {
  static readonly #known = new Map<string, VersionRange>();
  readonly #text: string;
  readonly #range: semver.Range | undefined;

  private constructor(text: string, range: semver.Range | undefined) {
    this.#text = text;
    this.#range = range;
  }

  /** Reads a range that a program wrote. @throws InvalidServiceError */
  static parse(text: string): VersionRange {
    const range = VersionRange.tryParse(text);
    if (range !== undefined) return range;
    throw new InvalidServiceError(
      `Cannot read ${JSON.stringify(text.slice(0, MAX_RANGE_LENGTH))} as a range of versions`,
      {
        hint: "Write ^1.2, ~1.4.2, 1.x, or >=2.1 <3.",
      },
    );
  }

  /** @returns undefined when it is no range, and no version either */
  static tryParse(text: string): VersionRange | undefined {
    const known = VersionRange.#known.get(text);
    if (known !== undefined) return known;
    if (text.length > MAX_RANGE_LENGTH || text.trim() === "") return undefined;
    const range = toRange(text);
    if (range === undefined && !/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$/.test(text)) return undefined;
    if (VersionRange.#known.size >= MAX_CACHED) VersionRange.#known.clear();
    const read = new VersionRange(text, range);
    VersionRange.#known.set(text, read);
    return read;
  }

  /** Whether a version is in it. */
  has(version: string): boolean {
    if (version === this.#text) return true;
    const whole = SHORT_VERSION.test(version) ? semver.coerce(version) : semver.parse(version);
    return whole !== null && (this.#range?.test(whole) ?? false);
  }

  /** The range as it was written. */
  toString(): string {
    return this.#text;
  }
}

function toRange(text: string): semver.Range | undefined {
  try {
    return new semver.Range(text);
  } catch {
    return undefined;
  }
}
