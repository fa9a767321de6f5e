import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createScratch, expectRun, freePort } from "../lab/mod.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("README: the library example runs, and runs again", async () => {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  const example = examples.find((code) => code.includes("OverlayBootstrap")) ?? "";
  await using scratch = await createScratch("readme");
  // The package is these sources, and the usual ports may be taken here.
  const source = example
    .replace('"@weft/mesh"', JSON.stringify(`file://${root}mod.ts`))
    .replace("port: 51821", `port: ${freePort()}`)
    .replace('name: "lead"', `name: "lead", port: ${freePort()}`)
    // Nothing is called out into the networks that this machine is in.
    .replaceAll("rootless: true", "rootless: true, discovery: false")
    .replaceAll('"./', `"${scratch.path}/`);
  await Deno.writeTextFile(`${scratch.path}/example.ts`, source);
  const config = ["--config", `${root}deno.json`];
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--check",
    "-A",
    ...config,
    `${scratch.path}/example.ts`,
  ];
  // The second time it resumes what it has made.
  for (let run = 0; run < 2; run++) {
    assert.match(await expectRun(command), /^10\.200\.0\.2 reaches the leader in [\d.]+ ms\n$/);
  }
});
