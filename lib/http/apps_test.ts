import assert from "node:assert/strict";
import { SampleControl, sampleDevice } from "../agent/testing/sample_control.ts";
import { sampleStatus } from "../agent/testing/sample_status.ts";
import { controlApp, statusApp } from "./apps.ts";

const makeStatusApp = () => statusApp({ control: new SampleControl(), addresses: ["192.0.2.7"] });
const post = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });

Deno.test("statusApp() answers what can be read", async () => {
  const app = makeStatusApp();
  assert.deepEqual(await (await app.request("/status")).json(), sampleStatus);
  assert.deepEqual(await (await app.request("/peers")).json(), sampleStatus.peers);
  const head = await app.request("/status", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
});

const scrapes: readonly (readonly [string | undefined, string, RegExp])[] = [
  [undefined, "text/plain; version=0.0.4; charset=utf-8", /^# HELP weft_info /],
  ["*/*", "text/plain; version=0.0.4; charset=utf-8", /^# HELP weft_info /],
  ["text/html,application/xhtml+xml", "text/plain; version=0.0.4; charset=utf-8", /^# HELP weft_info /],
  [
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    /^# TYPE weft info\n[^]*# EOF\n$/,
  ],
];
for (const [accept, type, text] of scrapes) {
  Deno.test(`GET /metrics answers ${accept ?? "nobody in particular"} in ${type.split(";")[0]}`, async () => {
    const response = await makeStatusApp().request("/metrics", { headers: accept ? { accept } : {} });
    assert.equal(response.headers.get("content-type"), type);
    assert.match(await response.text(), text);
  });
}

Deno.test("GET /healthz says 503 while the agent stops", async () => {
  const control = new SampleControl();
  const app = statusApp({ control });
  assert.equal((await app.request("/healthz")).status, 200);
  control.state = "stopping";
  const stopping = await app.request("/healthz");
  assert.equal(stopping.status, 503);
  assert.deepEqual(await stopping.json(), { state: "stopping", peers: { healthy: 1, unhealthy: 1 } });
});

Deno.test("statusApp() has nothing that changes something or shows tokens", async () => {
  const app = makeStatusApp();
  for (const path of ["/tokens", "/ping", "/tokens/t1", "/peers/web-1", "/nothing", "/status/"]) {
    const answer = await app.request(path);
    assert.equal(answer.status, 404, path);
    assert.equal((await answer.json()).code, "NotFound");
  }
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const answer = await app.request("/peers", { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.get("allow"), "GET, HEAD");
  }
});

const hosts: readonly (readonly [string, number])[] = [
  ["localhost", 200],
  ["localhost:9180", 200],
  ["LOCALHOST", 200],
  ["127.0.0.1:9180", 200],
  ["127.8.8.8", 200],
  ["[::1]:9180", 200],
  ["[::ffff:127.0.0.1]:9180", 200],
  ["192.0.2.7:9180", 200],
  ["10.200.0.1:9180", 200],
  ["10.200.0.2:9180", 421],
  ["192.0.2.8", 421],
  ["evil.example", 421],
  ["localhost.evil.example", 421],
  ["127.0.0.1.evil.example:9180", 421],
  ["127.0.0.1:9180.evil.example", 421],
  ["[::1]:9180.evil.example", 421],
  ["localhost:9180:9180", 421],
  ["", 421],
];
for (const [host, expected] of hosts) {
  Deno.test(`statusApp() answers ${expected} to the host "${host}"`, async () => {
    for (const path of ["/status", "/", "/metrics", "/nothing"]) {
      const { status } = await makeStatusApp().request(path, { headers: { host } });
      if (expected === 200) assert.notEqual(status, 421, path);
      else assert.equal(status, expected, path);
    }
  });
}

const origins: readonly (readonly [Record<string, string>, number])[] = [
  [{ origin: "http://127.0.0.1:9180" }, 200],
  [{ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, 200],
  [{ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }, 200],
  [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 200],
  [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
  [{ "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }, 403],
  [{ origin: "http://127.0.0.1:3000" }, 403],
  [{ origin: "https://127.0.0.1:9180" }, 403],
  [{ origin: "null" }, 403],
  [{ origin: "https://evil.example" }, 403],
];
for (const [headers, expected] of origins) {
  Deno.test(`statusApp() answers ${expected} to ${JSON.stringify(headers)}`, async () => {
    const answer = await makeStatusApp().request("/status", {
      headers: { host: "127.0.0.1:9180", ...headers },
    });
    assert.equal(answer.status, expected);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });
}

Deno.test("no answer may be stored, framed, or guessed at", async () => {
  const app = makeStatusApp();
  for (const path of ["/", "/status", "/metrics", "/nothing"]) {
    const { headers } = await app.request(path);
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
  }
});

Deno.test("controlApp() makes, lists and revokes tokens", async () => {
  const control = new SampleControl();
  const app = controlApp({ control });
  const made = await (await app.request("/tokens", post({ uses: 2, lifetimeMs: 60_000 }))).json();
  assert.equal(made.token, "weft1-secret");
  assert.equal(made.report.id, "t1");
  const listed = await (await app.request("/tokens")).text();
  assert.equal(JSON.parse(listed)[0].id, "t1");
  assert(!listed.includes("secret"));
  assert.equal((await app.request("/tokens/t1", { method: "DELETE" })).status, 200);
  assert.deepEqual(control.asked, [{ uses: 2, lifetimeMs: 60_000 }, { revoked: "t1" }]);
});

Deno.test("controlApp() adds devices and pings", async () => {
  const control = new SampleControl();
  const app = controlApp({ control });
  const device = { name: "phone", publicKey: "key" };
  const added = await app.request("/peers", post(device));
  assert.deepEqual(await added.json(), sampleDevice);
  const moved = await app.request("/peers/hub", post({ device: "phone", hub: "lead" }));
  assert.deepEqual(await moved.json(), sampleDevice);
  assert.deepEqual(control.asked, [device, { device: "phone", hub: "lead" }]);
  assert.deepEqual(await (await app.request("/ping", post({ peer: "web-1" }))).json(), {
    rttMs: 1.25,
    path: "direct",
    lastHandshakeAgeMs: 900,
  });
});

const failures: readonly (readonly [string, string, RequestInit, number, string])[] = [
  ["a token that is none", "/tokens/t2", { method: "DELETE" }, 404, "UnknownToken"],
  ["a peer that is none", "/ping", post({ peer: "nobody" }), 404, "UnknownPeer"],
  ["no leader", "/peers/a%2Fb", { method: "DELETE" }, 409, "NotLeader"],
  ["a bad device", "/peers", post({ name: "bad", publicKey: "k" }), 400, "InvalidRequest"],
  ["no JSON", "/tokens", { method: "POST", body: "{" }, 400, "InvalidRequest"],
  ["a body of another shape", "/tokens", post([]), 400, "InvalidRequest"],
  ["a large body", "/tokens", { method: "POST", body: " ".repeat(70_000) }, 413, "TooLarge"],
  ["a fault of its own", "/tokens", post({ labels: { fail: "1" } }), 500, "Internal"],
  ["another method", "/tokens", { method: "PUT" }, 405, "MethodNotAllowed"],
];
for (const [name, path, init, status, code] of failures) {
  Deno.test(`controlApp() answers ${status} to ${name}`, async () => {
    const answer = await controlApp({ control: new SampleControl() }).request(path, init);
    const text = await answer.text();
    assert.equal(answer.status, status, text);
    assert.equal(JSON.parse(text).code, code);
    assert(!text.includes("secret"));
  });
}
