/**
 * The collections of a node in its state directory.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import { DATA_SCHEMA, type DataEngine, EmbeddedEngine } from "../../data/mod.ts";
import { afterSystemTurn, openDatabase } from "../../host/mod.ts";

/** Where the collections of a node are: of each network in a file of its own, so that none shows those of another. */
export class DataStore {
  readonly #stateDir: string;
  readonly #name: string;
  readonly #clock: Clock;

  /** @param networkId in hexadecimal */
  constructor(stateDir: string, networkId: string, clock: Clock) {
    this.#stateDir = stateDir;
    this.#name = `data-${networkId}.db`;
    this.#clock = clock;
  }

  /** Whether there are collections of an earlier run. */
  exists(): boolean {
    try {
      return Deno.statSync(`${this.#stateDir}/${this.#name}`).size > 0;
    } catch {
      return false;
    }
  }

  /** @throws StateError */
  open(): DataEngine {
    const database = openDatabase(this.#stateDir, {
      name: this.#name,
      // "wftd" in ASCII.
      applicationId: 0x77667464,
      schemaVersion: 1,
      schema: DATA_SCHEMA,
      isCheckedWhole: false,
    });
    return new EmbeddedEngine({
      database,
      wall: () => this.#clock.wall(),
      now: () => this.#clock.now(),
      afterTurn: afterSystemTurn,
    });
  }
}
