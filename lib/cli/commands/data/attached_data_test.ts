import assert from "node:assert/strict";
import { CallError } from "../../../service/mod.ts";
import type { AttachedPort } from "../../ports.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

/** Runs a command with an owner that answers so. */
async function run(
  line: readonly string[],
  request: AttachedPort["request"],
): Promise<SamplePorts & { code: number }> {
  const ports = new SamplePorts();
  ports.attached = {
    request,
    dial: () => Promise.reject(new Error("nobody dials")),
    members: () => Promise.resolve([]),
    stop: () => Promise.resolve(),
  };
  return Object.assign(ports, { code: await main([...line, "--state", "/nowhere"], ports) });
}

const failing = (code: string) => () =>
  Promise.reject(new CallError({ code, message: `it is ${code}`, retryable: false, executed: false }));

const cases: readonly (readonly [code: string, hint: RegExp])[] = [
  ["InvalidCollection", /`weft data show` tells what it is/],
  ["NotOwner", /on the node that owns it: `weft data list`/],
  ["DiskFull", /Make room on the disk/],
  ["TooMuchWork", /`limit`/],
  ["Failed", /`weft logs` on the node that owns it/],
];
for (const [code, hint] of cases) {
  Deno.test(`what an owner answers with ${code} has a hint of its own`, async () => {
    const { stderr, code: ended } = await run(["data", "get", "orders", "7"], failing(code));
    assert.equal(ended, 1);
    assert.match(stderr, /^weft: .*\nhint: .*\n$/);
    assert.match(stderr, hint);
  });
}

Deno.test("a query that can't be read is refused with one that can", async () => {
  const { stderr, code } = await run(["data", "query", "orders"], failing("Failed"));
  assert.match(stderr, /^weft: column 1: found "orders", expected select\nhint: As in: select id/);
  assert.equal(code, 1);
});

Deno.test("who owns a queue is said in one line, in the order of names, and each by itself", async () => {
  const providers = ["web-2", "web-1"].map((name) => ({ name }));
  const answer: AttachedPort["request"] = (path: string) =>
    path === "$registry/list"
      ? Promise.resolve([{ path: "queue/mails", providers }] as never)
      : failing("Refused")() as never;
  const { stdout } = await run(["queue", "list", "--json"], answer);
  const [queue] = JSON.parse(stdout);
  assert.deepEqual([queue.owner, queue.owners], ["web-1, web-2", ["web-1", "web-2"]]);
});
