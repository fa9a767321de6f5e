/**
 * A temporary folder as a thing that is made, used and removed.
 * @module
 */

/** A folder that is removed, with what is in it, when it is disposed of. */
export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder, readable by its owner only. */
export async function createScratch(label: string): Promise<Scratch> {
  const path = await Deno.makeTempDir({ prefix: `weft-${label}-` });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
