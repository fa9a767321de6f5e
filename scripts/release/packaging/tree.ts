/**
 * What a package of Linux holds: the program, the unit that starts it, its manual and the completions of shells.
 * @module
 */

import { completionScript } from "../../../lib/cli/completion/mod.ts";
import { unitText } from "../../../lib/cli/systemd/mod.ts";
import { REFERENCE_FOLDER } from "../../reference/mod.ts";
import { ROOT } from "../command.ts";

/** Where a package puts the program. */
export const PROGRAM_PATH = "usr/bin/weft";
/** And the unit, which is started by nobody before the node has joined. */
const UNIT_PATH = "usr/lib/systemd/system/weft.service";
/** The oldest systemd of a distribution that is maintained; a newer one takes what is written for it. */
const SYSTEMD_VERSION = 249;

/**
 * Lays out what a package installs below a folder.
 * @param program the path of the binary
 * @param tree a folder that is there and empty
 */
export async function layOut(program: string, tree: string): Promise<void> {
  const text = async (path: string, content: string): Promise<void> => {
    await Deno.mkdir(folderOf(`${tree}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${tree}/${path}`, content, { mode: 0o644 });
  };
  await Deno.mkdir(folderOf(`${tree}/${PROGRAM_PATH}`), { recursive: true });
  await Deno.copyFile(program, `${tree}/${PROGRAM_PATH}`);
  await Deno.chmod(`${tree}/${PROGRAM_PATH}`, 0o755);
  await text(UNIT_PATH, packagedUnit());
  await text("usr/share/doc/weft/README.md", await Deno.readTextFile(`${ROOT}README.md`));
  await text("usr/share/doc/weft/copyright", await Deno.readTextFile(`${ROOT}LICENSE`));
  await text("usr/share/man/man1/weft.1", await Deno.readTextFile(`${ROOT}${REFERENCE_FOLDER}/weft.1`));
  await text("usr/share/bash-completion/completions/weft", completionScript("bash"));
  await text("usr/share/zsh/vendor-completions/_weft", completionScript("zsh"));
  await text("usr/share/fish/vendor_completions.d/weft.fish", completionScript("fish"));
}

/** @returns the unit that `weft install` would write for the packaged program, by the words of a package */
function packagedUnit(): string {
  return unitText({
    scope: "system",
    command: [`/${PROGRAM_PATH}`],
    program: `/${PROGRAM_PATH}`,
    environment: {},
    stateDir: "/var/lib/weft",
    isResolverConfLink: false,
    systemdVersion: SYSTEMD_VERSION,
  }).replace(/^# Written by .*\n/, "# Changes belong into a drop-in: systemctl edit weft.\n");
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
