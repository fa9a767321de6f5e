/**
 * Answers of services as JSON has them, one or many.
 * @module
 */

import type { CallAnswer, EventStream, ServiceEvent } from "../service/mod.ts";
import type { CallResult, EventLine, OfferedPort } from "./control.ts";

/** @returns what a handler has answered: bytes have a property of their own, and nothing is null, as in any JSON */
export function jsonResult(value: unknown): CallResult {
  return value instanceof Uint8Array ? { base64: value.toBase64() } : { result: asJson(value) ?? null };
}

/**
 * What people and scripts are shown of a value that JSON does not say: a bigint as its digits, a Date as its text, a Map
 * as pairs, a Set as a list, bytes in base64, numbers that are none as their names.
 */
function asJson(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) {
    return { base64: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toBase64() };
  }
  if (value instanceof ArrayBuffer) return { base64: new Uint8Array(value).toBase64() };
  if (value instanceof Map) return [...value].map((pair) => pair.map(asJson));
  if (value instanceof Set || Array.isArray(value)) return [...value].map(asJson);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asJson(inner)]));
}

/** @param answer what was answered by one node: a value, or a ReadableStream of them */
export function callResult(answer: unknown, signal: AbortSignal): CallResult | AsyncIterable<CallResult> {
  if (!(answer instanceof ReadableStream)) return jsonResult(answer);
  const reader = (answer as ReadableStream<unknown>).getReader();
  return lines(
    async () => {
      const { done, value } = await reader.read();
      return done ? undefined : jsonResult(value);
    },
    () => void reader.cancel().catch(() => {}),
    signal,
  );
}

/** @returns what several nodes have answered; their streams are not waited for */
export function callResults(answers: readonly CallAnswer[]): CallResult {
  return jsonResult(answers.map((answer) => {
    if (!answer.ok) return answer;
    const { result, ...rest } = answer;
    if (!(result instanceof ReadableStream)) return { ...rest, ...jsonResult(result) };
    void result.cancel().catch(() => {});
    const message = "a stream can't be answered with those of others: name one node";
    return {
      ...rest,
      ok: false,
      error: { code: "InvalidResult", message, retryable: false, executed: true },
    };
  }));
}

/** @param nameOf names a publisher; this node when undefined */
export function eventLines(
  stream: EventStream,
  nameOf: (peer: string | undefined) => string,
  signal: AbortSignal,
): AsyncIterable<EventLine> {
  let told = 0;
  let held: ServiceEvent | undefined;
  const next = async (): Promise<EventLine | undefined> => {
    const event = held ?? (await stream.next()).value as ServiceEvent | undefined;
    held = undefined;
    const dropped = stream.dropped - told;
    if (dropped > 0 && event !== undefined) {
      told += dropped;
      held = event;
      return { dropped };
    }
    if (event === undefined) return undefined;
    const { topic, data, params, publishedAt, isPast, publisher } = event;
    const payload = data instanceof Uint8Array ? { base64: data.toBase64() } : { data: asJson(data) ?? null };
    return { topic, ...payload, params, publishedAt, isPast, publisher: nameOf(publisher) };
  };
  return lines(next, () => void stream.return?.(), signal);
}

/** Tells of an offer once, and ends it with the reader. */
export function offerLines(
  offer: OfferedPort & { close(): Promise<void> },
  signal: AbortSignal,
): AsyncIterable<OfferedPort> {
  const ended = Promise.withResolvers<undefined>();
  const untold = [{ port: offer.port }];
  return lines(
    async () => untold.pop() ?? await ended.promise,
    () => {
      ended.resolve(undefined);
      void offer.close();
    },
    signal,
  );
}

/**
 * Values for one reader.
 * @param next gives the next one; undefined at the end
 * @param end is called once: at the end, when `next` has failed, or when the reader or `signal` says so, even while
 *   `next` is waited for
 */
export function lines<T>(
  next: () => Promise<T | undefined>,
  end: () => void,
  signal: AbortSignal,
): AsyncIterable<T> {
  let isEnded = false;
  const finish = () => {
    if (isEnded) return;
    isEnded = true;
    signal.removeEventListener("abort", finish);
    end();
  };
  signal.addEventListener("abort", finish);
  if (signal.aborted) finish();
  const iterator: AsyncIterableIterator<T> = {
    async next() {
      let value: T | undefined;
      try {
        if (!isEnded) value = await next();
      } catch (error) {
        finish();
        throw error;
      }
      if (value !== undefined) return { done: false, value };
      finish();
      return { done: true, value };
    },
    return() {
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
