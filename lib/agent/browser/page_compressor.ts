/**
 * Raw deflate (RFC 1951) by the web's own streams, within a bound of memory: a page has no zlib. Whether what is cut short
 * is refused is up to the browser; the message says how long a value is.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import type { Compressor } from "../../service/mod.ts";

/** Up to a thousand times as much comes out of a piece before the bound is looked at: 4 MiB. */
const INFLATE_PIECE_BYTES = 4_096;
const DEFLATE_PIECE_BYTES = 65_536;

/** Compresses and decompresses. */
export const pageCompressor: Compressor = {
  deflate(bytes, maxBytes) {
    return collect(new CompressionStream("deflate-raw"), {
      bytes,
      maxBytes,
      pieceBytes: DEFLATE_PIECE_BYTES,
    });
  },

  inflate(bytes, maxBytes) {
    return collect(new DecompressionStream("deflate-raw"), {
      bytes,
      maxBytes,
      pieceBytes: INFLATE_PIECE_BYTES,
    });
  },
};

/** @returns what comes out, or undefined when that is more than `maxBytes`, or what goes in is malformed */
async function collect(
  { readable, writable }: CompressionStream | DecompressionStream,
  input: { readonly bytes: Uint8Array; readonly maxBytes: number; readonly pieceBytes: number },
): Promise<Uint8Array | undefined> {
  const writing = write(writable.getWriter(), input.bytes, input.pieceBytes);
  const reader = readable.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > input.maxBytes) {
        await reader.cancel();
        return undefined;
      }
      parts.push(part.value);
    }
    return concatBytes(...parts);
  } catch {
    return undefined;
  } finally {
    await writing;
  }
}

/** Writes it piece by piece, each once the one before is done with. What fails is seen by who reads. */
async function write(
  writer: WritableStreamDefaultWriter<BufferSource>,
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<void> {
  try {
    // A view of shared memory is no `BufferSource`: each piece is a copy.
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await writer.write(bytes.slice(at, at + pieceBytes));
    }
    await writer.close();
  } catch {
    // So does the reading end.
  }
}
