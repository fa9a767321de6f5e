/**
 * Files that are there whole or not at all: a process that is stopped or killed meanwhile leaves nothing that could be
 * taken for one, and nothing in its way.
 * @module
 */

import type { SecretFile } from "./ports.ts";

/**
 * Sees, before anything is asked for, that a new file can be written.
 * @returns what writes it, for its owner alone
 * @throws the system's error, `AlreadyExists` when something has that name
 */
export async function prepareSecretFile(path: string): Promise<SecretFile> {
  await refuseTaken(path);
  const part = partOf(path);
  (await Deno.open(part, { write: true, createNew: true })).close();
  await Deno.remove(part);
  return { write: (content) => writeWhole(path, content) };
}

/**
 * Writes all of a file to the disk, then gives it its name; its owner alone may read it.
 * @param options.replaces whether it takes the place of one that is there
 * @throws the system's error, `AlreadyExists` when something has that name and is not to be replaced
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  { replaces = false }: { readonly replaces?: boolean } = {},
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  // What is no plain file, such as a device or a link, stays what it is.
  if (replaces && !(await isPlainOrMissing(path))) return await Deno.writeFile(path, bytes);
  if (!replaces) await refuseTaken(path);
  const part = partOf(path);
  try {
    await writeSynced(part, bytes);
    // Whoever makes one of that name just now is not overwritten; not every file system has links, which would tell, too.
    if (!replaces) (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

function partOf(path: string): string {
  return `${path}.${Deno.pid}.part`;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  await file.sync();
}

async function refuseTaken(path: string): Promise<void> {
  if (await infoOf(path) === undefined) return;
  throw new Deno.errors.AlreadyExists("File exists (os error 17)");
}

async function isPlainOrMissing(path: string): Promise<boolean> {
  return (await infoOf(path))?.isFile ?? true;
}

/** @returns what is at a path itself, not where a link leads */
async function infoOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
