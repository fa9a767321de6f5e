/**
 * The check sums of a release's files, as `sha256sum --check` reads them.
 * @module
 */

import { createHash } from "node:crypto";

/** The file that holds them. */
export const SUMS_FILE = "SHA256SUMS";

/**
 * Writes `SHA256SUMS` for every other file of a folder, in the order of their names.
 * @returns its text
 * @throws Error when there is none
 */
export async function writeCheckSums(folder: string): Promise<string> {
  const names = [...Deno.readDirSync(folder)].filter(({ isFile, name }) => isFile && name !== SUMS_FILE)
    .map(({ name }) => name).sort();
  if (names.length === 0) throw new Error(`There is nothing to sum up in ${folder}`);
  let text = "";
  for (const name of names) {
    using file = await Deno.open(`${folder}/${name}`);
    const hash = createHash("sha256");
    for await (const chunk of file.readable) hash.update(chunk);
    // FIPS 180-4; two spaces, as the tool writes them.
    text += `${hash.digest("hex")}  ${name}\n`;
  }
  await Deno.writeTextFile(`${folder}/${SUMS_FILE}`, text);
  return text;
}
