import assert from "node:assert/strict";
import { documentationPages } from "../../lab/mod.ts";

const root = new URL("../../../", import.meta.url);
const pages = await documentationPages();
const architecture = [
  ".github/ARCHITECTURE.md",
  ".github/PERFORMANCE.md",
  ".github/SECURITY.md",
  "CONTRIBUTING.md",
];

const BLOCK = /^```.*?^```$/gms;

/** What a page leads to in this tree, from the root, with the heading behind `#` that is meant there. */
function placesOf(
  path: string,
  text: string,
): readonly { readonly file: string; readonly heading: string }[] {
  return [...text.replaceAll(BLOCK, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
    .filter((target) => !/^\w+:/.test(target))
    .map((target) => {
      const { pathname, hash } = new URL(target, new URL(path, root));
      return { file: pathname.slice(root.pathname.length), heading: hash.slice(1) };
    });
}

/** What a page leads to, without headings. */
function linksOf(path: string, text: string): readonly string[] {
  return placesOf(path, text).map(({ file }) => file);
}

/** The names by which GitHub reaches the headings of a page. */
function headingsOf(text: string): readonly string[] {
  return [...text.replaceAll(BLOCK, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(
      " ",
      "-",
    )
  );
}

Deno.test("every link of the documentation leads somewhere", async () => {
  const others = architecture.map(async (path) => ({
    path,
    text: await Deno.readTextFile(new URL(path, root)),
  }));
  for (const { path, text } of [...pages, ...await Promise.all(others)]) {
    for (const { file, heading } of placesOf(path, text)) {
      await Deno.stat(new URL(file, root)).catch(() =>
        assert.fail(`${path} leads to ${file}, which is not there`)
      );
      if (heading === "" || !file.endsWith(".md")) continue;
      const headings = headingsOf(await Deno.readTextFile(new URL(file, root)));
      assert.ok(
        headings.includes(heading),
        `${path} leads to ${file}#${heading}, a heading that is not there`,
      );
    }
  }
});

Deno.test("every page is found from the README", () => {
  const found = new Set(["README.md"]);
  for (const path of found) {
    const page = pages.find((each) => each.path === path);
    if (page !== undefined) linksOf(path, page.text).forEach((target) => found.add(target));
  }
  assert.deepEqual(pages.map(({ path }) => path).filter((path) => !found.has(path)), []);
});
