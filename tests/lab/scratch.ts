/**
 * A temporary folder, and a disk that is easily full, as things that are made, used and removed.
 * @module
 */

import { expectRun } from "./captured_process.ts";

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

/** A mounted file system in memory. Disposing it unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives that room back. */
  drain(): Promise<void>;
}

/** Mounts an empty disk of `bytes` bytes at `path`, which is made. */
export async function mountSmallDisk(path: string, bytes: number): Promise<SmallDisk> {
  await Deno.mkdir(path);
  await expectRun(["mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "tmpfs", path]);
  const filler = `${path}/filler`;
  return {
    path,
    fill: async () => {
      using file = await Deno.open(filler, { create: true, append: true });
      const block = new Uint8Array(4096);
      try {
        for (;;) await file.write(block);
      } catch {
        // the disk is full
      }
    },
    drain: () => Deno.remove(filler),
    [Symbol.asyncDispose]: async () => void await expectRun(["umount", path]),
  };
}
