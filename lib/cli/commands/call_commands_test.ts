import assert from "node:assert/strict";
import { controlSocketPath } from "../control_client.ts";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

const encoder = new TextEncoder();

/** What would forge a line, ring, recolour and turn the line. */
const EVIL = "ok\nb: 2\x07\x1b[31m\u202egnp\u200b";
const SHOWN = "\\x07\\x1b[31m\\u202egnp\\u200b";

/** What the agent answers by path; lines stay open at their end when there is a `…`. */
const answers: Readonly<Record<string, unknown>> = {
  "math/add": { result: { sum: 3 } },
  "math/text": { result: "a line" },
  "math/bytes": { base64: "AQL/" },
  "math/nothing": { result: null },
  "math/count": ['{"result":1}', '{"base64":"Ag=="}'],
  "math/breaks": ['{"result":1}', '{"code":"HandlerFailed","message":"the disk is full"}'],
  "math/breaksOwn": ['{"code":"SoldOut","message":"sold out"}'],
  "evil/fails": ['{"code":"HandlerFailed","message":' + JSON.stringify(EVIL) + "}"],
  "evil/each": {
    result: [{ node: "a", ok: true, result: EVIL }, {
      node: "b",
      ok: false,
      error: { code: EVIL, message: EVIL },
    }],
  },
  "evil/value": { result: { text: EVIL } },
  "math/waits": ['{"result":1}', "…"],
  "math/each": {
    result: [{ node: "a", ok: true, result: 1 }, {
      node: "b",
      ok: false,
      error: { code: "Refused", message: "not you" },
    }],
  },
  "math/none": { result: [{ node: "b", ok: false, error: { code: "Refused", message: "not you" } }] },
};
const event = { topic: "a/b", params: {}, publishedAt: 1_700_000_000_000, isPast: false, publisher: "web-1" };
const events = [
  JSON.stringify({ ...event, data: { n: 1 } }),
  '{"dropped":5}',
  JSON.stringify({ ...event, base64: "AQI=", isPast: true }),
  JSON.stringify({ ...event, data: null }),
  "…",
];

interface FakeAgent extends AsyncDisposable {
  readonly asked: unknown[];
  run(...args: readonly string[]): Promise<SamplePorts & { readonly code: number }>;
  start(...args: readonly string[]): { readonly ports: SamplePorts; readonly done: Promise<number> };
}

async function fakeAgent(): Promise<FakeAgent> {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const asked: unknown[] = [];
  const path = controlSocketPath(stateDir);
  const server = Deno.serve({ transport: "unix", path, onListen() {} }, async (request) => {
    const url = new URL(request.url);
    const body = request.method === "POST" ? await request.json() : url.search;
    asked.push(body);
    if (url.pathname === "/subscribe") return lines(events);
    if (url.pathname === "/publish") return Response.json({ local: 1, sent: 2, lost: 1 });
    const answer = answers[body.path];
    if (Array.isArray(answer)) return lines(answer);
    return answer === undefined
      ? Response.json({ code: "NoProvider", message: "Nobody offers it" }, { status: 404 })
      : Response.json(answer);
  });
  const start = (...args: readonly string[]) => {
    const ports = new SamplePorts();
    return { ports, done: main([...args, "--state", stateDir], ports) };
  };
  return {
    asked,
    start,
    run: async (...args) => {
      const { ports, done } = start(...args);
      return Object.assign(ports, { code: await done });
    },
    [Symbol.asyncDispose]: async () => {
      await server.shutdown();
      await Deno.remove(stateDir, { recursive: true });
    },
  };
}

function lines(texts: readonly string[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const text of texts) if (text !== "…") controller.enqueue(encoder.encode(`\n${text}\n`));
      if (!texts.includes("…")) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

async function until(holds: () => boolean): Promise<void> {
  const bound = AbortSignal.timeout(5_000);
  while (!holds()) {
    bound.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const calls: readonly (readonly [string, string, number])[] = [
  ["call math/add", '{\n  "sum": 3\n}\n', 0],
  ["call math/add --json", '{"sum":3}\n', 0],
  ["call math/text", "a line\n", 0],
  ["call math/text --json", '"a line"\n', 0],
  ["call math/bytes", "AQL/\n", 0],
  ["call math/bytes --json", '{"base64":"AQL/"}\n', 0],
  ["call math/nothing", "", 0],
  ["call math/nothing --json", "null\n", 0],
  ["call math/count", "1\nAg==\n", 0],
  ["call math/count --json", '1\n{"base64":"Ag=="}\n', 0],
  ["call math/each --mode all", "a: 1\nb: failed: not you (Refused)\n", 0],
  ["call math/none --mode all", "b: failed: not you (Refused)\n", 1],
  ["publish a/b", "Handed to 1 subscription here, sent to 2 others, could not reach 1 node\n", 0],
  ["publish a/b --json", '{\n  "local": 1,\n  "sent": 2,\n  "lost": 1\n}\n', 0],
];
for (const [line, stdout, code] of calls) {
  Deno.test(`weft ${line} prints its answer`, async () => {
    await using agent = await fakeAgent();
    const ran = await agent.run(...line.split(" "));
    assert.equal(ran.stderr, "");
    assert.equal(ran.stdout, stdout);
    assert.equal(ran.code, code);
  });
}

Deno.test("weft call and publish ask for what they were told", async () => {
  await using agent = await fakeAgent();
  await agent.run("call", "math/add", '{"a":1}', "--timeout", "1m", "--mode", "leader");
  await agent.run("call", "math/add", "null", "--node", "web-1");
  await agent.run("publish", "a/b", "[1]", "--retain", "--mode", "local_only");
  assert.deepEqual(agent.asked, [
    { path: "math/add", params: { a: 1 }, timeoutMs: 60_000, mode: "leader" },
    { path: "math/add", params: null, node: "web-1" },
    { topic: "a/b", data: [1], retain: true, mode: "local_only" },
  ]);
});

Deno.test("weft call names the code of a failure, also in the middle of a stream", async () => {
  await using agent = await fakeAgent();
  const nobody = await agent.run("call", "nobody/home");
  assert.equal(nobody.code, 1);
  assert.match(
    nobody.stderr,
    /^weft: Cannot call nobody\/home: Nobody offers it \(NoProvider\)\nhint: .*\n$/,
  );
  for (const path of ["math", "math/", "/add"]) {
    const actionless = await agent.run("call", path);
    assert.equal(actionless.code, 2);
    assert.match(actionless.stderr, /: that names no action\nhint: Write the service, \/ and the action/);
  }
  const broken = await agent.run("call", "math/breaks");
  assert.equal(broken.code, 1);
  assert.equal(broken.stdout, "1\n");
  assert.match(
    broken.stderr,
    /^weft: Cannot call math\/breaks: the disk is full \(HandlerFailed\)\nhint: The action itself has failed;/,
  );
  const own = await agent.run("call", "math/breaksOwn");
  assert.match(own.stderr, /: sold out \(SoldOut\)\nhint: The code is the provider's own\.\n$/);
});

Deno.test("weft call ends with 130 at Ctrl-C, in the middle of a stream", async () => {
  await using agent = await fakeAgent();
  const { ports, done } = agent.start("call", "math/waits");
  await until(() => ports.stdout === "1\n");
  ports.stopSignal();
  assert.equal(await done, 130);
  assert.equal(ports.stderr, "");
});

Deno.test("weft subscribe prints events until Ctrl-C, and what was dropped", async () => {
  await using agent = await fakeAgent();
  const { ports, done } = agent.start("subscribe", "a/>", "--past");
  await until(() => ports.stdout.split("\n").length === 4);
  assert.match(
    ports.stdout,
    /^[\d:]{8} a\/b \{"n":1\} from web-1\n[\d:]{8} a\/b AQI= from web-1, kept\n[\d:]{8} a\/b from web-1\n$/,
  );
  assert.equal(ports.stderr, "weft: 5 events dropped, because this was too slow\n");
  ports.stopSignal();
  assert.equal(await done, 0);
  assert.deepEqual(agent.asked, ["?pattern=a%2F%3E&past=1"]);
});

Deno.test("weft subscribe --count ends by itself", async () => {
  await using agent = await fakeAgent();
  const { stdout, code } = await agent.run("subscribe", "a/b", "--count", "2", "--json");
  assert.equal(code, 0);
  assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line).base64), [undefined, "AQI="]);
});

Deno.test("what other nodes answer and publish forges no line and steers no terminal", async () => {
  await using agent = await fakeAgent();
  const failed = await agent.run("call", "evil/fails");
  assert.equal(failed.stderr.split("\n").length, 3);
  assert.ok(
    failed.stderr.startsWith(`weft: Cannot call evil/fails: ok b: 2${SHOWN} (HandlerFailed)\n`),
    failed.stderr,
  );
  const each = await agent.run("call", "evil/each", "--mode", "all");
  const failure = `ok\\x0ab: 2${SHOWN}`;
  assert.equal(each.stdout, `a: ok\n  b: 2${SHOWN}\nb: failed: ${failure} (${failure})\n`);
  const json = await agent.run("call", "evil/value", "--json");
  assert.equal(json.stdout, '{"text":"ok\\nb: 2\\u0007\\u001b[31m\\u202egnp\\u200b"}\n');
  assert.deepEqual(JSON.parse(json.stdout), { text: EVIL });
});
