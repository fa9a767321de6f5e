/**
 * The table of drivers by name.
 * @module
 */

import { type DriverFactory, DuplicateDriverError } from "../lib/overlay/mod.ts";

/** Driver factories by name. */
export class DriverRegistry {
  readonly #factories = new Map<string, DriverFactory>();

  /** Adds a driver. @throws DuplicateDriverError when there is one of this name */
  register(name: string, factory: DriverFactory): void {
    if (this.#factories.has(name)) {
      throw new DuplicateDriverError(`Cannot register the driver ${name}: there is one of this name`);
    }
    this.#factories.set(name, factory);
  }

  /** Finds a driver. @returns the factory, or undefined when no driver bears this name */
  get(name: string): DriverFactory | undefined {
    return this.#factories.get(name);
  }

  /** The names of all drivers, in the order in which they were registered. */
  get names(): readonly string[] {
    return [...this.#factories.keys()];
  }
}
