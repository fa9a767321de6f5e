import assert from "node:assert/strict";
import { resolve } from "node:path";
import { absolutePath } from "./absolute_path.ts";

for (
  const path of [
    ...[
      "/",
      "/var/lib/weft",
      "/home/a/.weft",
      "/a/...",
      "/a/..b",
      "/a/.b.",
      "//",
      "/a/",
      "/a//b",
      "/a/./b",
      "/a/.",
    ],
    ...["/a/../b", "/a/..", "/..", "/.", "a", "./a", "../a", ".", "", "/a b", "/a\nb/..", "/ü"],
  ]
) {
  Deno.test(`absolutePath() reads ${JSON.stringify(path)} as node:path does`, () => {
    assert.equal(absolutePath(path), resolve(path));
  });
}
