import assert from "node:assert/strict";
import { silentLogger } from "./environment.ts";
import { LimitedLogger } from "./limited_logger.ts";
import { logOf } from "./log_category.ts";
import { VirtualClock, VirtualTimers } from "./time.ts";

function fixture() {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void lines.push(
      [level, message, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`)].join(" "),
    );
  const sink = { ...silentLogger, info: write("info"), warn: write("warn"), error: write("error") };
  return { timers, lines, log: new LimitedLogger(sink, { clock, timers }) };
}

Deno.test("LimitedLogger writes a handful of 4,581 lines of one origin in 12 s, and how many there were", () => {
  const { timers, lines, log } = fixture();
  for (let i = 0; i < 4_581; i++) {
    log.info("asked by a member", { from: "mallory", request: "handover", answer: "refused" });
    timers.advance(12_000 / 4_581);
  }
  timers.advance(60_000);
  assert.ok(lines.length <= 8, lines.join("\n"));
  const counts = lines.flatMap((line) =>
    /: (\d+) more like this in \d+ s from=mallory$/.exec(line)?.[1] ?? []
  );
  const written = lines.length - counts.length;
  assert.equal(counts.reduce((sum, count) => sum + Number(count), written), 4_581);
  const after = lines.length;
  timers.advance(600_000);
  assert.equal(lines.length, after);
  assert.equal(timers.size, 0);
});

Deno.test("LimitedLogger takes ports of one address for one origin, and other origins and messages apart", () => {
  const { lines, log } = fixture();
  for (let port = 1_000; port < 1_100; port++) log.warn("join refused", { from: `192.0.2.1:${port}` });
  assert.equal(lines.length, 5);
  for (let port = 1_000; port < 1_100; port++) log.warn("join refused", { from: `[2001:db8::1]:${port}` });
  assert.equal(lines.length, 10);
  log.warn("join refused", { from: "192.0.2.2:1000" });
  log.error("cannot serve a join", { from: "192.0.2.1:1000" });
  assert.deepEqual(lines.slice(10), [
    "warn join refused from=192.0.2.2:1000",
    "error cannot serve a join from=192.0.2.1:1000",
  ]);
});

Deno.test("LimitedLogger bounds what any number of origins write of one message, and of all", () => {
  const { timers, lines, log } = fixture();
  for (let i = 0; i < 10_000; i++) log.warn("join refused", { from: `origin ${i}` });
  assert.equal(lines.length, 50);
  for (let message = 0; message < 20; message++) {
    for (let i = 0; i < 100; i++) log.warn(`message ${message}`, { from: `origin ${i}` });
  }
  assert.equal(lines.length, 200);
  // What this node says of itself has its own.
  log.error("cannot look after the state");
  assert.equal(lines.length, 201);
  timers.advance(10_000);
  assert.equal(lines[201], "warn join refused: 9950 more like this in 10 s");
});

Deno.test("LimitedLogger says what it left out when it is closed, and leaves no timer", () => {
  const { timers, lines, log } = fixture();
  for (let i = 0; i < 7; i++) log.error("cannot answer a member", { from: "mallory" });
  log[Symbol.dispose]();
  assert.equal(lines.at(-1), "error cannot answer a member: 2 more like this in 0 s from=mallory");
  log.error("cannot answer a member", { from: "mallory" });
  log.error("the interface is gone");
  assert.equal(lines.length, 7);
  assert.equal(timers.size, 0);
});

Deno.test("LimitedLogger keeps parts apart where its log does, under limits that they share", () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const lines: string[] = [];
  const write = (category: string) => ({
    ...silentLogger,
    warn: (message: string) => void lines.push(`${category}: ${message}`),
  });
  const log = new LimitedLogger({ ...write("node"), category: write }, { clock, timers });
  const mesh = logOf(log, "mesh");
  for (let i = 0; i < 100; i++) mesh.warn("lost", { peer: "web-1" });
  logOf(mesh, "dns").warn("lost", { peer: "web-1" });
  log.warn("other");
  timers.advance(60_000);
  assert.deepEqual(lines, [
    ...Array.from({ length: 5 }, () => "mesh: lost"),
    "node: other",
    "mesh: lost: 96 more like this in 10 s",
  ]);
  log[Symbol.dispose]();
});
