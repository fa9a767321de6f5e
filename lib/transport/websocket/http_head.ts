/**
 * The head of an HTTP/1.1 message, read strictly and with a bound (RFC 9112 §2.1).
 * @module
 */

import { type ByteStream, concatBytes } from "../../base/mod.ts";

/** A head of more is not read to its end. */
export const MAX_HEAD_BYTES = 8_192;
const MAX_FIELDS = 64;

/** A first line, and fields by their lower-case names in the order in which they came. */
export interface HttpHead {
  readonly firstLine: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** A head with what came behind it. */
export interface ReceivedHead {
  readonly head: HttpHead;
  readonly rest: Uint8Array;
}

/**
 * Reads to the end of a head.
 * @param first what was read already
 * @returns undefined when the stream ends before, or what comes is no head of at most 8 KiB
 */
export async function readHead(
  stream: Pick<ByteStream, "read">,
  first: Uint8Array = new Uint8Array(0),
): Promise<ReceivedHead | undefined> {
  let bytes = first;
  const block = new Uint8Array(MAX_HEAD_BYTES);
  for (;;) {
    const end = endOfHead(bytes);
    if (end !== undefined) {
      const head = end <= MAX_HEAD_BYTES ? parseHead(bytes.subarray(0, end)) : undefined;
      return head && { head, rest: bytes.subarray(end) };
    }
    if (bytes.length >= MAX_HEAD_BYTES) return undefined;
    const length = await stream.read(block);
    if (length === undefined) return undefined;
    bytes = concatBytes(bytes, block.subarray(0, length));
  }
}

/** @returns how long the head is with its empty line, or undefined when there is none yet */
function endOfHead(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(0x0d); at >= 0; at = bytes.indexOf(0x0d, at + 1)) {
    if (bytes[at + 1] === 0x0a && bytes[at + 2] === 0x0d && bytes[at + 3] === 0x0a) return at + 4;
  }
  return undefined;
}

/**
 * Takes a head apart, up to and with its empty line.
 * @returns undefined when a line is folded or none, a name is no token, or there are more than 64 fields
 */
export function parseHead(bytes: Uint8Array): HttpHead | undefined {
  // Only visible characters, spaces and tabs (RFC 9110 §5.5), and line ends.
  for (const byte of bytes) {
    if (byte > 0x7e || byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte)) return undefined;
  }
  const lines = new TextDecoder().decode(bytes).split("\r\n");
  const [firstLine = "", ...others] = lines.slice(0, -2);
  if (lines.some((line) => /[\r\n]/.test(line)) || others.length > MAX_FIELDS) return undefined;
  const fields = new Map<string, string[]>();
  for (const line of others) {
    const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (found === null) return undefined;
    const [, name = "", value = ""] = found;
    const values = fields.get(name.toLowerCase()) ?? [];
    values.push(value);
    fields.set(name.toLowerCase(), values);
  }
  return { firstLine, fields };
}

/** @returns the one value of a field; undefined when it is absent or there are several */
export function onlyValue({ fields }: HttpHead, name: string): string | undefined {
  const values = fields.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/** @returns whether a field that is a list has an item, whatever its case (RFC 9110 §5.6.1) */
export function hasItem({ fields }: HttpHead, name: string, item: string): boolean {
  return (fields.get(name) ?? []).some((value) =>
    value.split(",").some((part) => part.trim().toLowerCase() === item)
  );
}
