/**
 * Archives for people who want no package: the program with its licence, its manual and the completions.
 * @module
 */

import { completionScript, SHELLS } from "../../../lib/cli/completion/mod.ts";
import { REFERENCE_FOLDER } from "../../reference/mod.ts";
import { ROOT, run } from "../command.ts";
import type { Target } from "../targets.ts";

/** @returns the name of a target's archive among the files of a release */
export function archiveName({ file }: Target, version: string): string {
  const [, kind = ""] = /^weft-([a-z0-9-]+?)(?:\.exe)?$/.exec(file) ?? [];
  return `weft-${version}-${kind}${file.endsWith(".exe") ? ".zip" : ".tar.gz"}`;
}

/**
 * Makes the archive of a binary, the same bytes each time.
 * @param folder where the binary is and the archive goes
 * @param version of the program
 * @returns the path of the archive
 * @throws Error when `tar` or `zip` fails
 */
export async function makeArchive(target: Target, folder: string, version: string): Promise<string> {
  const name = archiveName(target, version);
  const top = name.replace(/\.(?:zip|tar\.gz)$/, "");
  const work = await Deno.makeTempDir({ prefix: "weft-archive-" });
  try {
    const tree = `${work}/${top}`;
    await Deno.mkdir(`${tree}/completions`, { recursive: true });
    const program = `${tree}/weft${target.file.endsWith(".exe") ? ".exe" : ""}`;
    await Deno.copyFile(`${folder}/${target.file}`, program);
    await Deno.chmod(program, 0o755);
    for (const file of ["LICENSE", "README.md"]) await Deno.copyFile(`${ROOT}${file}`, `${tree}/${file}`);
    await Deno.copyFile(`${ROOT}${REFERENCE_FOLDER}/weft.1`, `${tree}/weft.1`);
    for (const shell of SHELLS) {
      await Deno.writeTextFile(`${tree}/completions/weft.${shell}`, completionScript(shell));
    }
    const out = `${folder}/${name}`;
    if (name.endsWith(".zip")) {
      await run([
        "sh",
        "-c",
        'cd "$1" && find "$2" -exec touch -d @0 {} + && rm -f "$3" && zip -qrX "$3" "$2"',
        "sh",
        work,
        top,
        out,
      ]);
    } else {
      // Neither when it was made nor by whom is in it.
      const same = [
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--format=ustar",
      ];
      await run([
        "sh",
        "-c",
        'out=$1; shift; tar "$@" | gzip -9n >"$out"',
        "sh",
        out,
        "-C",
        work,
        ...same,
        "-cf",
        "-",
        top,
      ]);
    }
    return out;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
