/**
 * A copy of a node in a file that a passphrase seals, or a recovery key.
 *
 * ```
 *    0  "weft-backup1", 12     12  salt, 16     28  nonce, 24
 *   52  XChaCha20-Poly1305 of gzip of the content; all before it is its associated data
 *
 *    0  "weft-backup2", 12     12  recovery key, 32
 *   44  sealed box of gzip of the content (mesh/identity/sealed_box.ts), which the recovery key is bound into
 * ```
 *
 * The key of the first is made of the passphrase and the salt by scrypt, whose cost the version says and no file does:
 * nobody's file makes this host work for longer. The second needs no secret to be made, so that it proves nothing of who
 * has made it. The content is JSON, bytes in base64.
 *
 * @module
 */

import { RECOVERY_SEALED } from "../../api/mod.ts";
import { concatBytes, equalBytes, randomBytes, type RandomSource, utf8Bytes } from "../../base/mod.ts";
import {
  KEY_BYTES,
  PASSPHRASE_SALT_BYTES,
  type PassphraseKdf,
  passphraseKey,
  type PrivateKey,
  PublicKey,
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaSeal,
} from "../../crypto/mod.ts";
import { openSealed, SEAL_BYTES, sealFor } from "../../mesh/mod.ts";

const MAGIC = utf8Bytes("weft-backup1");
const KEY_MAGIC = utf8Bytes(RECOVERY_SEALED);
const KEY_HEADER_BYTES = KEY_MAGIC.length + KEY_BYTES;
/** What a sealed box is of: opened as something else it is nothing. */
const BOX_LABEL = "backup";
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

/** What seals a file. */
export type BackupSeal = { readonly passphrase: string } | { readonly recoveryKey: PublicKey };
/** What opens one. */
export type BackupSecret = { readonly passphrase: string } | { readonly recoverySecret: PrivateKey };

/** @returns the file's bytes @throws RangeError when the recovery key is one of the few that can seal nothing */
export async function sealBackup(
  { pairs, files, ...head }: BackupContent,
  seal: BackupSeal,
  { random, kdf = passphraseKey }: { readonly random: RandomSource; readonly kdf?: PassphraseKdf },
): Promise<Uint8Array> {
  const plaintext = utf8Bytes(JSON.stringify({
    ...head,
    pairs: pairs.map(([collection, key, value]) => [collection, key, value.toBase64()]),
    files: files.map(([name, bytes]) => [name, bytes.toBase64()]),
  }));
  const zipped = await through(plaintext, new CompressionStream("gzip"));
  plaintext.fill(0);
  if ("recoveryKey" in seal) {
    const { recoveryKey } = seal;
    const box = sealFor(recoveryKey, BOX_LABEL, zipped, random);
    zipped.fill(0);
    return concatBytes(KEY_MAGIC, recoveryKey.bytes, box);
  }
  const header = concatBytes(MAGIC, randomBytes(random, PASSPHRASE_SALT_BYTES + XCHACHA_NONCE_BYTES));
  const { salt, nonce } = parts(header);
  const key = await kdf(seal.passphrase, salt);
  const sealed = concatBytes(header, xchachaSeal(key, nonce, zipped, header));
  zipped.fill(0);
  key.fill(0);
  return sealed;
}

/** @param start of a file that is none @returns what it may be */
function foreignProblem(start: string): string {
  const [, version] = /^weft-backup(\d{1,3})/.exec(start) ?? [];
  if (version !== undefined) return `it is of version ${version}, and this weft reads versions 1 and 2`;
  return start.startsWith("weft-recovery1-")
    ? "it is the recovery file of a network: `weft leader recover` takes it"
    : "it is no backup: `weft backup` makes one";
}

/** Never throws. @returns what is in a file, or why it can't be told */
export async function openBackup(
  file: Uint8Array,
  secret: BackupSecret,
  kdf: PassphraseKdf = passphraseKey,
): Promise<BackupContent | BackupProblem> {
  const isOf = (magic: Uint8Array) => equalBytes(file.subarray(0, magic.length), magic);
  if (isOf(KEY_MAGIC)) {
    return "recoverySecret" in secret
      ? await openWithKey(file, secret.recoverySecret)
      : { problem: "a recovery key has sealed it, and no passphrase opens it" };
  }
  if (!isOf(MAGIC)) {
    return { problem: foreignProblem(new TextDecoder().decode(file.subarray(0, 16))) };
  }
  if (!("passphrase" in secret)) {
    return { problem: "a passphrase has sealed it, and no recovery key opens it" };
  }
  if (file.length <= HEADER_BYTES) return { problem: "it is truncated" };
  const header = file.subarray(0, HEADER_BYTES);
  const { salt, nonce } = parts(header);
  const key = await kdf(secret.passphrase, salt);
  const zipped = xchachaOpen(key, nonce, file.subarray(HEADER_BYTES), header);
  key.fill(0);
  if (zipped === undefined) return { problem: "the passphrase is another one, or the file was changed" };
  return await unpack(zipped);
}

async function openWithKey(
  file: Uint8Array,
  secret: PrivateKey,
): Promise<BackupContent | BackupProblem> {
  if (file.length < KEY_HEADER_BYTES + SEAL_BYTES) return { problem: "it is truncated" };
  const sealedFor = PublicKey.fromBytes(file.subarray(KEY_MAGIC.length, KEY_HEADER_BYTES));
  if (!sealedFor.equals(secret.publicKey)) return { problem: "it is sealed for another recovery key" };
  const zipped = openSealed(secret, BOX_LABEL, file.subarray(KEY_HEADER_BYTES));
  return zipped === undefined ? { problem: "it was changed, or is truncated" } : await unpack(zipped);
}

async function unpack(zipped: Uint8Array): Promise<BackupContent | BackupProblem> {
  try {
    const plaintext = await through(zipped, new DecompressionStream("gzip"));
    zipped.fill(0);
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
