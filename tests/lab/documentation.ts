/**
 * What people read: the README and the pages of `docs`, whose commands and programs tests run.
 * @module
 */

const root = new URL("../../", import.meta.url);

/** A page in Markdown. */
export interface DocumentationPage {
  /** From the root, such as `docs/guides/names.md`. */
  readonly path: string;
  readonly text: string;
}

/** @returns the README, then the pages of `docs` in the order of their paths, without those that are made from the code */
export async function documentationPages(): Promise<readonly DocumentationPage[]> {
  const paths = [
    "README.md",
    ...(await pagesBelow("docs")).filter((path) => !path.startsWith("docs/reference/")),
  ];
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await Deno.readTextFile(new URL(path, root)) })),
  );
}

/** @returns all of it, one page behind the other */
export async function documentationText(): Promise<string> {
  return (await documentationPages()).map(({ text }) => text).join("\n");
}

/** @returns the programs that use the package, as they stand there; `from` is how the import's name begins */
export async function documentedPrograms(from: string): Promise<readonly string[]> {
  return [...(await documentationText()).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = ""]) => text)
    .filter((text) => text.includes(`from "${from}`));
}

async function pagesBelow(folder: string): Promise<readonly string[]> {
  const pages: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
    if (isDirectory) pages.push(...await pagesBelow(`${folder}/${name}`));
    else if (name.endsWith(".md")) pages.push(`${folder}/${name}`);
  }
  return pages.sort();
}
