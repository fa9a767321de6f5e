/**
 * A disk that is easily full.
 * @module
 */

import { expectRun } from "./captured_process.ts";

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
