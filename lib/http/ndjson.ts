/**
 * Values one after the other, a line of JSON each, for as long as there are any.
 * @module
 */

import { NDJSON_TYPE, problemOf } from "../api/mod.ts";

/** Says in the first line that it has begun, and that nothing came yet. */
const BEGUN = "\n";

/**
 * Streams lines. The answer begins at once, with an empty line. When `values` fails, the last line says why, because the
 * status was sent long ago.
 */
export function ndjsonResponse(values: AsyncIterable<object>): Response {
  const encoder = new TextEncoder();
  const source = values[Symbol.asyncIterator]();
  let isEnded = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(BEGUN)),
    async pull(controller) {
      let line: object | undefined;
      try {
        const { done, value } = isEnded ? { done: true } : await source.next();
        if (done !== true) line = value;
      } catch (error) {
        isEnded = true;
        line = problemOf(error);
      }
      if (line === undefined) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
    },
    cancel: () => void source.return?.(),
  });
  return new Response(body, { headers: { "content-type": NDJSON_TYPE } });
}
