/**
 * An archive of texts, as `tar -xzf` reads it: POSIX.1-1988 ustar, compressed by gzip.
 *
 * ```
 *     0  name, 100        100  mode, 8      108  uid, 8     116  gid, 8
 *   124  size, 12, octal  136  time, 12     148  checksum, 8
 *   156  type, 1          257  "ustar\0" "00"             512  the content, filled up to 512s
 * ```
 * @module
 */

import { concatBytes, utf8Bytes } from "../../../base/mod.ts";

const BLOCK = 512;
const MAX_NAME = 100;
const MODE = 0o600;

/** One file. */
export interface ArchivedText {
  /** ASCII, at most 100 characters with its folders. */
  readonly name: string;
  readonly text: string;
}

/** @returns the archive @throws RangeError when a name is too long */
export async function tarGz(files: readonly ArchivedText[], atMs: number): Promise<Uint8Array> {
  const blocks = files.flatMap(({ name, text }) => {
    const content = utf8Bytes(text);
    const padding = new Uint8Array((BLOCK - content.length % BLOCK) % BLOCK);
    return [header(name, content.length, atMs), content, padding];
  });
  // Two empty blocks end it.
  const tar = concatBytes(...blocks, new Uint8Array(2 * BLOCK));
  const zipped = new Blob([tar as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

function header(name: string, size: number, atMs: number): Uint8Array {
  if (name.length > MAX_NAME) throw new RangeError(`Cannot archive ${name}: the name is too long`);
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(utf8Bytes(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(0, name);
  put(100, octal(MODE, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(Math.floor(atMs / 1_000), 11));
  // The checksum is summed with blanks in its place.
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\0" + "00");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
