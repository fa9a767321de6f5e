/**
 * Values of JSON, a line each, as they arrive.
 * @module
 */

/** Longer lines were meant as something else, in characters. */
const MAX_LINE_LENGTH = 64 << 20;

/**
 * Reads lines; empty ones are passed over. Who stops reading ends the stream.
 * @throws SyntaxError when a line is no JSON, RangeError when it has no end, and what the stream throws
 */
export async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    if (text.length > MAX_LINE_LENGTH) throw new RangeError("Cannot read a line that long");
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
  if (text !== "") yield JSON.parse(text);
}
