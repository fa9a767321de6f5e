/**
 * Streams of values within a program: read as they are asked for, each item what it would be elsewhere.
 * @module
 */

import { CallError, failureOf } from "../errors.ts";
import { checkItem, end, type ItemSource, MAX_ITEM_BYTES, readSource } from "./item_stream.ts";
import { copyAsSent, type RefusalCode } from "./wire_value.ts";

const ITEM_LIMITS = { maxStructuredBytes: MAX_ITEM_BYTES, checkLength: checkItem };

/**
 * @param code how an item is refused that could not be sent
 * @returns the items as somebody elsewhere gets them; what the source throws is a CallError, and cancelling ends the source
 * @throws what the source throws when it does not let itself be read
 */
export function toStream(source: ItemSource, code: RefusalCode = "InvalidParams"): ReadableStream<unknown> {
  const items = readSource(source);
  return new ReadableStream<unknown>({
    async pull(controller) {
      let isDone = true;
      try {
        const next = await items.next();
        if (next.done) return controller.close();
        isDone = false;
        controller.enqueue(copyAsSent(next.value, ITEM_LIMITS, code));
      } catch (cause) {
        // A source that has thrown has ended.
        if (!isDone) end(items.end);
        controller.error(cause instanceof CallError ? cause : new CallError(failureOf(cause), { cause }));
      }
    },
    cancel() {
      end(items.end);
    },
  }, { highWaterMark: 0 });
}

/** @returns the same items @param onError is told what the source throws */
export function watchItems(source: ItemSource, onError: (error: unknown) => void): ItemSource {
  const fail = (error: unknown): never => {
    onError(error);
    throw error;
  };
  return {
    [Symbol.asyncIterator]() {
      const items = told(() => readSource(source), fail);
      return {
        next: () => told(() => Promise.resolve(items.next()).catch(fail), fail),
        return: async () => {
          await items.end();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function told<T>(what: () => T, fail: (error: unknown) => never): T {
  try {
    return what();
  } catch (error) {
    return fail(error);
  }
}
