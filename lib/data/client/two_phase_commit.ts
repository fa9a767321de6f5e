/**
 * Commits what is at several shards or owners, all of it or nothing.
 *
 * ```
 *   open the record ──▶ prepare each part: checked, its keys locked ──▶ decide, at the record ──▶ end each part ──▶ settle
 *                             └ one refuses ──▶ all are rolled back, and the body runs again
 * ```
 *
 * The record is at one place, which the id chooses: there it is decided, once, whoever sends it. Nobody waits for a lock, so
 * that no two wait for each other. Should the program end in between, the parts ask the owner of the record.
 *
 * @module
 */

import type { CallOptions } from "../../service/mod.ts";
import type { JsonValue } from "../../query/mod.ts";
import type { CommitAnswer, CommitPlace, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { collectionPath } from "../service/mod.ts";
import type { DataCalls } from "./data_calls.ts";

/** How long parts are told how it has ended: who does not answer asks by itself. */
const FINISH_MS = 2_000;

/** What is to be committed. */
export interface SpreadCommit {
  readonly id: string;
  readonly reads: readonly ReadMark[];
  readonly writes: readonly Write[];
  /** By which versions of schemas it writes. */
  readonly versions: Readonly<Record<string, number>>;
  readonly result?: JsonValue;
}

/** What of it is at one place. */
export interface CommitPart {
  readonly place: CommitPlace;
  readonly reads: readonly ReadMark[];
  readonly writes: readonly Write[];
}

/** @returns the parts, by collection and shard */
export function partsOf(
  calls: DataCalls,
  { reads, writes }: Pick<SpreadCommit, "reads" | "writes">,
): CommitPart[] {
  const parts = new Map<string, { place: CommitPlace; reads: ReadMark[]; writes: Write[] }>();
  const partOf = (collection: string, shard: number | undefined) => {
    const name = `${collection} ${String(shard ?? 0).padStart(2, "0")}`;
    const there = parts.get(name);
    if (there !== undefined) return there;
    const part = { place: { collection, ...shard !== undefined && { shard } }, reads: [], writes: [] };
    parts.set(name, part);
    return part;
  };
  for (const read of reads) {
    partOf(read.collection, calls.router(read.collection)?.shardOf(read.key ?? "")).reads.push(read);
  }
  for (const write of writes) {
    partOf(write.collection, calls.router(write.collection)?.shardOfWrite(write)).writes.push(write);
  }
  return [...parts].sort(([a], [b]) => a < b ? -1 : 1).map(([, part]) => part);
}

/** @returns where a transaction of that id over these parts has its record */
export function recordOf(calls: DataCalls, id: string, parts: readonly CommitPart[]): CommitPlace {
  const collection = parts[0]?.place.collection ?? "";
  const router = calls.router(collection);
  return router === undefined ? { collection } : { collection, shard: router.shardOf(id) };
}

/**
 * Commits it, or rolls all of it back.
 * @param until by `DataCalls.now`
 * @param isOrdered whether the parts are prepared one after the other, so that of several that meet one gets through
 * @throws DataError with code `Conflict` or `Locked` when somebody was faster, and nothing was written
 */
export async function commitParts(
  calls: DataCalls,
  commit: SpreadCommit,
  parts: readonly CommitPart[],
  { until, isOrdered, signal }: {
    readonly until: number;
    readonly isOrdered: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<CommitAnswer> {
  const { id, versions, result } = commit;
  const of = { id, attempt: calls.drawId() };
  const record = recordOf(calls, id, parts);
  const ask = (place: CommitPlace, action: string, params: object) =>
    askPlace(calls, place, action, { ...of, ...params }, calls.optionsUntil(until, signal));
  const end = (outcome: "committed" | "rolled-back") =>
    Promise.allSettled(parts.map(({ place }) => {
      const options = { idempotent: true, timeoutMs: FINISH_MS };
      return askPlace(calls, place, "finish", { ...of, outcome }, options);
    }));
  const rollBack = () =>
    Promise.all([
      end("rolled-back"),
      askPlace(calls, record, "outcome", of, { idempotent: true, timeoutMs: FINISH_MS }).catch(() => {}),
    ]);

  const places = parts.map(({ place }) => place);
  const opened = await ask(record, "openRecord", { places }) as Prepared;
  if (opened.kind === "committed") return repeated(opened);
  let happened: Prepared | undefined;
  const prepare = async ({ place, reads, writes }: CommitPart) => {
    const kept = result === undefined ? {} : { result };
    const answer = await ask(place, "prepare", { record, reads, writes, versions, ...kept }) as Prepared;
    if (answer.kind === "committed") happened = answer;
  };
  let isSent = false;
  try {
    if (isOrdered) { for (const part of parts) await prepare(part); }
    else await allOf(parts.map(prepare));
    if (happened === undefined) {
      isSent = true;
      const { outcome } = await ask(record, "decide", result === undefined ? {} : { result }) as Decided;
      if (outcome === "rolled-back") {
        isSent = false;
        throw new DataError("Conflict", "The transaction took too long to prepare");
      }
    }
  } catch (error) {
    // What was sent to be decided may be: its record says so, and nobody else.
    if (isSent) throw unknownOutcome(error);
    await rollBack();
    throw error;
  }
  if (happened !== undefined) {
    await rollBack();
    return repeated(happened);
  }
  const ended = await end("committed");
  if (ended.every(({ status }) => status === "fulfilled")) {
    void askPlace(calls, record, "settle", of, { idempotent: true, timeoutMs: FINISH_MS }).catch(() => {});
  }
  return { revisions: [], isRepeated: false };
}

interface Prepared {
  readonly kind: "ready" | "committed";
  readonly result?: JsonValue;
}

interface Decided {
  readonly outcome: "committed" | "rolled-back";
}

function askPlace(
  calls: DataCalls,
  { collection, shard }: CommitPlace,
  action: string,
  params: Readonly<Record<string, unknown>>,
  options: CallOptions & { readonly timeoutMs: number },
): Promise<unknown> {
  const router = calls.router(collection);
  if (router !== undefined && shard !== undefined) return router.ask(shard, action, params, options, false);
  const until = calls.now() + options.timeoutMs;
  return calls.askUntil(collection, `${collectionPath(collection)}/${action}`, params, until, options.signal);
}

/** Waits for all of them, and then throws what the first one has, by the order of the parts. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === "rejected") throw one.reason;
}

function repeated({ result }: Prepared): CommitAnswer {
  return { revisions: [], isRepeated: true, ...result !== undefined && { result } };
}

function unknownOutcome(error: unknown): unknown {
  if (!(error instanceof DataError) || error.code === "Refused") return error;
  return new DataError("OutcomeUnknown", `The transaction may have happened: ${error.message}`, {
    cause: error,
    hint: "Send it again under the same id: it happens once.",
  });
}
