// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task reference`: writes the pages that are made from the code. `--check` only says whether they are as the code
 * is now.
 * @module
 */

import { REFERENCE_FOLDER, referenceFiles } from "./reference/mod.ts";

const root = new URL("../", import.meta.url);
const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const outdated: string[] = [];
for (const [name, text] of await referenceFiles(root, version)) {
  const url = new URL(`${REFERENCE_FOLDER}/${name}`, root);
  const wanted = name.endsWith(".md") ? await formatted(text) : text;
  const found = await Deno.readTextFile(url).catch(() => "");
  if (found === wanted) continue;
  outdated.push(`${REFERENCE_FOLDER}/${name}`);
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(url, wanted);
}
const isCheck = Deno.args.includes("--check");
for (const path of outdated) console.log(isCheck ? `${path} is not as the code is` : `wrote ${path}`);
if (isCheck && outdated.length > 0) {
  console.log("`deno task reference` writes them");
  Deno.exit(1);
}

/** @returns the text as `deno fmt` has it, so that both agree about the file */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error("deno fmt takes no such page");
  return new TextDecoder().decode(stdout);
}
