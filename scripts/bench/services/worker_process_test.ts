import assert from "node:assert/strict";
import { LineBuffer, WorkerProcess } from "./worker_process.ts";

/** A worker that echoes its orders, but fails, ends or is silent when told to. */
const PROGRAM = `
import { createInterface } from "node:readline";
console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
  const { op } = JSON.parse(line);
  if (op === "fail") console.log('{"error":"it failed"}');
  else if (op === "end") process.exit(0);
  else if (op !== "hang") console.log(line);
}
`;

function start(): WorkerProcess {
  return new WorkerProcess("worker", [Deno.execPath(), "eval", "--no-config", PROGRAM]);
}

Deno.test("WorkerProcess hands orders over and answers back, in order", async () => {
  await using worker = start();
  await worker.ready(10_000);
  for (const value of [1, 2]) {
    assert.deepEqual(await worker.ask({ op: "echo", value }, 10_000), { op: "echo", value });
  }
  await assert.rejects(worker.ask({ op: "fail" }, 10_000), /worker failed in fail: it failed/);
});

Deno.test("WorkerProcess says so when its process ends, and ends one that is silent for too long", async () => {
  for (const [op, boundMs] of [["end", 10_000], ["hang", 100]] as const) {
    await using worker = start();
    await worker.ready(10_000);
    await assert.rejects(worker.ask({ op }, boundMs), new RegExp(`worker ended during ${op}`));
  }
});

Deno.test("LineBuffer gives the same lines however the text is cut", () => {
  const text = '{"a":1}\n\n{"b":2}\nrest';
  for (let at = 0; at <= text.length; at++) {
    const buffer = new LineBuffer();
    const lines = [...buffer.push(text.slice(0, at)), ...buffer.push(text.slice(at)), ...buffer.push("\n")];
    assert.deepEqual(lines, ['{"a":1}', "", '{"b":2}', "rest"]);
  }
});
