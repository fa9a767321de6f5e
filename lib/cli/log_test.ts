import assert from "node:assert/strict";
import { openLog } from "./log.ts";

Deno.test("openLog() writes one line an event, from its level on", () => {
  const lines: string[] = [];
  {
    using log = openLog({ level: "warn", held: false, write: (line) => lines.push(line) });
    log.debug("no");
    log.info("no");
    log.warn("slow\npeer {name}", { name: "web\u202e 1", rttMs: 5, error: new Error("a\nb") });
    log.error("lost", { endpoint: "[::1]:5", nothing: undefined });
  }
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? "",
    /^\d{4}-\S+Z warn {2}slow\\x0apeer \{name\} {2}name="web\\u202e 1" rttMs=5 error="a\\nb"\n$/,
  );
  assert.match(lines[1] ?? "", /^\S+ error lost {2}endpoint=\[::1\]:5 nothing=undefined\n$/);
});

Deno.test("openLog() keeps lines back until they are wanted", () => {
  const lines: string[] = [];
  using log = openLog({ level: "info", held: true, write: (line) => lines.push(line) });
  log.info("first");
  assert.equal(lines.length, 0);
  log.release();
  log.info("second");
  log.release();
  assert.deepEqual(lines.map((line) => line.trim().split(" ").at(-1)), ["first", "second"]);
});
