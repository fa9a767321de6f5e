/**
 * `$seal`, by which programs of a node get the data keys of sealed collections that are sealed to it.
 * @module
 */

import { encodeBase64Url, type RandomSource } from "../../base/mod.ts";
import {
  ActionError,
  type CallOptions,
  isProgram,
  type PeerId,
  type ServiceDefinition,
} from "../../service/mod.ts";
import { isCollectionName, keysCollection } from "../documents.ts";
import type { Document, Entry } from "../engine.ts";
import { DataError } from "../errors.ts";
import { collectionPath, readFields, told } from "../service/mod.ts";
import {
  type Generation,
  isFor,
  makeGeneration,
  openGeneration,
  readGeneration,
  type SealingKeys,
} from "./key_generations.ts";

/** The service of data keys. */
export const SEAL_SERVICE = "$seal";
/** How often a generation is made anew when somebody else was faster. */
const TRIES = 5;

/** The data keys of a sealed collection, as a program is given them. */
export interface KnownKeys {
  /** The generation to seal with. */
  readonly current: number;
  /** Whether everything is sealed with it already. */
  readonly isComplete: boolean;
  /** Those that this node can open, in base64url. */
  readonly keys: readonly { readonly generation: number; readonly key: string }[];
}

/** What data keys stand on. */
export interface SealHostParts {
  readonly keys: SealingKeys;
  readonly random: RandomSource;
  /** Makes a call as this node. */
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
}

/** Opens data keys for the programs of a node. */
export class SealHost {
  readonly #parts: SealHostParts;

  constructor(parts: SealHostParts) {
    this.#parts = parts;
  }

  /** What programs call. */
  definition(): ServiceDefinition {
    const guarded = (work: (params: unknown) => Promise<unknown>) => ({
      idempotent: true,
      handler: (params: unknown, { caller }: { readonly caller: PeerId | undefined }) => {
        if (caller === undefined || isProgram(caller)) return told(() => work(params));
        throw new ActionError("Refused", "Only programs of this machine may ask that");
      },
    });
    return {
      path: SEAL_SERVICE,
      description: "The data keys of collections that are sealed to this node",
      actions: {
        keys: guarded((params) => this.#keys(params)),
        complete: guarded((params) => this.#complete(params)),
      },
    };
  }

  async #keys(params: unknown): Promise<KnownKeys> {
    const { collection, seal } = readRequest(params);
    const { keys, random } = this.#parts;
    for (let tries = 0; tries < TRIES; tries++) {
      const readers = keys.readers(seal);
      if (!readers.includes(keys.self)) {
        throw new DataError("Sealed", `${collection} is sealed to ${seal}, which this node is not`, {
          hint: "`weft label` shows and changes what members are called.",
        });
      }
      const all = await this.#generations(collection);
      const newest = all.at(-1);
      if (newest !== undefined && isFor(newest, readers)) {
        const opened = all.map((one) => openGeneration(keys, collection, one)).filter((one) =>
          one !== undefined
        );
        if (opened.some(({ generation }) => generation === newest.generation)) {
          return {
            current: newest.generation,
            isComplete: newest.isComplete,
            keys: opened.map(({ generation, key }) => ({ generation, key: encodeBase64Url(key) })),
          };
        }
      }
      // Somebody has the label no more, or has it now; or what is there was not made by one of them.
      const value = makeGeneration(keys, collection, (newest?.generation ?? 0) + 1, readers, random);
      await this.#call(collection, "post", { value }).catch((error) => {
        if ((error as { code?: unknown }).code !== "AlreadyExists") throw error;
      });
    }
    throw new DataError("Sealed", `No data key of ${collection} is made by a member that has ${seal}`);
  }

  async #complete(params: unknown): Promise<{ readonly ok: true }> {
    const { collection } = readRequest(params);
    const generation = readFields(params)["generation"];
    await this.#call(collection, "patch", { key: `${generation}`, value: { isComplete: true } });
    return { ok: true };
  }

  /** All that are kept, the oldest first. */
  async #generations(collection: string): Promise<readonly Generation[]> {
    const all: Generation[] = [];
    let after = "";
    for (;;) {
      const part = await this.#call(collection, "list", { after }) as {
        readonly entries: readonly Entry[];
        readonly after: string | null;
      };
      for (const { value } of part.entries) {
        const generation = readGeneration(value as Document);
        if (generation !== undefined) all.push(generation);
      }
      if (part.after === null) break;
      after = part.after;
    }
    return all.sort((a, b) => a.generation - b.generation);
  }

  #call(collection: string, action: string, params: unknown): Promise<unknown> {
    const path = `${collectionPath(keysCollection(collection))}/${action}`;
    return this.#parts.request(path, params, { idempotent: action === "list" });
  }
}

function readRequest(params: unknown): { readonly collection: string; readonly seal: string } {
  const { collection, seal } = readFields(params);
  if (isCollectionName(collection) && typeof seal === "string") return { collection, seal };
  throw new DataError("Failed", "The request can't be read");
}
