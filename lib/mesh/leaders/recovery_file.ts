/**
 * What is left of a network when all of its leaders are gone: the network's key and how its members are found, in a file
 * that a passphrase seals.
 *
 *     "weft-recovery1-" base64url( salt, 16 | nonce, 24 | XChaCha20-Poly1305 of RecoveryFile | checksum, 8 ) "\n"
 *
 * The key is made of the passphrase and the salt by scrypt, whose cost the version says and no file does: nobody's file
 * makes this host work for longer. What comes before the ciphertext is its associated data. The checksum, BLAKE2s of all
 * bytes before it, tells a damaged file from a wrong passphrase; it protects nothing.
 *
 * @module
 */

import {
  concatBytes,
  decodeBase64Url,
  encodeBase64Url,
  equalBytes,
  randomBytes,
  type RandomSource,
  type UnixMillis,
  utf8Bytes,
} from "../../base/mod.ts";
import {
  blake2s,
  PASSPHRASE_SALT_BYTES,
  type PassphraseKdf,
  passphraseKey,
  SigningKey,
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaSeal,
} from "../../crypto/mod.ts";
import { MAX_PASSPHRASE_LENGTH, MAX_RECOVERY_TEXT_LENGTH } from "../bounds.ts";
import type { Cidr } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, RecoveryFileSchema } from "../../proto/mod.ts";
import { NodeIdentity, SEED_BYTES } from "../identity/mod.ts";
import { complete, readTime, readUpdate, type ReplicaUpdate, updateToWire } from "../records/mod.ts";
import { readSettings } from "../wire/mod.ts";

/** A passphrase has so many characters at least: whoever has the file may guess for as long as they like. */
export const MIN_PASSPHRASE_LENGTH = 12;
/** So much of members is put into a file, in bytes; the rest is heard from them. */
export const MAX_RECOVERY_MEMBER_BYTES: number = 24 << 10;

const PREFIX = "weft-recovery1-";
const CHECKSUM_BYTES = 8;
const HEADER_BYTES = PASSPHRASE_SALT_BYTES + XCHACHA_NONCE_BYTES;

/** What is in a file. */
export interface RecoveryContent {
  /** The network's key. */
  readonly signingKey: SigningKey;
  /** The leader that made the file: a machine that is no member goes on as it. */
  readonly identity: NodeIdentity;
  /** As in the network's settings. */
  readonly cidrs: readonly Cidr[];
  readonly madeAt: UnixMillis;
  /** The leader's record, some members with their endpoints, and the last mark of a leader. */
  readonly roster: ReplicaUpdate;
}

/** Why a file can't be opened, for people. */
export interface RecoveryProblem {
  /** A clause, `it …`; it repeats nothing of file or passphrase. */
  readonly problem: string;
  /** Whether another passphrase may open it. */
  readonly isPassphrase?: true;
}

/** Where randomness comes from; tests make keys that cost less. */
interface SealOptions {
  readonly random: RandomSource;
  readonly kdf?: PassphraseKdf;
}

/** @returns what is wrong with a passphrase for a new file, a clause; undefined for nothing */
export function passphraseProblem(passphrase: string): string | undefined {
  if (passphrase.length < MIN_PASSPHRASE_LENGTH) {
    return `it has ${passphrase.length} characters, and ${MIN_PASSPHRASE_LENGTH} are the least`;
  }
  return passphrase.length > MAX_PASSPHRASE_LENGTH
    ? `it has more than ${MAX_PASSPHRASE_LENGTH} characters`
    : undefined;
}

/**
 * @returns the text of the file, one line with its end
 * @throws RangeError when the content is too long
 */
export async function sealRecoveryFile(
  { signingKey, identity, cidrs, madeAt, roster }: RecoveryContent,
  passphrase: string,
  { random, kdf = passphraseKey }: SealOptions,
): Promise<string> {
  const header = randomBytes(random, HEADER_BYTES);
  const plaintext = encodeMessage(RecoveryFileSchema, {
    networkSeed: signingKey.exposeBytes(),
    nodeSeed: identity.exposeSeed(),
    cidrs: cidrs.map(String),
    madeAt: BigInt(madeAt),
    roster: updateToWire(roster),
  });
  const key = await kdf(passphrase, header.subarray(0, PASSPHRASE_SALT_BYTES));
  const nonce = header.subarray(PASSPHRASE_SALT_BYTES);
  const sealed = concatBytes(header, xchachaSeal(key, nonce, plaintext, associatedData(header)));
  plaintext.fill(0);
  key.fill(0);
  const text = `${PREFIX}${encodeBase64Url(concatBytes(sealed, checksum(sealed)))}\n`;
  if (text.length > MAX_RECOVERY_TEXT_LENGTH) throw new RangeError("Cannot seal that: it is too long");
  return text;
}

/** Never throws. @returns what is in a file, or why it can't be told */
export async function openRecoveryFile(
  text: string,
  passphrase: string,
  kdf: PassphraseKdf = passphraseKey,
): Promise<RecoveryContent | RecoveryProblem> {
  const sealed = readSealed(text);
  if (!(sealed instanceof Uint8Array)) return sealed;
  const header = sealed.subarray(0, HEADER_BYTES);
  if (passphrase.length > MAX_PASSPHRASE_LENGTH) return WRONG_PASSPHRASE;
  const key = await kdf(passphrase, header.subarray(0, PASSPHRASE_SALT_BYTES));
  const nonce = header.subarray(PASSPHRASE_SALT_BYTES);
  const plaintext = xchachaOpen(key, nonce, sealed.subarray(HEADER_BYTES), associatedData(header));
  key.fill(0);
  if (plaintext === undefined) return WRONG_PASSPHRASE;
  const content = decodeContent(plaintext);
  plaintext.fill(0);
  return content ?? { problem: "it holds something that this version cannot read" };
}

const WRONG_PASSPHRASE: RecoveryProblem = { problem: "the passphrase is another one", isPassphrase: true };

/** @returns header and ciphertext */
function readSealed(text: string): Uint8Array | RecoveryProblem {
  if (text === "") return { problem: "it is empty" };
  if (!text.startsWith(PREFIX)) {
    if (text.startsWith("weft-backup")) {
      return { problem: "it is a backup of a node: `weft restore` takes it" };
    }
    const version = /^weft-recovery(\d{1,3})-/.exec(text)?.[1];
    return version === undefined
      ? { problem: "it is no recovery file: `weft leader export` makes one" }
      : { problem: `it is of version ${version}, and this weft reads version 1` };
  }
  if (text.length > MAX_RECOVERY_TEXT_LENGTH) return { problem: "it is too long" };
  const digits = text.slice(PREFIX.length).replace(/\r?\n$/, "");
  const bytes = decodeBase64Url(digits);
  const sealed = bytes?.subarray(0, -CHECKSUM_BYTES);
  const isWhole = bytes !== undefined && sealed !== undefined && sealed.length > HEADER_BYTES &&
    equalBytes(checksum(sealed), bytes.subarray(-CHECKSUM_BYTES));
  return isWhole ? sealed : { problem: "it is truncated or was changed: its checksum is wrong" };
}

function decodeContent(plaintext: Uint8Array): RecoveryContent | undefined {
  const message = decodeMessage(RecoveryFileSchema, plaintext, MAX_RECOVERY_TEXT_LENGTH);
  if (message?.networkSeed.length !== SEED_BYTES || message.nodeSeed.length !== SEED_BYTES) return undefined;
  const signingKey = SigningKey.fromSeed(message.networkSeed);
  const settings = readSettings({ verifyingKey: signingKey.verifyingKey.bytes, cidrs: message.cidrs });
  return complete<RecoveryContent>({
    signingKey,
    identity: NodeIdentity.fromSeed(message.nodeSeed),
    cidrs: settings?.cidrs,
    madeAt: readTime(message.madeAt),
    roster: message.roster && readUpdate(message.roster)?.update,
  });
}

function associatedData(header: Uint8Array): Uint8Array {
  return concatBytes(utf8Bytes(PREFIX), header);
}

function checksum(sealed: Uint8Array): Uint8Array {
  return blake2s(utf8Bytes(PREFIX), sealed).subarray(0, CHECKSUM_BYTES);
}
