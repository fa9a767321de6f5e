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
  /** While the node has it open. */
  #open: ReturnType<typeof openDatabase> | undefined;

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

  /**
   * Copies the collections as they are now.
   * @returns the file's name, and what is in it; nothing when there are none
   * @throws StateError
   */
  async copy(): Promise<readonly (readonly [name: string, content: Uint8Array])[]> {
    if (!this.exists()) return [];
    const path = `${this.#stateDir}/${this.#name}.copy`;
    await Deno.remove(path).catch(() => {});
    try {
      // What is written together is committed at the end of a turn, and a copy is made between two.
      const open = this.#open;
      if (open !== undefined) {
        await new Promise<void>((resolve) => afterSystemTurn(resolve));
        open.prepare("VACUUM INTO ?").run(path);
      } else {
        const database = this.#openDatabase();
        try {
          database.prepare("VACUUM INTO ?").run(path);
        } finally {
          database.close();
        }
      }
      return [[this.#name, await Deno.readFile(path)]];
    } finally {
      await Deno.remove(path).catch(() => {});
    }
  }

  /** @throws StateError */
  open(): DataEngine {
    const database = this.#open = this.#openDatabase();
    return new EmbeddedEngine({
      database,
      wall: () => this.#clock.wall(),
      now: () => this.#clock.now(),
      afterTurn: afterSystemTurn,
    });
  }

  #openDatabase(): ReturnType<typeof openDatabase> {
    return openDatabase(this.#stateDir, {
      name: this.#name,
      // "wftd" in ASCII.
      applicationId: 0x77667464,
      schemaVersion: 1,
      schema: DATA_SCHEMA,
      isCheckedWhole: false,
    });
  }
}
