import assert from "node:assert/strict";
import { StatusToken } from "../agent/status_token.ts";
import { SampleControl } from "../agent/testing/sample_control.ts";
import { OPERATIONS } from "../api/mod.ts";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { Access, sourceOf } from "./access.ts";
import { statusApp } from "./apps.ts";

const HOST = "web-1.weft.internal:9180";

function setUp() {
  const clock = new VirtualClock(1_700_000_000_000);
  const store = new MemoryStateStore();
  const token = new StatusToken(store, new SeededRandom(7));
  const warned: string[] = [];
  const control = new SampleControl();
  let asked = 0;
  const status = control.status.bind(control);
  control.status = () => (asked++, status());
  const access = new Access({ token, clock, onWrongTokens: (from) => void warned.push(from) });
  const isOwnHost = (host: string) =>
    ["web-1", "web-1.weft.internal", "10.200.0.1", "fd00::1"].includes(host);
  const app = statusApp({ control, isOwnHost, access });
  const ask = (path: string, { from = "10.200.0.2", to = "10.200.0.1", ...init }: Asked = {}) => {
    const headers = { host: HOST, ...init.headers as Record<string, string> };
    const connection = { localAddress: to, remoteAddress: from };
    return app.request(path, { ...init, headers }, { connection });
  };
  const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } });
  const logIn = (text: string, more: Record<string, string> = {}) =>
    ask("/", {
      method: "POST",
      body: new URLSearchParams({ token: text }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html", ...more },
    });
  return { ask, bearer, logIn, token, clock, access, warned, store, statusCalls: () => asked };
}

interface Asked extends RequestInit {
  readonly from?: string;
  readonly to?: string;
}

Deno.test("beyond the loopback everything but /healthz takes the token, and nothing is computed without", async () => {
  const { ask, bearer, token, statusCalls, access } = setUp();
  const text = token.current();
  const paths = ["/status", "/peers", "/services", "/metrics", "/openapi.json", "/"];
  for (const path of paths) {
    for (const init of [{}, bearer("wrong-token-wrong-token")]) {
      const answer = await ask(path, init);
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer realm="weft"/);
      assert(!(await answer.text()).includes(text));
    }
  }
  assert.equal(statusCalls(), 0);
  assert.deepEqual(access.refusals.snapshot(), {
    "no-token": 6,
    "wrong-token": 6,
    "too-many-wrong-tokens": 0,
  });
  for (const path of paths) assert.equal((await ask(path, bearer(text))).status, 200, path);
  assert.equal((await ask("/healthz")).status, 200);
  assert.match(
    await (await ask("/metrics", bearer(text))).text(),
    /^weft_status_requests_refused_total\{reason="wrong-token"\} 6$/m,
  );
});

Deno.test("who asks by the loopback needs no token, and others only ask by it when they say so", async () => {
  const { ask } = setUp();
  for (const to of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    assert.equal((await ask("/status", { from: to, to })).status, 200, to);
    assert.equal((await ask("/", { from: to, to, method: "POST" })).status, 405);
  }
  // What a header claims is no address.
  const headers = { host: "localhost:9180", "x-forwarded-for": "127.0.0.1", forwarded: "for=127.0.0.1" };
  assert.equal((await ask("/status", { headers })).status, 401);
});

const schemes: readonly (readonly [string, number])[] = [
  ["Bearer TOKEN", 200],
  ["bearer   TOKEN", 200],
  ["Bearer TOKEN ", 200],
  ["Bearer", 401],
  ["Bearer ", 401],
  ["BearerTOKEN", 401],
  ["Bearer TOKEN TOKEN", 401],
  ["Bearer TOKE", 401],
  ["Basic TOKEN", 401],
  ["TOKEN", 401],
  [`Bearer ${"x".repeat(8_000)}`, 401],
];
for (const [header, expected] of schemes) {
  Deno.test(`"${header.slice(0, 30)}" is answered ${expected}`, async () => {
    const { ask, token } = setUp();
    const authorization = header.replaceAll("TOKEN", token.current());
    assert.equal((await ask("/status", { headers: { authorization } })).status, expected);
  });
}

Deno.test("a source with too many wrong tokens is not asked whether the next is right, others are", async () => {
  const { ask, bearer, token, clock, warned } = setUp();
  const right = bearer(token.current());
  for (let i = 0; i < 10; i++) assert.equal((await ask("/status", bearer(`wrong-${i}`))).status, 401);
  for (const init of [right, bearer("wrong")]) {
    const answer = await ask("/status", init);
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get("retry-after"), "6");
  }
  assert.deepEqual(warned, ["10.200.0.2"]);
  assert.equal((await ask("/status", { ...right, from: "10.200.0.3" })).status, 200);
  clock.advance(6_000);
  assert.equal((await ask("/status", right)).status, 200);
});

Deno.test("addresses that one sender has for free are one source", async () => {
  const { ask, bearer, token } = setUp();
  for (let i = 0; i < 10; i++) await ask("/status", { ...bearer("wrong"), from: `2001:db8::${i + 1}` });
  const right = bearer(token.current());
  assert.equal((await ask("/status", { ...right, from: "2001:db8::99" })).status, 429);
  assert.equal((await ask("/status", { ...right, from: "2001:db8:0:1::1" })).status, 200);
});

Deno.test("a browser is shown a form, and gets a cookie that no script reads and no other site sends", async () => {
  const { ask, logIn, token, clock } = setUp();
  const form = await ask("/", { headers: { accept: "text/html" } });
  assert.equal(form.status, 401);
  assert.match(await form.text(), /<form method="post" action="\/">/);
  assert.match(form.headers.get("content-security-policy") ?? "", /default-src 'none'.*form-action 'self'/);
  const wrong = await logIn("nonsense-nonsense");
  assert.equal(wrong.status, 401);
  assert.match(await wrong.text(), /role="alert"/);
  const answer = await logIn(` ${token.current()}\n`);
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get("location"), "/");
  const setCookie = answer.headers.get("set-cookie") ?? "";
  assert.match(setCookie, /; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
  assert(!setCookie.includes(token.current()));
  const cookie = setCookie.split(";")[0] ?? "";
  assert.equal((await ask("/status", { headers: { cookie } })).status, 200);
  const forged = cookie.replace(/=\d/, "=9");
  assert.equal((await ask("/status", { headers: { cookie: forged } })).status, 401);
  clock.advance(12 * 3_600_000 + 1);
  assert.equal((await ask("/status", { headers: { cookie } })).status, 401);
});

Deno.test("another token ends every session, and forms of other origins are refused", async () => {
  const { ask, logIn, token } = setUp();
  const answer = await logIn(token.current());
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const foreign = await logIn(token.current(), { origin: "http://evil.example" });
  assert.equal(foreign.status, 403);
  assert.equal((await logIn(token.current(), { origin: `http://${HOST}` })).status, 303);
  const former = token.current();
  token.renew();
  assert.equal((await ask("/status", { headers: { cookie } })).status, 401);
  assert.equal((await ask("/status", { headers: { authorization: `Bearer ${former}` } })).status, 401);
});

const hosts: readonly (readonly [string, number])[] = [
  ["web-1:9180", 200],
  ["WEB-1.weft.internal", 200],
  ["web-1.weft.internal.", 200],
  ["10.200.0.1:9180", 200],
  ["[fd00::1]:9180", 200],
  // To which the connection came.
  ["192.0.2.5:9180", 200],
  ["localhost:9180", 200],
  ["web-2", 421],
  ["192.0.2.6", 421],
  ["web-1.evil.example", 421],
  ["web-1.weft.internal.evil.example", 421],
];
for (const [host, expected] of hosts) {
  Deno.test(`beyond the loopback "${host}" in Host is answered ${expected}`, async () => {
    const { ask, token } = setUp();
    const headers = { host, authorization: `Bearer ${token.current()}` };
    assert.equal((await ask("/status", { to: "192.0.2.5", headers })).status, expected);
  });
}

Deno.test("sourceOf() tells members apart, who have one address each, and nobody's many addresses", () => {
  const overlay = ["10.200.0.1", "fd12:3456:789a::ac8:1"].map((text) =>
    IpAddress.parse(text) ?? assert.fail()
  );
  const member = (last: number) => sourceOf(`fd12:3456:789a::ac8:${last}`, overlay);
  assert.notEqual(member(2), member(3));
  assert.equal(sourceOf("::ffff:10.200.0.2", overlay), "10.200.0.2");
  assert.equal(sourceOf("fd12:3456:789b::1", overlay), sourceOf("fd12:3456:789b::2", overlay));
  assert.equal(sourceOf("fe80::1%eth0", overlay), sourceOf("fe80::2", overlay));
});

Deno.test("the token reads what all of this machine may read, and nothing of the control socket", async () => {
  const { ask, bearer, token } = setUp();
  const meant = bearer(token.current());
  assert.equal((await ask("/status", meant)).status, 200);
  for (const { route, isPublic } of Object.values(OPERATIONS)) {
    if (isPublic) continue;
    const [method = "", path = ""] = route.split(" ");
    for (const from of ["10.200.0.2", "127.0.0.1"]) {
      const to = from.startsWith("127.") ? from : "10.200.0.1";
      const answer = await ask(path.replace(/\{\w+\}/g, "x"), {
        method,
        from,
        to,
        ...meant,
        ...method === "POST" && { body: "{}" },
      });
      assert.ok([404, 405].includes(answer.status), `${route} from ${from}: ${answer.status}`);
    }
  }
});
