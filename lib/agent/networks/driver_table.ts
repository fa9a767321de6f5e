/**
 * The drivers of a running node, each made once.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import type { DriverRegistry } from "../../../drivers/mod.ts";
import { type NetworkDefinition, type OverlayDriver, UnknownDriverError } from "../../overlay/mod.ts";
import { networkMtuBytes } from "./underlay_place.ts";

/** Drivers by name. */
export class DriverTable {
  readonly #registry: DriverRegistry;
  readonly #drivers = new Map<string, OverlayDriver | undefined>();

  constructor(registry: DriverRegistry) {
    this.#registry = registry;
  }

  /** @returns the driver; undefined when there is none of this name */
  get(type: string): OverlayDriver | undefined {
    if (!this.#drivers.has(type)) this.#drivers.set(type, this.#registry.get(type)?.());
    return this.#drivers.get(type);
  }

  /** @throws UnknownDriverError */
  require(type: string): OverlayDriver {
    const driver = this.get(type);
    if (driver !== undefined) return driver;
    throw new UnknownDriverError(`Cannot find the driver ${JSON.stringify(type)}: there is none`, {
      hint: `There are ${this.#registry.names.join(", ")}.`,
    });
  }

  /** @returns the longest IP packet inside of a network; undefined where this release cannot carry it */
  mtuOf(definition: NetworkDefinition, meshMtuBytes: number, meshFamily: 4 | 6): number | undefined {
    const driver = this.get(definition.type);
    try {
      return driver && networkMtuBytes(driver, definition, meshMtuBytes, meshFamily);
    } catch (error) {
      // A leader of another release has signed options that this one does not know.
      if (error instanceof WeftError) return undefined;
      throw error;
    }
  }
}
