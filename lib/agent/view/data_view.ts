/**
 * The collections and queues of the mesh: their keepers are asked while somebody looks.
 *
 *     page ── GET /data ──▶ this node ── data/orders/describe ──▶ whoever keeps it
 *
 * @module
 */

import type { CollectionReport, DataReport, KeptReport, KeptState, QueueReport } from "../../api/mod.ts";
import type { Environment } from "../../base/mod.ts";
import { DATA_PATH, DataClient, DataError, QUEUE_PATH } from "../../data/mod.ts";
import type { CallOptions, ServiceReport } from "../../service/mod.ts";

const COLLECTIONS = `${DATA_PATH}/`;
const QUEUES = `${QUEUE_PATH}/`;
/** So many of each kind are shown. */
const MAX_SHOWN = 512;
/** How often keepers are asked at most, and the more there are, the less often. */
const LEAST_PERIOD_MS = 10_000;
const PERIOD_MS_PER_ITEM = 50;
/** How many are asked for at once, and how long each may take. */
const MAX_ASKED = 8;
const ANSWER_TIMEOUT_MS = 4_000;
/** What keepers say is cut to that: a selector, or the name of a property. */
const MAX_TEXT = 256;
const MAX_INDEXES = 16;

/** Where the facts are. */
export interface DataViewParts extends Pick<Environment, "clock" | "timers" | "random"> {
  /** @returns what members offer now */
  services(): readonly ServiceReport[];
  /** Makes a call in the name of this node. */
  request(path: string, params: unknown, options: CallOptions): Promise<unknown>;
}

/** What was said last of one of them, and when. */
interface Known {
  readonly state: KeptState;
  readonly at?: number;
  readonly figures: Readonly<Record<string, unknown>>;
}

/** One of them, as members offer it. */
interface Offered {
  readonly path: string;
  readonly name: string;
  readonly owners: readonly string[];
  /** Whether one of its keepers answers. */
  readonly isThere: boolean;
}

/** Asks keepers for their collections and queues. */
export class DataView {
  readonly #parts: DataViewParts;
  readonly #client: DataClient;
  readonly #known = new Map<string, Known>();
  #isAsking = false;
  #askedAt = -Infinity;
  #isClosed = false;

  constructor(parts: DataViewParts) {
    this.#parts = parts;
    this.#client = new DataClient({
      ...parts,
      request: (path, params, options) =>
        parts.request(path, params, { ...options, timeoutMs: ANSWER_TIMEOUT_MS }),
    });
  }

  /** @returns what keepers have said last; asks them again when that is some seconds ago */
  view(): DataReport {
    const services = this.#parts.services();
    const collections = offeredBelow(services, COLLECTIONS);
    const queues = offeredBelow(services, QUEUES);
    void this.#ask([...collections, ...queues]);
    return {
      collections: collections.map((one): CollectionReport => this.#report(one)),
      queues: queues.map((one): QueueReport => this.#report(one)),
    };
  }

  /** Asks nobody any more. */
  close(): void {
    this.#isClosed = true;
  }

  #report({ path, name, owners, isThere }: Offered): KeptReport {
    const { state = "asked", at, figures = {} } = this.#known.get(path) ?? {};
    return {
      ...{ name, owners, state: isThere || state === "refused" ? state : "away" },
      ...at !== undefined && { at },
      ...figures,
    };
  }

  /** Asks for all of them, a few at a time, unless that was just done. */
  async #ask(offered: readonly Offered[]): Promise<void> {
    const { clock } = this.#parts;
    const periodMs = Math.max(LEAST_PERIOD_MS, offered.length * PERIOD_MS_PER_ITEM);
    if (this.#isAsking || this.#isClosed || clock.now() - this.#askedAt < periodMs) return;
    this.#isAsking = true;
    this.#askedAt = clock.now();
    const paths = new Set(offered.map(({ path }) => path));
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
    const waiting = offered.filter(({ isThere }) => isThere);
    const workers = Array.from({ length: MAX_ASKED }, async () => {
      for (let one = waiting.shift(); one !== undefined && !this.#isClosed; one = waiting.shift()) {
        this.#known.set(one.path, await this.#askFor(one));
      }
    });
    await Promise.all(workers).finally(() => this.#isAsking = false);
  }

  async #askFor({ path, name }: Offered): Promise<Known> {
    try {
      const figures = path.startsWith(QUEUES)
        ? queueFigures(await this.#client.existingQueue(name).describe())
        : collectionFigures(
          await (await this.#client.existing(name)).describe(),
          (await this.#client.shards(name)).length,
        );
      return { state: "kept", at: this.#parts.clock.wall(), figures };
    } catch (error) {
      const isRefused = error instanceof DataError && error.code === "Refused";
      // What it was is still the best that is known of one that is away.
      const { at, figures } = this.#known.get(path) ?? { at: undefined, figures: {} };
      return isRefused
        ? { state: "refused", figures: {} }
        : { state: "away", ...at !== undefined && { at }, figures };
    }
  }
}

function offeredBelow(services: readonly ServiceReport[], prefix: string): readonly Offered[] {
  return services.filter(({ path }) => path.startsWith(prefix))
    .map(({ path, providers }) => ({
      path,
      name: path.slice(prefix.length),
      owners: providers.map(({ name }) => name).sort(),
      isThere: providers.some(({ isHealthy, state }) => isHealthy && state === "running"),
    }))
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .slice(0, MAX_SHOWN);
}

/** Keepers may say anything. */
type Said<Name extends string> = { readonly [Key in Name]?: unknown };

function collectionFigures(state: unknown, shards: number): Omit<CollectionReport, keyof KeptReport> {
  const said = state as Said<"count" | "revision" | "key" | "index" | "read" | "write" | "seal" | "schema">;
  const version = (said.schema as Said<"version"> | undefined)?.version;
  return {
    ...figure("entries", said.count),
    ...figure("revision", said.revision),
    ...text("key", said.key),
    ...Array.isArray(said.index) && { index: said.index.filter(isText).slice(0, MAX_INDEXES) },
    ...text("read", said.read),
    ...text("write", said.write),
    ...text("seal", said.seal),
    ...shards > 0 && { shards },
    ...figure("schemaVersion", version),
  };
}

function queueFigures(state: unknown): Omit<QueueReport, keyof KeptReport> {
  const { waiting, leased, dead, maxLength } = state as Said<"waiting" | "leased" | "dead" | "maxLength">;
  return {
    ...figure("waiting", waiting),
    ...figure("leased", leased),
    ...figure("dead", dead),
    ...figure("maxLength", maxLength),
  };
}

function figure<Name extends string>(name: Name, value: unknown): { readonly [Key in Name]?: number } {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? { [name]: value } as Record<Name, number> : {};
}

function text<Name extends string>(name: Name, value: unknown): { readonly [Key in Name]?: string } {
  return isText(value) ? { [name]: value } as Record<Name, string> : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}
