/**
 * A copy of a node in a file that a passphrase seals.
 *
 * ```
 *    0  "weft-backup1", 12     12  salt, 16     28  nonce, 24
 *   52  XChaCha20-Poly1305 of gzip of the content; all before it is its associated data
 * ```
 *
 * The key is made of the passphrase and the salt by scrypt, whose cost the version says and no file does: nobody's file
 * makes this host work for longer. The content is JSON, bytes in base64.
 *
 * @module
 */

import { concatBytes, equalBytes, randomBytes, type RandomSource, utf8Bytes } from "../../base/mod.ts";
import {
  PASSPHRASE_SALT_BYTES,
  type PassphraseKdf,
  passphraseKey,
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaSeal,
} from "../../crypto/mod.ts";

const MAGIC = utf8Bytes("weft-backup1");
const HEADER_BYTES = MAGIC.length + PASSPHRASE_SALT_BYTES + XCHACHA_NONCE_BYTES;
/** What one file may hold, unpacked: a thousand times a node of a large network. */
const MAX_CONTENT_BYTES = 1 << 30;

/** What makes a node. */
export interface BackupContent {
  /** The release that made it. */
  readonly release: string;
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly networkId: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  /** All of the state. */
  readonly pairs: readonly (readonly [collection: string, key: string, value: Uint8Array])[];
  /** Databases of collections, by the names of their files. */
  readonly files: readonly (readonly [name: string, content: Uint8Array])[];
}

/** Why a file can't be opened, a clause for people; it repeats nothing of file or passphrase. */
export interface BackupProblem {
  readonly problem: string;
}

/** @returns the file's bytes */
export async function sealBackup(
  { pairs, files, ...head }: BackupContent,
  passphrase: string,
  { random, kdf = passphraseKey }: { readonly random: RandomSource; readonly kdf?: PassphraseKdf },
): Promise<Uint8Array> {
  const plaintext = utf8Bytes(JSON.stringify({
    ...head,
    pairs: pairs.map(([collection, key, value]) => [collection, key, value.toBase64()]),
    files: files.map(([name, bytes]) => [name, bytes.toBase64()]),
  }));
  const zipped = await through(plaintext, new CompressionStream("gzip"));
  plaintext.fill(0);
  const header = concatBytes(MAGIC, randomBytes(random, PASSPHRASE_SALT_BYTES + XCHACHA_NONCE_BYTES));
  const { salt, nonce } = parts(header);
  const key = await kdf(passphrase, salt);
  const sealed = concatBytes(header, xchachaSeal(key, nonce, zipped, header));
  zipped.fill(0);
  key.fill(0);
  return sealed;
}

/** Never throws. @returns what is in a file, or why it can't be told */
export async function openBackup(
  file: Uint8Array,
  passphrase: string,
  kdf: PassphraseKdf = passphraseKey,
): Promise<BackupContent | BackupProblem> {
  if (!equalBytes(file.subarray(0, MAGIC.length), MAGIC)) {
    const [, version] = /^weft-backup(\d{1,3})/.exec(new TextDecoder().decode(file.subarray(0, 16))) ?? [];
    return {
      problem: version === undefined
        ? "it is no backup: `weft backup` makes one"
        : `it is of version ${version}, and this weft reads version 1`,
    };
  }
  if (file.length <= HEADER_BYTES) return { problem: "it is truncated" };
  const header = file.subarray(0, HEADER_BYTES);
  const { salt, nonce } = parts(header);
  const key = await kdf(passphrase, salt);
  const zipped = xchachaOpen(key, nonce, file.subarray(HEADER_BYTES), header);
  key.fill(0);
  if (zipped === undefined) return { problem: "the passphrase is another one, or the file was changed" };
  try {
    const plaintext = await through(zipped, new DecompressionStream("gzip"));
    const content = readContent(JSON.parse(new TextDecoder().decode(plaintext)));
    if (content !== undefined) return content;
  } catch {
    // What is none is no more readable.
  }
  return { problem: "it holds something that this version cannot read" };
}

/** What is written beside the state is a file there, and nowhere else. */
const DATA_FILE = /^data-[0-9a-f]{32}\.db$/;

/** @returns undefined when it is no content @throws SyntaxError when it holds bytes that are no base64 */
function readContent(value: Record<string, unknown>): BackupContent | undefined {
  const { release, name, networkId, madeAt, pairs, files } = value;
  const isText = typeof release === "string" && typeof name === "string" && typeof networkId === "string";
  if (!isText || !/^[0-9a-f]{32}$/.test(networkId) || !Number.isSafeInteger(madeAt)) return undefined;
  const isRows = (rows: unknown, length: number): rows is readonly (readonly string[])[] =>
    Array.isArray(rows) &&
    rows.every((row) =>
      Array.isArray(row) && row.length === length && row.every((cell) => typeof cell === "string")
    );
  if (!isRows(pairs, 3) || !isRows(files, 2) || !files.every(([file = ""]) => DATA_FILE.test(file))) {
    return undefined;
  }
  return {
    release,
    name,
    networkId,
    madeAt: Number(madeAt),
    pairs: pairs.map((
      [collection = "", key = "", bytes = ""],
    ) => [collection, key, Uint8Array.fromBase64(bytes)]),
    files: files.map(([file = "", bytes = ""]) => [file, Uint8Array.fromBase64(bytes)]),
  };
}

function parts(header: Uint8Array): { readonly salt: Uint8Array; readonly nonce: Uint8Array } {
  const saltEnd = MAGIC.length + PASSPHRASE_SALT_BYTES;
  return { salt: header.subarray(MAGIC.length, saltEnd), nonce: header.subarray(saltEnd, HEADER_BYTES) };
}

/** @throws RangeError when there is more than a file may hold */
async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of new Blob([bytes as BlobPart]).stream().pipeThrough(stream)) {
    length += chunk.length;
    if (length > MAX_CONTENT_BYTES) throw new RangeError("Cannot unpack that: it is too long");
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}
