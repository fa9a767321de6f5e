/**
 * Replacing files where mounts are in play: this file runs itself once more inside a mount namespace of its own.
 * @module
 */

import assert from "node:assert/strict";
import { createScratch, expectRun, labTest } from "../../../tests/lab/mod.ts";
import { utf8Bytes } from "../../base/mod.ts";
import { HostError } from "../host_error.ts";
import { type FileReplacement, formerFile, replaceFile, restoreFile } from "./file_replacement.ts";

const INSIDE = "WEFT_TEST_INSIDE_MOUNTS";
const folder = Deno.env.get(INSIDE);

if (folder === undefined) {
  labTest("files are replaced and put back under mounts", ["linux", "root", "unshare", "mount"], async () => {
    await using scratch = await createScratch("mounts");
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const test = [Deno.execPath(), "test", "-A", "--quiet", "--no-check", "--config", config];
    await expectRun(
      ["unshare", "--mount", "--propagation", "private", ...test, new URL(import.meta.url).pathname],
      { env: { [INSIDE]: scratch.path, NO_COLOR: "1" } },
    );
  });
} else {
  testInside(folder);
}

function testInside(scratch: string): void {
  Deno.test("what a link leads to is not written where a covered mount had the link's path", async () => {
    const { path, target, before } = await folderWithLink(`${scratch}/covered`, async (path) => {
      Deno.writeTextFileSync(path, "covered");
      await expectRun(["mount", "--bind", path, path]);
    });
    const replacement = replacementOf(path);
    replaceFile(replacement);
    assert.equal(Deno.lstatSync(path).isFile, true);
    assert.equal(Deno.readTextFileSync(target), before);
    assert.equal(restoreFile(replacement), true);
    assert.equal(Deno.readLinkSync(path), target);
    assert.equal(Deno.readTextFileSync(target), before);
  });

  Deno.test("what a link leads to is not written where the folder takes no file", async () => {
    const { path, target, before } = await folderWithLink(`${scratch}/readonly`);
    await expectRun(["mount", "-o", "remount,ro", `${scratch}/readonly`]);
    assert.throws(() => replaceFile(replacementOf(path)), HostError);
    assert.equal(Deno.readTextFileSync(target), before);
  });

  Deno.test("a file that is a mount of its own is written and put back in place", async () => {
    const path = `${scratch}/mounted.conf`;
    Deno.writeTextFileSync(path, "hidden");
    Deno.writeTextFileSync(`${scratch}/source`, "before");
    await expectRun(["mount", "--bind", `${scratch}/source`, path]);
    const replacement = replacementOf(path);
    replaceFile(replacement);
    assert.equal(Deno.readTextFileSync(`${scratch}/source`), "ours");
    assert.equal(restoreFile(replacement), true);
    assert.equal(Deno.readTextFileSync(`${scratch}/source`), "before");
  });

  /** A file system of its own with a link at `path`, whose target is elsewhere. @param prepare under it */
  async function folderWithLink(folder: string, prepare?: (path: string) => Promise<void>) {
    const [path, target, before] = [`${folder}/resolv.conf`, `${folder}.target`, "somebody else's"];
    Deno.mkdirSync(folder);
    await prepare?.(path);
    await expectRun(["mount", "-t", "tmpfs", "tmpfs", folder]);
    Deno.writeTextFileSync(target, before);
    Deno.symlinkSync(target, path);
    return { path, target, before };
  }
}

function replacementOf(path: string): FileReplacement {
  return { path, former: formerFile(path), written: utf8Bytes("ours") };
}
