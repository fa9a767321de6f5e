import assert from "node:assert/strict";
import { controlSocketPath } from "./control_client.ts";
import { SlowNotice } from "./slow_notice.ts";
import { SamplePorts } from "./testing/sample_ports.ts";
import { main } from "./weft.ts";

function person(): SamplePorts {
  const ports = new SamplePorts();
  Object.assign(ports.terminal, { isInteractive: true, columns: 80 });
  return ports;
}

const wait = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));

Deno.test("SlowNotice tells of the first wait that is long, to a person, until waiting is what the command is for", async () => {
  const ports = person();
  const notice = new SlowNotice(ports, {}, 5);
  assert.equal(await notice.during("nobody", Promise.resolve(7)), 7);
  assert.equal(ports.stderr, "");
  assert.equal(await notice.during("web-1 to stop", wait(30), { boundMs: 10_000, more: "it may" }), 30);
  await notice.during("another", wait(30));
  assert.equal(ports.stderr, "Waiting for web-1 to stop, up to 10 s; it may\n");

  const ended = new SlowNotice(ports, {}, 5);
  const pending = ended.during("messages", wait(30));
  ended.end();
  await pending;
  await ended.during("messages", wait(30));
  await new SlowNotice(ports, { json: true }, 5).during("a program", wait(30));
  const failed = new SlowNotice(ports, {}, 5).during("nobody", Promise.reject(new Error("no")));
  await assert.rejects(failed, /^Error: no$/);
  await wait(10);
  assert.match(ports.stderr, /^.*\n$/);
});

const PATIENCE_MS = 10_000;
const LINES = [
  ...["status", "call math/add", "policy test", "config show", "config set port 5", "doctor", "netcheck"],
  ...["leave", "down", "data up", "data get orders 7", "queue show mails", "network list"],
];

/** @returns what a person is told who runs this beside an agent that does not answer for long */
async function toldBy(
  line: string,
  stateDir: string,
  answered: Promise<void>,
): Promise<{ readonly told: string; readonly ended: Promise<unknown> }> {
  const ports = person();
  ports.attached = {
    request: () => answered.then(() => Promise.reject(new Error("No"))),
    dial: () => Promise.reject(new Error("nobody dials")),
    members: () => Promise.resolve([]),
    stop: () => Promise.resolve(),
  };
  const ended = main([...line.split(" "), "--state", stateDir], ports);
  for (let waitedMs = 0; ports.stderr === "" && waitedMs < PATIENCE_MS; waitedMs += 20) await wait(20);
  const told = ports.stderr;
  return { told, ended };
}

Deno.test("who waits at a terminal is told, whatever command it is", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const answered = Promise.withResolvers<void>();
  const server = Deno.serve(
    { transport: "unix", path: controlSocketPath(stateDir), onListen() {} },
    async () => {
      await answered.promise;
      return Response.json({ code: "Busy", message: "No" }, { status: 500 });
    },
  );
  try {
    const told = await Promise.all(LINES.map((line) => toldBy(line, stateDir, answered.promise)));
    answered.resolve();
    await Promise.all(told.map(({ ended }) => ended));
    for (const [at, { told: text }] of told.entries()) {
      const says = /^Waiting for (the agent's answer|the answer|an answer of \w+), up to \d+ s.*\n$/;
      assert.match(text, says, LINES[at]);
    }
  } finally {
    answered.resolve();
    await server.shutdown();
    await Deno.remove(stateDir, { recursive: true });
  }
});
