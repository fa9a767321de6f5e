/**
 * What a network's definition says to its driver: the identifier and the options, checked, with messages for people.
 * @module
 */

import {
  type DriverCapabilities,
  type DriverOptions,
  IdentifierRangeError,
  InvalidDriverOptionError,
} from "../lib/overlay/mod.ts";

/** Reads the options of one network; each message names the option, the value and what is allowed. */
export class NetworkOptions {
  readonly #driver: string;
  readonly #options: DriverOptions;

  /**
   * Checks the identifier, and that all options are known.
   * @param driver the driver's name
   * @throws IdentifierRangeError when the driver has no such identifier
   * @throws InvalidDriverOptionError when it does not know an option
   */
  constructor(
    driver: string,
    capabilities: DriverCapabilities,
    network: { readonly identifier: number; readonly options: DriverOptions | undefined },
  ) {
    this.#driver = driver;
    this.#options = network.options ?? {};
    const { name, min, max } = capabilities.identifier;
    const { identifier } = network;
    if (!Number.isInteger(identifier) || identifier < min || identifier > max) {
      throw new IdentifierRangeError(
        `Cannot use the ${name} ${identifier}: those of ${driver} are ${min} to ${max}`,
      );
    }
    const known = Object.keys(capabilities.options);
    for (const option of Object.keys(this.#options)) {
      if (known.includes(option)) continue;
      const allowed = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
      throw new InvalidDriverOptionError(`Cannot set ${option}: ${driver} has no such option, ${allowed}`);
    }
  }

  /** Reads an option as it is. @returns its text, or undefined when it is not set */
  text(option: string): string | undefined {
    return Object.hasOwn(this.#options, option) ? this.#options[option] : undefined;
  }

  /** Reads a choice. @returns one of `allowed`, the first when the option is not set */
  oneOf<T extends string>(option: string, allowed: readonly [T, ...T[]]): T {
    const text = this.text(option);
    if (text === undefined) return allowed[0];
    return allowed.find((value) => value === text) ?? this.refuse(option, allowed.join(" or "));
  }

  /** Reads a whole decimal number. @returns one from `min` to `max`, or undefined when the option is not set */
  integer(option: string, min: number, max: number): number | undefined {
    const text = this.text(option);
    return text === undefined ? undefined : this.integerOf(option, text, { min, max });
  }

  /** Reads a number in a list. @returns what `text`, a part of the option's value, stands for */
  integerOf(option: string, text: string, range: { readonly min: number; readonly max: number }): number {
    const { min, max } = range;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    return value < min || value > max ? this.refuse(option, `a number from ${min} to ${max}`) : value;
  }

  /** Says that the option has a value that is not `allowed`. @throws InvalidDriverOptionError always */
  refuse(option: string, allowed: string): never {
    const value = JSON.stringify((this.text(option) ?? "").slice(0, 64));
    throw new InvalidDriverOptionError(
      `Cannot set ${option} of ${this.#driver} to ${value}: it must be ${allowed}`,
    );
  }
}
