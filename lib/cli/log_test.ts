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

Deno.test("openLog() writes JSON lines, whose fields take the place of nothing", () => {
  const lines: string[] = [];
  {
    using log = openLog({ level: "info", format: "json", held: false, write: (line) => lines.push(line) });
    log.warn("slow\u202e\npeer", {
      name: 'we"b',
      rttMs: 5,
      isUp: true,
      error: new Error("a\nb"),
      none: undefined,
    });
    log.category?.("mesh").error("lost", {
      time: 1,
      level: 2,
      category: 3,
      message: 4,
      big: 5n,
      list: { a: 1 },
    });
  }
  for (const line of lines) assert.match(line, /^[ -~]+\n$/);
  const [first, second] = lines.map((line) => JSON.parse(line));
  assert.match(first.time, /^\d{4}-\S+Z$/);
  assert.deepEqual({ ...first, time: "" }, {
    ...{ time: "", level: "warn", message: "slow\u202e\npeer" },
    ...{ name: 'we"b', rttMs: 5, isUp: true, error: "a\nb" },
  });
  assert.deepEqual({ ...second, time: "" }, {
    ...{ time: "", level: "error", category: "mesh", message: "lost", big: "5", list: { a: 1 } },
  });
});

Deno.test("openLog() has levels of single parts, which change while it runs", () => {
  const lines: string[] = [];
  using log = openLog({ level: "warn", held: false, write: (line) => lines.push(line.slice(25)) });
  const [mesh, dns] = [log.category?.("mesh"), log.category?.("dns")];
  assert.ok(mesh && dns);
  const say = () => {
    for (const [name, each] of [["node", log], ["mesh", mesh], ["dns", dns]] as const) {
      each.debug(`${name} debug`);
      each.warn(`${name} warn`);
    }
    return lines.splice(0).map((line) => line.replace(/^\w+ +/, "").trim());
  };
  assert.deepEqual(say(), ["node warn", "mesh warn", "dns warn"]);
  log.setLevel({ level: "debug", category: "mesh" });
  log.setLevel({ level: "error", category: "dns" });
  assert.deepEqual(say(), ["node warn", "mesh debug", "mesh warn"]);
  assert.deepEqual(log.levels, { level: "warn", categories: { mesh: "debug", dns: "error" } });
  log.setLevel({ level: "debug" });
  assert.deepEqual(say(), ["node debug", "node warn", "mesh debug", "mesh warn", "dns debug", "dns warn"]);
  const of = log.recent.last({ lines: 3 }).map(({ level, category }) => [level, category]);
  assert.deepEqual(of, [["warn", "mesh"], ["debug", "dns"], ["warn", "dns"]]);
});

Deno.test("openLog() tells the journal how grave a line is, and no time, which that knows itself", () => {
  const lines: string[] = [];
  using log = openLog({ level: "debug", held: false, isJournal: true, write: (line) => lines.push(line) });
  log.debug("a");
  log.info("b", { name: "web-1" });
  log.warn("c");
  log.error("d");
  assert.deepEqual(lines, ["<7>a\n", "<6>b  name=web-1\n", "<4>c\n", "<3>d\n"]);
  // `weft logs` shows the same lines with their times.
  assert.match(log.recent.last({ lines: 1 })[0]?.text ?? "", /^\d{4}-\S+Z error d$/);
});

Deno.test("openLog() has parts say more or less than the rest from the start, and again when that is reloaded", () => {
  const lines: string[] = [];
  using log = openLog({
    level: "warn",
    categories: { mesh: "debug", dns: "error" },
    held: false,
    write: (line) => lines.push(line),
  });
  const say = (): string[] => {
    lines.length = 0;
    log.info("node");
    log.category?.("mesh").debug("mesh");
    log.category?.("dns").warn("dns");
    log.category?.("paths").info("paths");
    return lines.map((line) => line.trim().split(/ +/).at(-1) ?? "");
  };
  assert.deepEqual(say(), ["mesh"]);
  log.setLevels({ level: "info", categories: { mesh: "warn" } });
  assert.deepEqual(say(), ["node", "dns", "paths"]);
});
