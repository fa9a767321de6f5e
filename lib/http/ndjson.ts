/**
 * Values one after the other, a line of JSON each, for as long as there are any.
 * @module
 */

/** Says in the first line that it has begun, and that nothing came yet. */
const BEGUN = "\n";

/** The media type of such an answer. */
export const NDJSON_TYPE = "application/x-ndjson";

/** What can be written as one line: bytes have a property of their own, because JSON has none. */
export type JsonResult = { readonly result: unknown } | { readonly base64: string };

/** @returns what a handler has answered; nothing is null, as in any JSON */
export function jsonResult(value: unknown): JsonResult {
  return value instanceof Uint8Array ? { base64: value.toBase64() } : { result: value ?? null };
}

/**
 * Streams lines. The answer begins at once, with an empty line.
 * @param next gives the next value; undefined at the end
 * @param end is called once, when all was said or the reader is gone
 * @param gone says that the reader is gone, also while nothing is said
 */
export function ndjsonResponse(
  next: () => Promise<object | undefined>,
  end: () => void,
  gone: AbortSignal,
): Response {
  const encoder = new TextEncoder();
  let isEnded = false;
  const finish = () => {
    if (isEnded) return;
    isEnded = true;
    gone.removeEventListener("abort", finish);
    end();
  };
  const nextOrEnd = async () => {
    try {
      return await next();
    } catch (error) {
      finish();
      throw error;
    }
  };
  gone.addEventListener("abort", finish);
  if (gone.aborted) finish();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(BEGUN)),
    async pull(controller) {
      const value = isEnded ? undefined : await nextOrEnd();
      if (value !== undefined) return controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      finish();
      controller.close();
    },
    cancel: finish,
  });
  return new Response(body, { headers: { "content-type": NDJSON_TYPE } });
}
