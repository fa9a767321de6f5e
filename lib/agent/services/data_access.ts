/**
 * The files by which a node is let in at the servers of its collections.
 * @module
 */

import { shellWord } from "../../base/mod.ts";
import {
  type ClientCertificate,
  DataError,
  type NatsCredentials,
  parseNatsCredentials,
} from "../../data/mod.ts";

/** No such file is longer. */
const MAX_BYTES = 64 << 10;

/** Reads what lets in. @throws DataError when it can't be read, or others can read it, too */
export async function readCredentials(path: string): Promise<NatsCredentials> {
  return parseNatsCredentials(await readSmall(path, "credentials", true));
}

/** Reads a pair of files in PEM. @throws DataError when one can't be read, or others can read the key, too */
export async function readClientCertificate(path: string, keyPath: string): Promise<ClientCertificate> {
  const [certificate, key] = await Promise.all([
    readSmall(path, "certificate", false),
    readSmall(keyPath, "key", true),
  ]);
  const decoder = new TextDecoder();
  return { certificate: decoder.decode(certificate), key: decoder.decode(key) };
}

async function readSmall(
  path: string,
  what: "credentials" | "certificate" | "key",
  isSecret: boolean,
): Promise<Uint8Array> {
  const refuse = (why: string, hint?: string) =>
    new DataError("Failed", `Cannot use the ${what} in ${path}: ${why}`, hint === undefined ? {} : { hint });
  try {
    const { mode, size } = await Deno.stat(path);
    if (isSecret && mode !== null && (mode & 0o077) !== 0) {
      throw refuse(
        "others than its owner can read or change it",
        `\`chmod 600 ${shellWord(path)}\` leaves it to its owner.`,
      );
    }
    if (size > MAX_BYTES) throw refuse(`it is longer than ${MAX_BYTES >> 10} KiB`);
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    if (error instanceof Deno.errors.NotFound) throw refuse("there is no such file");
    throw refuse(
      error instanceof Error ? error.message.split(/ \(os error|: /)[0] ?? "" : "it can't be read",
    );
  }
}
