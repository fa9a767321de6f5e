/**
 * Reads what callers ask of queues, who may send anything.
 * @module
 */

import { MAX_BATCH, MAX_ID_LENGTH, MAX_LEASES_PER_HOLDER } from "../../bounds.ts";
import { isIdText } from "../../documents.ts";
import { DataError } from "../../errors.ts";
import type { NewMessage, Settlement, TakeRequest } from "../../queue_engine.ts";
import { readFields } from "../requests.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How long a request for messages waits at most, in milliseconds. */
const MAX_WAIT_MS = 60_000;

/** @returns the messages that are pushed: themselves read by the engine, but for whose they are */
export function readMessages({ messages }: Fields, origin: string): readonly NewMessage[] {
  return listOf(messages, MAX_BATCH, "messages").map((message) => {
    const { value, id, nonce, delayMs, orderKey } = readFields(message);
    return {
      value: value as never,
      origin,
      ...id !== undefined && { id: id as string },
      ...nonce !== undefined && { nonce: nonce as string },
      ...delayMs !== undefined && { delayMs: delayMs as number },
      ...orderKey !== undefined && { orderKey: orderKey as string },
    };
  });
}

/** @returns who asks: a worker of a node, since nobody may settle what another one has */
export function readHolder({ worker }: Fields, origin: string): string {
  return `${origin}/${textOf(worker, "worker")}`;
}

/** @returns what a worker asks for, how long it waits, and which leases it knows of, if it says */
export function readTake(
  fields: Fields,
): Omit<TakeRequest, "holder"> & { readonly waitMs: number; readonly keep: readonly string[] | undefined } {
  const { limit = 1, waitMs = 0, leases } = fields;
  if (!isCount(limit) || limit < 1) throw malformed("limit is no number");
  if (typeof waitMs !== "number" || !(waitMs >= 0)) throw malformed("waitMs is no time");
  const leaseMs = readLeaseMs(fields);
  return {
    limit,
    waitMs: Math.min(waitMs, MAX_WAIT_MS),
    keep: leases === undefined ? undefined : readLeases(fields),
    ...leaseMs !== undefined && { leaseMs },
  };
}

/** @returns for how long, if it is said; the engine knows what it may be */
export function readLeaseMs({ leaseMs }: Fields): number | undefined {
  if (leaseMs === undefined) return undefined;
  if (typeof leaseMs !== "number") throw malformed("leaseMs is no time");
  return leaseMs;
}

/** @returns the names of leases */
export function readLeases({ leases }: Fields): readonly string[] {
  return listOf(leases, MAX_LEASES_PER_HOLDER, "leases").map((lease) => textOf(lease, "a lease"));
}

/** @returns what has become of deliveries */
export function readSettlements({ settlements }: Fields): readonly Settlement[] {
  return listOf(settlements, MAX_BATCH, "settlements").map((given) => {
    const { kind, lease, error = "", delayMs, isFinal } = readFields(given);
    const name = textOf(lease, "a lease");
    if (kind === "done" || kind === "returned") return { kind, lease: name };
    if (kind !== "failed" || typeof error !== "string") throw malformed("a settlement is of no kind");
    return {
      ...{ kind, lease: name, error },
      ...delayMs !== undefined && { delayMs: delayMs as number },
      ...isFinal === true && { isFinal },
    };
  });
}

/** @returns which dead letters are listed */
export function readLetters(
  { after = 0, limit = MAX_BATCH }: Fields,
): { readonly after: number; readonly limit: number } {
  if (!isCount(after) || !isCount(limit) || limit < 1) throw malformed("after and limit are numbers");
  return { after, limit };
}

/** @returns which dead letters are meant; undefined for all */
export function readNumbers({ numbers }: Fields): readonly number[] | undefined {
  if (numbers === undefined) return undefined;
  return listOf(numbers, MAX_BATCH, "numbers").map((number) => {
    if (isCount(number)) return number;
    throw malformed("a number is none");
  });
}

function listOf(value: unknown, most: number, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${what} is no list`);
  if (value.length > most) throw new DataError("TooLarge", `At most ${most} of them come at once`);
  return value;
}

function textOf(value: unknown, what: string): string {
  if (isIdText(value)) return value;
  throw malformed(`${what} is no text of 1 to ${MAX_ID_LENGTH} characters`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(why: string): DataError {
  return new DataError("Failed", `The request can't be read: ${why}`);
}
