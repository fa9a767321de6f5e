/**
 * Raw deflate (RFC 1951), within bounds of memory and of time.
 *
 * The runtime compresses and decompresses on the thread that asks, and zlib takes further room in a callback that nobody
 * can guard: there a failure ends the process. So all room is taken once, before the work begins, and the work is done in
 * small pieces.
 * @module
 */

/** What is large and repeats itself shrinks at the fastest level already. */
const LEVEL = 1;
/** Up to a thousand times as much comes out of a piece: 4 MiB, which takes 2 ms. */
const INFLATE_PIECE_BYTES = 4_096;
const DEFLATE_PIECE_BYTES = 65_536;
/** After this long others have their turn, in milliseconds. */
const TURN_MS = 2;
/** The least that zlib takes. */
const MIN_ROOM_BYTES = 64;

type Zlib = typeof import("node:zlib");
type Work = ReturnType<Zlib["createInflateRaw"]>;

/** Few messages are compressed, and many threads never see one. */
const loadZlib = (): Promise<Zlib> => import("node:zlib");

/** Compresses and decompresses. */
export const systemCompressor = {
  /** @returns the compressed bytes, or undefined when they would be more than `maxBytes`, or there is no memory */
  async deflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
    const { createDeflateRaw } = await loadZlib();
    const chunkSize = roomFor(maxBytes);
    const out = await runInPieces(() => createDeflateRaw({ level: LEVEL, chunkSize }), {
      bytes,
      maxBytes,
      pieceBytes: DEFLATE_PIECE_BYTES,
    });
    // What is kept is likely to be much smaller than the room that it was given.
    return out?.slice();
  },

  /** @returns the bytes; undefined when they are malformed or more than `maxBytes`, or there is no memory */
  async inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
    const { constants, createInflateRaw } = await loadZlib();
    const chunkSize = roomFor(maxBytes);
    return await runInPieces(() => createInflateRaw({ chunkSize, finishFlush: constants.Z_FINISH }), {
      bytes,
      maxBytes,
      pieceBytes: INFLATE_PIECE_BYTES,
    });
  },
};

/** One byte more, so that what is too long shows before it asks for more room. */
function roomFor(maxBytes: number): number {
  return Math.max(MIN_ROOM_BYTES, maxBytes + 1);
}

/** @param make makes the stream of zlib, which takes its room at once */
function runInPieces(
  make: () => Work,
  input: { readonly bytes: Uint8Array; readonly maxBytes: number; readonly pieceBytes: number },
): Promise<Uint8Array | undefined> {
  const { bytes, maxBytes, pieceBytes } = input;
  return new Promise((resolve) => {
    let work: Work;
    try {
      work = make();
    } catch {
      return resolve(undefined);
    }
    let out = bytes.subarray(0, 0);
    const give = (result: Uint8Array | undefined) => {
      resolve(result);
      work.destroy();
    };
    work.on("error", () => give(undefined));
    work.on("end", () => give(out));
    work.on("data", (part: Uint8Array) => {
      // All parts are in the one room, one behind the other.
      out = out.length === 0 ? part : new Uint8Array(part.buffer, out.byteOffset, out.length + part.length);
      if (out.length > maxBytes) give(undefined);
    });
    let at = 0;
    let turnEndsAt = performance.now() + TURN_MS;
    const next = (): void => {
      if (work.destroyed) return;
      if (at >= bytes.length) return void work.end();
      if (performance.now() < turnEndsAt) return write();
      setTimeout(() => {
        turnEndsAt = performance.now() + TURN_MS;
        write();
      }, 0);
    };
    const write = (): void => {
      const piece = bytes.subarray(at, at += pieceBytes);
      work.write(piece, next);
    };
    next();
  });
}
