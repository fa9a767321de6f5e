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

/** What a page leads to in this tree, from the root, without the part behind `#`. */
function linksOf(path: string, text: string): readonly string[] {
  return [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) =>
    target
  )
    .filter((target) => !/^(?:\w+:|#)/.test(target))
    .map((target) =>
      new URL(target.split("#")[0] ?? "", new URL(path, root)).pathname.slice(root.pathname.length)
    );
}

Deno.test("every link of the documentation leads somewhere", async () => {
  const others = architecture.map(async (path) => ({
    path,
    text: await Deno.readTextFile(new URL(path, root)),
  }));
  for (const { path, text } of [...pages, ...await Promise.all(others)]) {
    for (const target of linksOf(path, text)) {
      await Deno.stat(new URL(target, root)).catch(() =>
        assert.fail(`${path} leads to ${target}, which is not there`)
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
