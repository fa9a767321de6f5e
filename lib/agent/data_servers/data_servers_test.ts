import assert from "node:assert/strict";
import { unixMillis } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { isAtLeast, parseVersion, serverConfig } from "./server_config.ts";
import {
  decodeServers,
  encodeServers,
  isProgramPath,
  passwordsOf,
  type ServersDecision,
} from "./server_entry.ts";
import { natsService, readKept, readStatus } from "./server_calls.ts";
import { serverWarnings } from "./server_warnings.ts";

const node = (digit: string) => digit.repeat(32) as NodeId;
const decision: ServersDecision = {
  hosts: ["1", "2", "3"].map((digit) => ({
    nodeId: node(digit),
    sealed: new Uint8Array(80).fill(Number(digit)),
    isGranted: digit === "2",
  })),
  program: "/usr/local/bin/nats-server",
  decidedBy: node("4"),
  decidedAt: unixMillis(1_790_000_000_000),
  keeps: "0123456789abcdef",
};

Deno.test("decodeServers() reads what encodeServers() writes, and nothing that is cut or malformed", () => {
  const body = encodeServers(decision);
  assert.deepEqual(decodeServers(body), decision);
  const { keeps: _, ...unnamed } = decision;
  assert.deepEqual(decodeServers(encodeServers(unnamed)), unnamed);
  assert.equal(decodeServers(encodeServers({ ...decision, keeps: "01" })), undefined);
  for (let at = 0; at < body.length; at++) {
    const read = decodeServers(body.subarray(0, at));
    assert.notDeepEqual(read, decision, `${at} bytes`);
  }
  const [host] = decision.hosts;
  assert(host !== undefined);
  assert.equal(decodeServers(encodeServers({ ...decision, hosts: [] })), undefined);
  assert.equal(decodeServers(encodeServers({ ...decision, hosts: [host, host] })), undefined);
  assert.equal(decodeServers(encodeServers({ ...decision, program: "/bin/sh" })), undefined);
});

Deno.test("isProgramPath() lets a nats-server be run, and nothing else", () => {
  for (const path of ["/usr/sbin/nats-server", "/opt/nats-server-2.12"]) assert(isProgramPath(path), path);
  for (
    const path of [
      "nats-server",
      "/bin/sh",
      "/tmp/../bin/nats-server",
      "/a/nats-server/x",
      "/a\nb/nats-server",
    ]
  ) {
    assert(!isProgramPath(path), path);
  }
});

Deno.test("serverConfig() listens in the mesh alone, and a server that is alone has no routes", () => {
  const passwords = passwordsOf(new Uint8Array(32).fill(7));
  assert.notEqual(passwords.client, passwords.cluster);
  const plan = {
    ...{ serverName: "weft-1", network: "abc", address: "10.0.0.1", clientPort: 24_222 },
    ...{ storeDir: "/state/nats-abc", passwords, version: "2.12.0" },
  };
  const three = serverConfig({ ...plan, others: ["10.0.0.2", "fd00::3"] });
  assert.deepEqual(three.match(/listen: "[^"]+"/g), ['listen: "10.0.0.1:24222"', 'listen: "10.0.0.1:26222"']);
  assert.match(three, /@10\.0\.0\.2:26222/);
  assert.match(three, /@\[fd00::3\]:26222/);
  assert.match(three, /^ping_interval: "4s"$/m);
  assert.match(three, /sync_interval: always/);
  const alone = serverConfig({ ...plan, others: [], version: "2.9.10" });
  assert.doesNotMatch(alone, /cluster|sync_interval/);
});

Deno.test("parseVersion() reads what the program prints", () => {
  assert.equal(parseVersion("nats-server: v2.9.10\n"), "2.9.10");
  assert.equal(parseVersion("bash 5.2"), undefined);
  assert.deepEqual(["2.9.10", "2.10.0", "3.0.0", "1.12.0"].map((text) => isAtLeast(text, [2, 10])), [
    ...[false, true, true, false],
  ]);
});

Deno.test("readStatus() takes nothing from a host that is not as it should be", () => {
  const status = { serverName: "weft-1", state: "running", version: "2.12.0", sinceMs: 5, restarts: 0 };
  assert.deepEqual(readStatus(status), status);
  for (
    const wrong of [undefined, null, 1, [], { ...status, state: "well" }, {
      ...status,
      serverName: "x".repeat(600),
    }]
  ) {
    assert.equal(readStatus(wrong), undefined);
  }
  assert.equal(readStatus({ ...status, health: { leader: "a", behind: "b" } })?.health, undefined);
});

Deno.test("serverWarnings() tells of servers that are away, of a lost quorum, and of versions", () => {
  const running = (version = "2.12.0") => ({ serverName: "s", state: "running", version }) as const;
  const seen = (name: string, status: ReturnType<typeof readStatus>) => ({ name, isKnown: true, status });
  const abouts = (...servers: Parameters<typeof serverWarnings>[0]) =>
    serverWarnings(servers).map(({ about }) => about);
  assert.deepEqual(abouts(seen("a", running()), seen("b", running()), seen("c", running())), []);
  assert.deepEqual(abouts(seen("a", running()), seen("b", undefined), seen("c", running())), ["away b"]);
  assert.deepEqual(abouts(seen("a", running()), seen("b", undefined), seen("c", undefined)), [
    ...["away b", "away c", "quorum"],
  ]);
  assert.deepEqual(abouts(seen("a", running("2.11.0")), seen("b", running())), ["versions"]);
  assert.deepEqual(abouts(seen("a", { ...running(), installed: "2.13.0" })), ["installed a"]);
  assert.deepEqual(abouts(seen("a", running()), { name: "b", isKnown: false, status: undefined }), []);
});

Deno.test("$nats/probe and kept answer leaders alone, and probe for a nats-server alone", async () => {
  const probed: unknown[] = [];
  const service = natsService({
    isLeader: (caller) => caller === "lead",
    probe: (program) => Promise.resolve(void probed.push(program)),
    status: () => Promise.reject(new Error("not asked")),
    kept: () => Promise.resolve(Array.from({ length: 20 }, (_, i) => `c${i}`)),
    open: () => Promise.resolve(undefined),
  });
  type Action = { readonly handler: (params: unknown, context: unknown) => Promise<unknown> };
  const [probe, kept] = ["probe", "kept"].map((name) => service.actions?.[name] as Action);
  assert(probe !== undefined && kept !== undefined);
  await assert.rejects(kept.handler({}, { caller: "web" }), { code: "Refused" });
  const names = readKept(await kept.handler({}, { caller: "lead" }));
  assert.deepEqual([names?.length, names?.at(0)], [16, "c0"]);
  for (const wrong of [undefined, { names: "orders" }, { names: [1] }, { names: new Array(17).fill("x") }]) {
    assert.equal(readKept(wrong), undefined);
  }
  await assert.rejects(probe.handler({}, { caller: "web" }), { code: "Refused" });
  await assert.rejects(probe.handler({ program: "/bin/sh" }, { caller: "lead" }), { code: "Refused" });
  assert.deepEqual(probed, []);
  await probe.handler({ program: "/usr/sbin/nats-server" }, { caller: "lead" });
  assert.deepEqual(probed, ["/usr/sbin/nats-server"]);
});
