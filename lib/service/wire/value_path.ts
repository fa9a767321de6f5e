/**
 * Where in a value something is that can't be sent.
 * @module
 */

import { printableJson } from "../../base/mod.ts";

/** The longest path that is said, in characters. */
const MAX_PATH_TEXT = 200;
/** The longest name of a property in it. */
const MAX_NAME_TEXT = 64;
const IDENTIFIER = /^[A-Za-z_$][\w$]{0,63}$/;

/** Why a value can't be sent: a part of a sentence, such as `items[2].run is a function`. */
export class UnsendableError extends Error {
  /** Whether there is only too much of it. */
  readonly isTooLarge: boolean;

  /** @param isTooLarge whether there is only too much of it */
  constructor(message: string, isTooLarge = false) {
    super(message);
    this.isTooLarge = isTooLarge;
  }
}

/** Is told where one goes in a value, and makes no text until something is wrong. */
export class ValuePath {
  readonly #steps: (string | number | { readonly text: string } | { readonly key: unknown })[] = [];

  /** A property of an object. */
  enterProperty(name: string): void {
    this.#steps.push(name);
  }

  /** An element of an array. */
  enterIndex(index: number): void {
    this.#steps.push(index);
  }

  /** An element of a Set. */
  enterElement(): void {
    this.#steps.push({ text: "<element>" });
  }

  /** A key of a Map. */
  enterKey(): void {
    this.#steps.push({ text: "<key>" });
  }

  /** What a Map has at a key. */
  enterValue(key: unknown): void {
    this.#steps.push({ key });
  }

  leave(): void {
    this.#steps.pop();
  }

  /** @param what such as `a function` @returns the error, to throw */
  refuse(what: string): UnsendableError {
    return new UnsendableError(`${this.#text()} is ${what}`);
  }

  /** @returns the error, to throw */
  tooDeep(): UnsendableError {
    return new UnsendableError(`it is too deep, at ${this.#text()}`, true);
  }

  /** @returns the error, to throw */
  tooMany(elements: number): UnsendableError {
    return new UnsendableError(`it has more than ${elements} elements`, true);
  }

  #text(): string {
    let text = "";
    for (const step of this.#steps) {
      if (typeof step === "number") text += `[${step}]`;
      else if (typeof step === "string") text += property(step, text === "");
      else if ("text" in step) text += step.text;
      else if (typeof step.key === "string") text += `.get(${quoted(step.key)})`;
      else text += typeof step.key === "number" ? `.get(${step.key})` : "<value>";
      if (text.length > MAX_PATH_TEXT) return `${text.slice(0, MAX_PATH_TEXT)}…`;
    }
    return text === "" ? "it" : text;
  }
}

function property(name: string, isFirst: boolean): string {
  if (!IDENTIFIER.test(name)) return `[${quoted(name)}]`;
  return isFirst ? name : `.${name}`;
}

function quoted(name: string): string {
  return printableJson(name.length > MAX_NAME_TEXT ? `${name.slice(0, MAX_NAME_TEXT)}…` : name);
}
