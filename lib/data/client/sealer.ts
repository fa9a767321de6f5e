/**
 * A sealed collection, as a program asks it: what it writes is sealed here, and what it reads is opened here.
 *
 * ```
 *   put ──▶ sealed with the newest key ──▶ owner          query ──▶ all that is listed, opened, and answered here
 *   patch ──▶ read, changed, put if it is still the same
 * ```
 *
 * @module
 */

import { decodeBase64Url, type RandomSource } from "../../base/mod.ts";
import { selectNonceCipher } from "../../crypto/mod.ts";
import {
  evaluate,
  type JsonValue,
  parseQuery,
  QueryError,
  type QueryParameters,
  type QueryRow,
} from "../../query/mod.ts";
import type { CallOptions } from "../../service/mod.ts";
import { MAX_RESULT_BYTES, MAX_SEALED_ENTRIES } from "../bounds.ts";
import { changedProperties, generationOf, keyText } from "../documents.ts";
import type { CollectionSpec, Document, Entry, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { type KnownKeys, openValue, SEAL_SERVICE, sealValue } from "../sealed/mod.ts";
import type { ChangeItem } from "../service/mod.ts";
import type { ShardCalls } from "./shard_router.ts";

/** For so long keys are taken to be the newest, in milliseconds. */
const KEYS_MS = 5_000;

/** Asks the collection as it is kept. */
export type AskStored = (action: string, params: unknown, options: CallOptions) => Promise<unknown>;

type Fields = Readonly<Record<string, unknown>>;
interface Listed {
  readonly entries: readonly Entry[];
  readonly after: string | null;
}

/** Seals and opens what one collection holds. */
export class Sealer {
  readonly #calls: ShardCalls & { readonly random: RandomSource };
  readonly #spec: Pick<CollectionSpec, "name" | "key"> & { readonly seal: string };
  readonly #ask: AskStored;
  readonly #cipher = selectNonceCipher();
  #keys = new Map<number, Uint8Array>();
  #current = 0;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;
  #isResealing = false;

  constructor(
    calls: ShardCalls & { readonly random: RandomSource },
    spec: Pick<CollectionSpec, "name" | "key"> & { readonly seal: string },
    ask: AskStored,
  ) {
    this.#calls = calls;
    this.#spec = spec;
    this.#ask = ask;
  }

  /** Answers an action as a collection does that is not sealed. @throws DataError */
  async call(action: string, params: unknown, options: CallOptions): Promise<unknown> {
    const fields = (params ?? {}) as Fields;
    switch (action) {
      case "get": {
        const entries = await this.#ask(action, fields, options) as readonly (Entry | null)[];
        return await Promise.all(entries.map((entry) => entry && this.openEntry(entry)));
      }
      case "list": {
        const { entries, after } = await this.#ask(action, fields, options) as Listed;
        return { entries: await Promise.all(entries.map((entry) => this.openEntry(entry))), after };
      }
      case "put":
      case "post":
        return await this.#ask(
          action,
          { ...fields, value: await this.#seal(fields["value"] as Document) },
          options,
        );
      case "patch":
        return await this.#patch(fields, options);
      case "query":
        return await this.#query(fields, options);
      default:
        return await this.#ask(action, params, options);
    }
  }

  /** @returns the entry with its value @throws DataError with code `Sealed` */
  async openEntry(entry: Entry): Promise<Entry> {
    return { ...entry, value: await this.#open(entry.value) };
  }

  /** @returns a change with what was changed; undefined when it was sealed anew, and nothing else */
  async openChange(item: ChangeItem): Promise<ChangeItem | undefined> {
    const { kind, properties, value: stored } = item;
    const value = await this.#open(stored);
    if (kind === "created") return { ...item, value, properties: changedProperties(undefined, value) };
    if (kind === "deleted") return { ...item, value, properties: changedProperties(value, undefined) };
    const before: Record<string, JsonValue> = { ...stored };
    for (const [name, { old }] of Object.entries(properties)) if (old !== undefined) before[name] = old;
    const changed = changedProperties(await this.#open(before), value);
    return Object.keys(changed).length === 0 ? undefined : { ...item, value, properties: changed };
  }

  /** No collection is called so, so that no entry is taken for a result. */
  get #results(): string {
    return `${this.#spec.name}/results`;
  }

  async #open(stored: Document, name = this.#spec.name): Promise<Document> {
    const { key } = this.#spec;
    const generation = generationOf(stored);
    if (generation !== undefined && !this.#keys.has(generation)) await this.#refresh();
    return openValue(name, key, stored, this.#keys, this.#cipher);
  }

  async #seal(value: Document, name = this.#spec.name): Promise<Document> {
    if (this.#calls.now() - this.#askedAt >= KEYS_MS) await this.#refresh();
    const key = this.#keys.get(this.#current);
    if (key === undefined) throw new DataError("Sealed", `${this.#spec.name} has no data key for this node`);
    return sealValue(
      name,
      this.#spec.key,
      value,
      { generation: this.#current, key },
      { cipher: this.#cipher, random: this.#calls.random },
    );
  }

  /** @returns the write as it is stored @throws DataError with code `Sealed` */
  async sealWrite(write: Write): Promise<Write> {
    if (write.kind === "delete" || write.collection !== this.#spec.name) return write;
    if (write.kind === "patch") throw new DataError("Sealed", "What is sealed is changed as a whole");
    return { ...write, value: await this.#seal(write.value) };
  }

  /**
   * What a transaction gives tells of what it has read.
   * @returns the result as it is kept with the id of the transaction; undefined when it is too long to be kept
   * @throws DataError with code `Sealed`
   */
  async sealResult(id: string, result: JsonValue): Promise<JsonValue | undefined> {
    const sealed = await this.#seal({ [this.#spec.key]: id, result }, this.#results);
    return JSON.stringify(sealed).length <= MAX_RESULT_BYTES ? sealed : undefined;
  }

  /** @returns what was kept; undefined when it can't be opened here */
  async openResult(id: string, kept: JsonValue): Promise<JsonValue | undefined> {
    if (typeof kept !== "object" || kept === null || Array.isArray(kept)) return undefined;
    try {
      const stored = { ...kept as Document, [this.#spec.key]: id };
      return (await this.#open(stored, this.#results))["result"];
    } catch (error) {
      if (error instanceof DataError && error.code === "Sealed") return undefined;
      throw error;
    }
  }

  async #patch({ key, value, ifRevision, id }: Fields, options: CallOptions): Promise<unknown> {
    for (;;) {
      const [stored] = await this.#ask("get", { key }, { idempotent: true }) as readonly (Entry | null)[];
      if (!stored) {
        throw new DataError("NotFound", `${this.#spec.name} has no ${JSON.stringify(keyText(key))}`);
      }
      const whole = { ...await this.#open(stored.value), ...value as Document };
      const expected = (ifRevision as number | undefined) ?? stored.revision;
      const params = { value: await this.#seal(whole), ifRevision: expected, ...id !== undefined && { id } };
      try {
        return await this.#ask("put", params, options);
      } catch (error) {
        const isLost = error instanceof DataError && error.code === "Conflict";
        if (!isLost || ifRevision !== undefined) throw error;
      }
    }
  }

  /** Whoever keeps it can't answer: all of it is read, and answered here. */
  async #query(fields: Fields, options: CallOptions): Promise<readonly JsonValue[]> {
    try {
      const query = parseQuery(String(fields["query"]));
      if (query.from !== this.#spec.name) {
        throw new DataError("InvalidQuery", `The query is from ${query.from}`);
      }
      const rows: QueryRow[] = [];
      for await (const { key, value } of this.#all(options)) {
        rows.push({ key, value: await this.#open(value) });
        if (rows.length <= MAX_SEALED_ENTRIES) continue;
        throw new DataError("TooMuchWork", `A query reads ${MAX_SEALED_ENTRIES} sealed values at most`);
      }
      return evaluate(query, rows, (fields["parameters"] ?? {}) as QueryParameters);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      throw new DataError("InvalidQuery", `Cannot answer the query: ${error.message}`, { cause: error });
    }
  }

  async *#all(options: CallOptions): AsyncGenerator<Entry> {
    let after = "";
    for (;;) {
      const part = await this.#ask("list", { after }, options) as Listed;
      yield* part.entries;
      if (part.after === null) return;
      after = part.after;
    }
  }

  #refresh(): Promise<void> {
    return this.#asking ??= this.#findKeys().finally(() => this.#asking = undefined);
  }

  async #findKeys(): Promise<void> {
    const { name, seal } = this.#spec;
    const at = this.#calls.now();
    const params = { collection: name, seal };
    const known = await this.#calls.ask(name, `${SEAL_SERVICE}/keys`, params, {
      idempotent: true,
    }) as KnownKeys;
    this.#keys = new Map(
      known.keys.map(({ generation, key }) => [generation, decodeBase64Url(key) ?? new Uint8Array(0)]),
    );
    this.#current = known.current;
    this.#askedAt = at;
    if (!known.isComplete && !this.#isResealing) {
      this.#isResealing = true;
      // Who fails here leaves it to the next one that asks for the keys.
      void this.#reseal(known.current).catch(() => {}).finally(() => this.#isResealing = false);
    }
  }

  /** Seals anew what an earlier key has sealed, once nobody uses that one any more. */
  async #reseal(generation: number): Promise<void> {
    await this.#calls.pause(2 * KEYS_MS);
    let isWhole = true;
    for await (const { value: stored, revision } of this.#all({ idempotent: true })) {
      const before = generationOf(stored);
      if (before !== undefined && before >= generation) continue;
      try {
        const value = await this.#seal(await this.#open(stored));
        await this.#ask("put", { value, ifRevision: revision }, {});
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        // Somebody has written it meanwhile; or it is not for this node to read.
        if (error.code === "Sealed") isWhole = false;
        else if (error.code !== "Conflict") throw error;
      }
    }
    if (!isWhole) return;
    const { name, seal } = this.#spec;
    await this.#calls.ask(name, `${SEAL_SERVICE}/complete`, { collection: name, seal, generation }, {});
  }
}
