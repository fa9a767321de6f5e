/**
 * The machines that there is a binary for.
 * @module
 */

/** A kind of machine, as Deno names it. */
export interface Target {
  /** What `deno compile --target` takes. */
  readonly triple: string;
  /** The file's name among those of a release. */
  readonly file: string;
}

/** All of them. */
export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-gnu", file: "weft-linux-x64" },
  { triple: "aarch64-unknown-linux-gnu", file: "weft-linux-arm64" },
  { triple: "x86_64-apple-darwin", file: "weft-macos-x64" },
  { triple: "aarch64-apple-darwin", file: "weft-macos-arm64" },
  { triple: "x86_64-pc-windows-msvc", file: "weft-windows-x64.exe" },
];

/** @returns the target that this machine runs, or the one of that triple @throws Error when there is none */
export function targetOf(triple: string = Deno.build.target): Target {
  const target = TARGETS.find((each) => each.triple === triple);
  if (target === undefined) {
    throw new Error(`There is no binary for ${triple}: ${TARGETS.map((each) => each.triple).join(", ")}`);
  }
  return target;
}
