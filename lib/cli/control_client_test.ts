import assert from "node:assert/strict";
import { sampleDevice } from "../agent/testing/sample_control.ts";
import { ControlClient, controlSocketPath, jsonLines } from "./control_client.ts";
import { type FakeAgent, type FakeAnswers, withFakeAgent } from "./testing/fake_agent.ts";
import { SamplePorts, sampleStatus } from "./testing/sample_ports.ts";
import { main } from "./weft.ts";
import { SlowNotice } from "./slow_notice.ts";

const usable = {
  used: 0,
  usesLeft: null,
  expiresAt: 4_000_000_000_000,
  labels: {},
  grants: {},
  state: "usable",
};

const answers: FakeAnswers = {
  "GET /status": [200, sampleStatus],
  "GET /peers": [200, sampleStatus.peers],
  "GET /tokens": [200, ["abcd1", "abcd2", "abcf99"].map((id) => ({ ...usable, id }))],
  "DELETE /tokens/abcf99": [200, { done: true }],
  "DELETE /tokens/abcd": [404, { code: "UnknownToken", message: "Cannot revoke abcd: there is none" }],
  "POST /tokens": [200, { token: "weft1-made", report: { id: "t1" } }],
  "DELETE /tokens/t%2F1": [200, { done: true }],
  "DELETE /tokens/t2": [404, {
    code: "UnknownToken",
    message: "Cannot revoke t2: there is none",
    hint: "List them.",
  }],
  "POST /peers": [200, sampleDevice],
  "POST /peers/hub": [200, sampleDevice],
  "DELETE /peers/web-1": [200, { done: true, name: "web-1" }],
  "DELETE /peers/web-2": [200, { done: true, name: "web-2", token: { ...usable, id: "t9" } }],
  "DELETE /peers/web-3?revokeToken=1": [200, {
    done: true,
    name: "web-3",
    token: { ...usable, id: "t9", state: "revoked" },
  }],
  "POST /dns/query": [200, {
    code: "NOERROR",
    isAuthoritative: true,
    answers: [{
      name: "2.0.200.10.in-addr.arpa.",
      type: "PTR",
      data: "web-1.weft.internal.",
      ttlSeconds: 300,
    }],
    authority: [],
  }],
  "POST /ping": [200, { rttMs: 1.5, path: "direct", lastHandshakeAgeMs: 12_000 }],
};

/** @param others answered in place of the usual, or beside it */
const withAgent = (use: (agent: FakeAgent) => Promise<void>, others: FakeAnswers = {}) =>
  withFakeAgent({ ...answers, ...others }, use);

async function run({ stateDir }: FakeAgent, line: string): Promise<SamplePorts & { readonly code: number }> {
  const ports = new SamplePorts();
  const code = await main([...line.split(" "), "--state", stateDir], ports);
  return Object.assign(ports, { code });
}

Deno.test("every command that asks gets its answer over the socket", () =>
  withAgent(async (agent) => {
    const cases: readonly (readonly [line: string, asked: string, says: RegExp])[] = [
      ["status", "GET /status", /^node {5}lead, leader, 10\.200\.0\.1$/m],
      ["status --json", "GET /status", /"name": "lead"/],
      ["peers", "GET /peers", /^web-1 +10\.200\.0\.2 +healthy/m],
      ["peers --json", "GET /peers", /^\[/],
      [
        "ping web-1",
        'POST /ping {"peer":"web-1"}',
        /^web-1 answers in 1\.50 ms, direct, handshake 12 s ago\n$/,
      ],
      [
        "ping web-1 --json",
        'POST /ping {"peer":"web-1"}',
        /^\{"peer":"web-1","rttMs":1.5,"path":"direct","lastHandshakeAgeMs":12000\}\n$/,
      ],
      ["token list", "GET /tokens", /^abcd1 +usable/m],
      ["token ls", "GET /tokens", /^abcd1 +usable/m],
      ["peer list", "GET /peers", /^web-1 +10\.200\.0\.2 +healthy/m],
      ["peer ls --wide", "GET /peers", /^web-1 +10\.200\.0\.2 +healthy/m],
      [
        "dns query 10.200.0.2",
        'POST /dns/query {"name":"2.0.200.10.in-addr.arpa.","type":"PTR"}',
        /PTR web-1\.weft\.internal\.\n$/,
      ],
      ["peer rm web-1", "DELETE /peers/web-1", /^Removed web-1\n$/],
      ["peer delete web-1", "DELETE /peers/web-1", /^Removed web-1\n$/],
      [
        "token create --no-endpoints",
        'POST /tokens {"lifetimeMs":86400000,"labels":{},"uses":1,"withoutEndpoints":true}',
        /^weft --join weft1-made\n$/,
      ],
      [
        "token create",
        'POST /tokens {"lifetimeMs":86400000,"labels":{},"uses":1}',
        /^weft --join weft1-made\n$/,
      ],
      [
        "token create --uses any",
        'POST /tokens {"lifetimeMs":86400000,"labels":{}}',
        /^weft --join weft1-made\n$/,
      ],
      [
        "token create --uses 5 --expires 90s --label a=b --json",
        'POST /tokens {"lifetimeMs":90000,"labels":{"a":"b"},"uses":5}',
        /"token": "weft1-made"/,
      ],
      ["token revoke t/1", "DELETE /tokens/t%2F1", /^Revoked the token t\/1\n$/],
      [
        "peer add phone --public-key k --endpoint 192.0.2.9:1 --allowed-ip 10.1.0.0/16 --keepalive 25",
        'POST /peers {"name":"phone","publicKey":"k","endpoint":"192.0.2.9:1","allowedIps":["10.1.0.0/16"],' +
        '"persistentKeepaliveSeconds":25}',
        /^# phone is 10\.200\.0\.9\. [^]*^Address = 10\.200\.0\.9\/32$/m,
      ],
      [
        "peer add phone --public-key k --hub web-1",
        'POST /peers {"name":"phone","publicKey":"k","hub":"web-1"}',
        /^AllowedIPs = 10\.200\.0\.0\/16$/m,
      ],
      [
        "peer add phone --public-key k --direct",
        'POST /peers {"name":"phone","publicKey":"k","isDirect":true}',
        /^PersistentKeepalive = 25$/m,
      ],
      [
        "peer hub phone web-1",
        'POST /peers/hub {"device":"phone","hub":"web-1"}',
        /^Endpoint = 192\.0\.2\.1:51820$/m,
      ],
      ["peer remove web-1", "DELETE /peers/web-1", /^Removed web-1\n$/],
      [
        "peer remove web-2",
        "DELETE /peers/web-2",
        /^Removed web-2\nThe token .* still good: t9\nhint: `weft token revoke t9` keeps .*\n$/,
      ],
      [
        "peer remove web-3 --revoke-token",
        "DELETE /peers/web-3?revokeToken=1",
        /^Removed web-3\nRevoked the token t9, by which it came in\.\n$/,
      ],
    ];
    for (const [line, asked, says] of cases) {
      const { code, stdout, stderr } = await run(agent, line);
      assert.equal(code, 0, `${line}: ${stderr}`);
      assert.match(stdout, says, line);
      assert(agent.asked.includes(asked), agent.asked.join("\n"));
    }
  }));

Deno.test("what the agent refuses is told in its own words", () =>
  withAgent(async (agent) => {
    const { code, stderr } = await run(agent, "token revoke t2");
    assert.equal(code, 1);
    assert.equal(stderr, "weft: Cannot revoke t2: there is none\nhint: List them.\n");
  }));

Deno.test("an agent that knows no such command is said to be of another version", () =>
  withAgent(async (agent) => {
    for (const line of ["peers", "token list"]) {
      const { code, stderr } = await run(agent, line);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^weft: The running agent does not know this command: it is of another version\nhint: /,
      );
      assert.match(stderr, /`systemctl restart weft`/);
    }
  }, {
    "GET /peers": [404, { code: "NotFound", message: "There is nothing of this name" }],
    "GET /tokens": [405, { code: "MethodNotAllowed", message: "This takes POST" }],
  }));

Deno.test("rotate-key and peer remove name the devices that reach nobody then", () => {
  const peers = sampleStatus.peers.map((peer) => peer.name === "phone" ? { ...peer, hub: "lead" } : peer);
  return withAgent(async (agent) => {
    const rotated = await run(agent, "rotate-key");
    assert.match(rotated.stdout, /^phone does not know its key: `weft peer hub phone lead` on a leader/m);
    const removed = await run(agent, "peer remove web-1");
    assert.match(
      removed.stdout,
      /^Removed web-1\nIt passed packets on for phone, tv: `weft peer hub phone NODE`/,
    );
  }, {
    "GET /status": [200, { ...sampleStatus, peers }],
    "POST /rotate-key": [200, { publicKey: "new", id: "ab" }],
    "DELETE /peers/web-1": [200, { done: true, name: "web-1", devices: ["phone", "tv"] }],
  });
});

Deno.test("token revoke takes the beginning of an id, unless it is of two", () =>
  withAgent(async (agent) => {
    assert.equal((await run(agent, "token revoke abcf")).code, 0);
    assert.equal((await run(agent, "token revoke abcd")).code, 1);
  }));

Deno.test("ping of an address that is no member's names what tells who leads there", () => {
  const unknown = { code: "UnknownPeer", message: "Cannot find it", hint: "List all." };
  return withAgent(async (agent) => {
    assert.match((await run(agent, "ping 192.168.50.7")).stderr, /hint: .*`weft explain 192\.168\.50\.7`/);
    assert.match((await run(agent, "ping nobody")).stderr, /hint: List all\.$/m);
  }, { "POST /ping": [404, unknown] });
});

Deno.test("ping counts", () =>
  withAgent(async (agent) => {
    const { stdout } = await run(agent, "ping web-1 --count 3");
    assert.equal(stdout.split("\n").length, 5);
    assert.match(stdout, /^3 asked, 0 % lost, 1\.50 ms \/ 1\.50 ms \/ 1\.50 ms least, average, most$/m);
    assert.equal(agent.asked.length, 3);
  }));

Deno.test("status --watch shows it until it is told to stop", () =>
  withAgent(async (agent) => {
    const ports = new SamplePorts();
    const running = main(["status", "--watch", "--state", agent.stateDir], ports);
    const bound = AbortSignal.timeout(5000);
    while (ports.stdout === "" && !bound.aborted) await new Promise((resolve) => setTimeout(resolve));
    ports.stopSignal();
    assert.equal(await running, 0);
    assert.match(ports.stdout, /lead, leader/);
  }));

Deno.test("status --watch ends when nobody reads it any more", () =>
  withAgent(async (agent) => {
    const ports = new SamplePorts();
    const running = main(["status", "--watch", "--state", agent.stateDir], ports);
    const bound = AbortSignal.timeout(5000);
    while (ports.stdout === "" && !bound.aborted) await new Promise((resolve) => setTimeout(resolve));
    ports.readerGone();
    assert.equal(await running, 0);
  }));

Deno.test("ControlClient tells a dead socket from an agent", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  try {
    const script = `Deno.listen({ transport: "unix", path: Deno.args[0] }); Deno.exit(0)`;
    const args = ["eval", script, controlSocketPath(stateDir)];
    assert((await new Deno.Command(Deno.execPath(), { args }).output()).success);
    using client = new ControlClient(stateDir);
    await assert.rejects(client.ask("status"), {
      name: "NoAgentError",
      message: new RegExp(`none runs .*${stateDir}`),
    });
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("weft logs --json prints what means something to a terminal as codes, and says the same", () => {
  const text = "from a\u009b31m\u202emember";
  const line = { number: 1, level: "info", category: "mesh", text };
  return withAgent(async (agent) => {
    const { stdout, code, stderr } = await run(agent, "logs --json");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"from a\\u009b31m\\u202emember"/);
    assert.equal(JSON.parse(stdout).text, text);
  }, { "GET /logs?lines=10": [200, { lines: [line] }] });
});

Deno.test("who waits long at a terminal is told once that the agent has not answered, and a program is not", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const server = Deno.serve(
    { transport: "unix", path: controlSocketPath(stateDir), onListen() {} },
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return Response.json(sampleStatus);
    },
  );
  try {
    const { terminal } = new SamplePorts();
    const told: string[] = [];
    const person = { ...terminal, isInteractive: true, err: (text: string) => void told.push(text) };
    using quiet = new ControlClient(stateDir, {
      notice: new SlowNotice({ terminal: person }, { json: true }, 1),
    });
    await quiet.ask("status");
    using piped = new ControlClient(stateDir, { notice: new SlowNotice({ terminal }, {}, 1) });
    await piped.ask("status");
    assert.deepEqual(told, []);
    using client = new ControlClient(stateDir, { notice: new SlowNotice({ terminal: person }, {}, 1) });
    await client.ask("status");
    await client.ask("status");
    assert.deepEqual(told, ["Waiting for the agent's answer, up to 15 s; `weft logs` says what for\n"]);
  } finally {
    await server.shutdown();
    await Deno.remove(stateDir, { recursive: true });
  }
});

function readLines(...chunks: readonly (string | Uint8Array)[]): Promise<unknown[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  return Array.fromAsync(jsonLines(ReadableStream.from(bytes)));
}

const lineCases: readonly (readonly [string, readonly (string | Uint8Array)[], readonly unknown[]])[] = [
  ["nothing", [], []],
  ["empty lines", ["\n\n", "1\n", "\n"], [1]],
  ["several in a chunk", ['{"a":1}\n[2]\n"3"\n'], [{ a: 1 }, [2], "3"]],
  ["one in several chunks", ['{"a"', ":", "1}", "\n"], [{ a: 1 }]],
  ["a last one without an end", ["1\n2"], [1, 2]],
  [
    "a character that is cut",
    [Uint8Array.of(0x22, 0xc3), Uint8Array.of(0xa4, 0x22, 0x0a)],
    ["ä"],
  ],
];
for (const [name, chunks, expected] of lineCases) {
  Deno.test(`jsonLines() reads ${name}`, async () => assert.deepEqual(await readLines(...chunks), expected));
}

Deno.test("jsonLines() fails at what is no JSON, after what was", async () => {
  const lines = jsonLines(ReadableStream.from([new TextEncoder().encode("1\n{\n")]));
  assert.deepEqual(await lines.next(), { done: false, value: 1 });
  await assert.rejects(lines.next(), SyntaxError);
});

Deno.test("jsonLines() ends the stream when its reader leaves", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => void (isCancelled = true),
  });
  for await (const line of jsonLines(stream)) {
    assert.equal(line, 1);
    break;
  }
  assert(isCancelled);
});
