import assert from "node:assert/strict";
import { SampleControl } from "../agent/testing/sample_control.ts";
import {
  type AgentControl,
  checkedControl,
  httpRequest,
  InvalidRequestError,
  openApi,
  type Operation,
  OPERATION_ENTRIES,
  type OperationName,
  OPERATIONS,
  VIEWS,
} from "../api/mod.ts";
import {
  InvalidNetworkError,
  NetworkInUseError,
  NotPermittedMemberError,
  UnknownNetworkError,
} from "../overlay/mod.ts";
import { controlApp, statusApp } from "./apps.ts";

const control = new SampleControl();
const apps = [
  { name: "statusApp()", app: statusApp({ control }), described: { control: false } },
  { name: "controlApp()", app: controlApp({ control }), described: { control: true } },
];
for (const { name, app, described } of apps) {
  Deno.test(`${name} serves the table, the whole of it, and nothing else but the page; so does its description`, () => {
    const meant = OPERATION_ENTRIES.filter(([, { isPublic }]) => described.control || isPublic === true);
    const table = [
      ...meant.map(([, { route }]) => route),
      ...Object.values(VIEWS).map(({ path }) => `GET ${path}`),
    ].sort();
    const served = app.routes.filter(({ method, path }) => method !== "ALL" && path !== "/")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual([...new Set(served)].sort(), table);
    const { paths } = openApi("1", described) as { paths: Record<string, Record<string, unknown>> };
    const written = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    );
    assert.deepEqual(written.sort(), table);
  });
}

const token = { lifetimeMs: 1 };
const device = { name: "phone", publicKey: "k" };
const dnsRecord = { name: "db", type: "A", data: "10.200.0.9" };
const offer = (count: number) => ({ grants: { offer: Array(count).fill("orders") } });
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, ""]));

/** For each bound the greatest request that is within, and one that is just beyond. */
const bounds: readonly (readonly [string, OperationName, object, object])[] = [
  ["uses of a token", "createToken", { ...token, uses: 65_536 }, { ...token, uses: 65_537 }],
  ["the life of a token", "createToken", { lifetimeMs: 3650 * 86_400_000 }, {
    lifetimeMs: 3650 * 86_400_000 + 1,
  }],
  ["labels of a token", "createToken", { ...token, labels: labels(32) }, { ...token, labels: labels(33) }],
  ["a label's value", "createToken", { ...token, labels: { a: "b".repeat(63) } }, {
    ...token,
    labels: { a: "b".repeat(64) },
  }],
  ["rights of a token", "createToken", { ...token, ...offer(32) }, { ...token, ...offer(33) }],
  ["the absence of an ephemeral member", "createToken", { ...token, ephemeralMs: 1_000 }, {
    ...token,
    ephemeralMs: 999,
  }],
  ["a right", "changeGrants", { node: "a", add: { names: ["*.db"] } }, {
    node: "a",
    add: { names: ["a.*"] },
  }],
  ["a member's label", "changeLabels", { node: "a", remove: ["a"] }, { node: "a", remove: ["a b"] }],
  ["a member's name", "renameMember", { node: "a", name: "a".repeat(63) }, {
    node: "a",
    name: "a".repeat(64),
  }],
  ["entries of the audit log", "listAudit", { limit: 10_000 }, { limit: 10_001 }],
  ["a device's name", "addDevice", { ...device, name: "a".repeat(63) }, { ...device, name: "a".repeat(64) }],
  ["a keepalive", "addDevice", { ...device, persistentKeepaliveSeconds: 65_535 }, {
    ...device,
    persistentKeepaliveSeconds: 65_536,
  }],
  ["networks behind a device", "addDevice", { ...device, allowedIps: Array(64).fill("192.0.2.0/24") }, {
    ...device,
    allowedIps: Array(65).fill("192.0.2.0/24"),
  }],
  ["a TTL", "addName", { ...dnsRecord, ttlSeconds: 604_800 }, { ...dnsRecord, ttlSeconds: 604_801 }],
  ["a call's time", "call", { path: "math/add", timeoutMs: 86_400_000 }, {
    path: "math/add",
    timeoutMs: 86_400_001,
  }],
  ["a call's mode", "call", { path: "math/add", mode: "random" }, { path: "math/add", mode: "some" }],
  ["an event's mode", "publish", { topic: "a", mode: "local_only" }, { topic: "a", mode: "local" }],
  ["a topic", "publish", { topic: "a".repeat(1024) }, { topic: "a".repeat(1025) }],
  ["a pattern", "subscribe", { pattern: "a".repeat(1024) }, { pattern: "a".repeat(1025) }],
  ["a port", "offer", { port: 65_535 }, { port: 65_536 }],
  ["a node to promote", "promoteLeader", { node: "a".repeat(128) }, { node: "a".repeat(129) }],
  ["a passphrase", "exportLeader", { passphrase: "a".repeat(1024) }, { passphrase: "a".repeat(1025) }],
  [
    "a recovery file",
    "recoverLeader",
    { file: "a".repeat(48 << 10), passphrase: "a" },
    { file: "a".repeat((48 << 10) + 1), passphrase: "a" },
  ],
  ["a node to demote", "demoteLeader", { node: "a".repeat(128) }, { node: "a".repeat(129) }],
];
for (const [what, name, within, beyond] of bounds) {
  Deno.test(`the bound of ${what} is kept by the library and over HTTP alike`, async () => {
    const control = new SampleControl();
    assert.equal(await overHttp(control, name, within), undefined);
    assert.equal(await inLibrary(control, name, within), undefined);
    const message = await overHttp(control, name, beyond);
    assert.match(message ?? "", /^Cannot read the request: /);
    assert.equal(await inLibrary(control, name, beyond), message);
    assert.equal(control.asked.length, 2);
  });
}

async function overHttp(
  control: AgentControl,
  name: OperationName,
  request: object,
): Promise<string | undefined> {
  const operation = OPERATIONS[name] as Operation;
  const { method, path, body } = httpRequest(operation, { ...request });
  const answer = await controlApp({ control }).request(path, {
    method,
    signal: AbortSignal.timeout(50),
    ...body === undefined ? {} : { body: JSON.stringify(body) },
  });
  if (answer.ok) return void await answer.body?.cancel();
  const { code, message } = await answer.json();
  assert.equal(code, "InvalidRequest");
  assert.equal(answer.status, 400);
  return message;
}

async function inLibrary(
  control: AgentControl,
  name: OperationName,
  request: object,
): Promise<string | undefined> {
  const { parameters } = OPERATIONS[name] as Operation;
  const args = parameters?.map((each) => request[each as keyof typeof request]) ?? [request];
  const method = checkedControl(control)[name] as (...args: readonly unknown[]) => unknown;
  try {
    await method(...args, AbortSignal.abort());
  } catch (error) {
    assert(error instanceof InvalidRequestError, String(error));
    return error.message;
  }
}

for (const query of ["trial=9", "trial=", "trial=yes", "tria=1", "trial=1&dry=1"]) {
  Deno.test(`DELETE /policies?${query} takes nothing back: it may be the trial that was meant`, async () => {
    const asked: unknown[] = [];
    const careful: AgentControl = Object.assign(new SampleControl(), {
      removePolicy: (request: unknown) => Promise.reject(asked.push(request)),
    });
    const answer = await controlApp({ control: careful }).request(`/policies?${query}`, { method: "DELETE" });
    assert.deepEqual([answer.status, (await answer.json()).code, asked], [400, "InvalidRequest", []]);
  });
}

Deno.test("what a request says of an overlay network that is not, or is none, is the request's fault", async () => {
  const cases = [
    [new InvalidNetworkError("No"), 400],
    [new UnknownNetworkError("No"), 404],
    [new NetworkInUseError("No"), 409],
    [new NotPermittedMemberError("No"), 403],
  ] as const;
  for (const [error, status] of cases) {
    const failing: AgentControl = Object.assign(new SampleControl(), {
      deleteNetwork: () => Promise.reject(error),
    });
    const answer = await controlApp({ control: failing }).request("/networks/blue", { method: "DELETE" });
    assert.equal(answer.status, status, error.code);
  }
});
