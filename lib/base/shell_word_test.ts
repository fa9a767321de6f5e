import assert from "node:assert/strict";
import { shellWord } from "./shell_word.ts";

const words = [
  "",
  "plain",
  "/var/lib/weft",
  "two words",
  "a'b",
  "''",
  "$(id)",
  "`id`",
  "a;id",
  "~root",
  "#no",
  "a\\b",
  '"',
  "!1",
  "*",
  "orders/>",
  "ü",
  "-n",
];

Deno.test("shellWord() makes words that a shell reads back as they were", async () => {
  const script = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
  const { code, stdout } = await new Deno.Command("sh", { args: ["-c", script], cwd: "/" }).output();
  assert.equal(code, 0);
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});
