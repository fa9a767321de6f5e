import assert from "node:assert/strict";
import { InvalidRequestError, problemOf } from "../../lib/api/mod.ts";
import { labTest, run } from "../../tests/lab/mod.ts";
import { httpPage } from "./code_pages.ts";
import { referenceCommands } from "./commands.ts";
import { manPage } from "./man_page.ts";
import { REFERENCE_FOLDER, referenceFiles } from "./mod.ts";

const root = new URL("../../", import.meta.url);

Deno.test("docs/reference is what the code says now", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "scripts/reference.ts", "--check"],
    cwd: root,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stdout));
});

Deno.test("referenceCommands() has every command that does something, with an example", () => {
  const commands = referenceCommands();
  assert.ok(commands.length > 100);
  assert.equal(commands[0]?.path, "weft");
  for (const { path, examples, isGroup, description } of commands) {
    assert.notEqual(description, "", path);
    assert.ok(isGroup || examples.length > 0, path);
  }
});

Deno.test("httpPage() names the fields that a failure has", () => {
  const failure = problemOf(new InvalidRequestError("text", { hint: "text" }));
  const [, sentence = ""] = httpPage().replaceAll("\n", " ").match(/A failure is an object with (.*?)\./) ??
    [];
  assert.deepEqual([...sentence.matchAll(/`(\w+)`/g)].map(([, name]) => name), Object.keys(failure));
});

Deno.test("referenceFiles() are all in the folder, and nothing else is", async () => {
  const found = await Array.fromAsync(
    Deno.readDir(new URL(`${REFERENCE_FOLDER}/`, root)),
    ({ name }) => name,
  );
  assert.deepEqual(found.sort(), [...(await referenceFiles(root, "0.0.0")).keys()].sort());
});

Deno.test("manPage() lets no text be taken for a macro", () => {
  const [program] = referenceCommands();
  assert.ok(program);
  const text = manPage([{ ...program, description: ".so /etc/passwd\n'br a\\b" }], "1.2.3");
  assert.match(text, /^\\&\.so \/etc\/passwd$/m);
  assert.match(text, /^\\&'br a\\eb$/m);
});

labTest("groff reads weft(1) without a warning", ["groff"], async () => {
  const page = new URL(`${REFERENCE_FOLDER}/weft.1`, root).pathname;
  const { code, stdout, stderr } = await run(["groff", "-man", "-Tutf8", "-ww", page]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  assert.match(stdout, /WEFT\(1\)/);
});
