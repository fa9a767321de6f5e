import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readTree } from "./source_file.ts";

Deno.test("readTree() reads texts in order of path and leaves the rest", async () => {
  const root = await Deno.makeTempDir({ prefix: "weft-house-" });
  try {
    await Deno.mkdir(`${root}/lib/base`, { recursive: true });
    await Deno.mkdir(`${root}/node_modules`);
    for (
      const path of [
        "mod.ts",
        "lib/base/b.ts",
        ".gitignore",
        "LICENSE",
        "deno.lock",
        "node_modules/a.ts",
        "a.png",
      ]
    ) {
      await Deno.writeTextFile(`${root}/${path}`, `of ${path}`);
    }
    await Deno.writeFile(`${root}/weft`, new Uint8Array((1 << 20) + 1));
    const files = await readTree(new URL(`${pathToFileURL(root).href}/`));
    assert.deepEqual(files.map(({ path }) => path), [".gitignore", "LICENSE", "lib/base/b.ts", "mod.ts"]);
    assert.deepEqual(files.map(({ text }) => text), files.map(({ path }) => `of ${path}`));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
