/**
 * Reads plain values, as YAML, JSON or a program gives them, and says where one is not what it should be.
 * @module
 */

import { InvalidPolicyError, type PolicyPath } from "./errors.ts";

const SHOWN_CHARACTERS = 80;

/** A value and where it stands. */
export class PlainValue {
  readonly value: unknown;
  readonly path: PolicyPath;

  constructor(value: unknown, path: PolicyPath = []) {
    this.value = value;
    this.path = path;
  }

  /** Whether something is there. */
  get isGiven(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The value in a few characters. */
  get shown(): string {
    const { value } = this;
    if (typeof value !== "string") return typeof value === "object" ? kindOf(value) : String(value);
    return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value);
  }

  /** @throws InvalidPolicyError, always */
  fail(problem: string, hint?: string): never {
    throw new InvalidPolicyError(problem, this.path, hint);
  }

  /** @returns what is below a key */
  at(key: string | number): PlainValue {
    const holder = this.value as Readonly<Record<string | number, unknown>>;
    return new PlainValue(Object.hasOwn(holder, key) ? holder[key] : undefined, [...this.path, key]);
  }

  /**
   * Checks that it is an object without other keys.
   * @throws InvalidPolicyError
   */
  object(keys: readonly string[]): this {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) {
      this.fail(`is ${kindOf(this.value)}, not an object`, `It may have ${keys.join(", ")}.`);
    }
    for (const key of Object.keys(this.value)) {
      if (!keys.includes(key)) {
        this.at(key).fail("is not known", `What there may be is ${keys.join(", ")}.`);
      }
    }
    return this;
  }

  /** @returns the members of a list; none when it is not given. @throws InvalidPolicyError */
  list(most: number): readonly PlainValue[] {
    if (!this.isGiven) return [];
    if (!Array.isArray(this.value)) return this.fail(`is ${kindOf(this.value)}, not a list`);
    if (this.value.length > most) this.fail(`has ${this.value.length} members; ${most} are the most`);
    return this.value.map((_, i) => this.at(i));
  }

  /** @returns the text. @throws InvalidPolicyError */
  text(most = 1_024): string {
    if (typeof this.value !== "string") return this.fail(`is ${kindOf(this.value)}, not text`);
    if (this.value.length > most) this.fail(`has ${this.value.length} characters; ${most} are the most`);
    return this.value;
  }

  /** @returns one of the words. @throws InvalidPolicyError */
  word<Word extends string>(words: readonly Word[], usual: Word): Word {
    if (!this.isGiven) return usual;
    const found = words.find((word) => word === this.value);
    return found ?? this.fail(`is ${this.shown}`, `It is ${words.join(" or ")}.`);
  }

  /** @returns an integer. @throws InvalidPolicyError */
  integer(least: number, most: number, usual: number): number {
    if (!this.isGiven) return usual;
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.fail(`is ${this.shown}`, `It is a whole number of ${least} to ${most}.`);
  }
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
