import assert from "node:assert/strict";
import { SampleControl } from "../agent/testing/sample_control.ts";
import { sampleServices } from "../agent/testing/sample_services.ts";
import { controlApp, statusApp } from "./apps.ts";

const post = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });

/** @returns the lines of an answer that end, without empty ones */
async function linesOf(answer: Response): Promise<unknown[]> {
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
  return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

Deno.test("GET /services is served over TCP too, routes that change something are not", async () => {
  const app = statusApp({ control: new SampleControl() });
  assert.deepEqual(await (await app.request("/services")).json(), sampleServices);
  for (const path of ["/services/pause", "/services/resume", "/call", "/publish", "/offer"]) {
    assert.equal((await app.request(path, post({}))).status, 404, path);
  }
  assert.equal((await app.request("/subscribe?pattern=a")).status, 404);
});

const answers: readonly (readonly [string, unknown, unknown, unknown])[] = [
  ["/services/pause", { path: "math", node: "web-1" }, { changed: true }, {
    paused: { path: "math", node: "web-1" },
  }],
  ["/services/resume", { path: "math" }, { changed: false }, { resumed: { path: "math" } }],
  ["/call", { path: "math/add", params: { a: 1, b: 2 }, mode: "leader" }, { result: 3 }, {
    path: "math/add",
    params: { a: 1, b: 2 },
    mode: "leader",
  }],
  ["/call", { path: "math/bytes" }, { base64: "AQL/" }, { path: "math/bytes" }],
  ["/call", { path: "math/nothing" }, { result: null }, { path: "math/nothing" }],
  ["/publish", { topic: "a/b", data: [1], retain: true }, { local: 1, sent: 2, lost: 0 }, {
    topic: "a/b",
    data: [1],
    retain: true,
  }],
];
for (const [path, body, expected, asked] of answers) {
  Deno.test(`POST ${path} with ${JSON.stringify(body)} is answered`, async () => {
    const control = new SampleControl();
    const answer = await controlApp({ control }).request(path, post(body));
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), expected);
    assert.deepEqual(control.asked, [asked]);
  });
}

const failures: readonly (readonly [string, unknown, number, string])[] = [
  ["/call", { path: "nobody/home" }, 404, "NoProvider"],
  ["/call", { path: "math/add", mode: "some" }, 400, "InvalidRequest"],
  ["/call", { path: "math/add", timeoutMs: 0 }, 400, "InvalidRequest"],
  ["/call", {}, 400, "InvalidRequest"],
  ["/publish", { topic: "" }, 400, "InvalidRequest"],
  ["/offer", { port: 65_536 }, 400, "InvalidRequest"],
  ["/services/pause", { path: "math", nod: "web-1" }, 400, "InvalidRequest"],
];
for (const [path, body, status, code] of failures) {
  Deno.test(`POST ${path} with ${JSON.stringify(body)} is answered by ${status}`, async () => {
    const answer = await controlApp({ control: new SampleControl() }).request(path, post(body));
    assert.equal(answer.status, status);
    assert.equal((await answer.json()).code, code);
  });
}

Deno.test("POST /call takes a value of several megabytes, other routes do not", async () => {
  const app = controlApp({ control: new SampleControl() });
  const long = "x".repeat(2 << 20);
  assert.equal((await app.request("/call", post({ path: "math/add", params: long }))).status, 200);
  assert.equal((await app.request("/ping", post({ peer: long }))).status, 413);
});

Deno.test("POST /call answers a stream with lines, and a failure in the middle with the last one", async () => {
  const app = controlApp({ control: new SampleControl() });
  const counted = await app.request("/call", post({ path: "math/count" }));
  assert.deepEqual(await linesOf(counted), [{ result: 1 }, { base64: "Ag==" }, { result: { three: 3 } }]);
  const broken = await app.request("/call", post({ path: "math/breaks" }));
  assert.deepEqual(await linesOf(broken), [{ result: 1 }, {
    code: "HandlerFailed",
    message: "the disk is full",
  }]);
});

Deno.test("GET /subscribe gives events until its reader goes, and says what was dropped", async () => {
  const control = new SampleControl();
  const gone = new AbortController();
  control.dropped = 5;
  const answer = await controlApp({ control }).request("/subscribe?pattern=orders/{what}&past=1", {
    signal: gone.signal,
  });
  assert.deepEqual(control.asked, [{ pattern: "orders/{what}", past: true }]);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\n").length < 4) text += (await reader?.read())?.value;
  assert.deepEqual(text.split("\n").filter(Boolean).map((line) => JSON.parse(line)), [{ dropped: 5 }, {
    topic: "orders/placed",
    data: { id: 7 },
    params: { what: "placed" },
    publishedAt: 1_700_000_000_000,
    isPast: false,
    publisher: "lead",
  }]);
  assert.equal(control.ended, 0);
  gone.abort();
  assert.equal((await reader?.read())?.done, true);
  assert.equal(control.ended, 1);
  const none = await controlApp({ control }).request("/subscribe");
  assert.equal(none.status, 400);
});

Deno.test("POST /offer lasts as long as its reader", async () => {
  const control = new SampleControl();
  const answer = await controlApp({ control }).request("/offer", post({ port: 80, targetPort: 3000 }));
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.trim() === "") text += (await reader?.read())?.value;
  assert.deepEqual(JSON.parse(text), { port: 80 });
  assert.equal(control.ended, 0);
  await reader?.cancel();
  assert.equal(control.ended, 1);
  assert.deepEqual(control.asked, [{ port: 80, targetPort: 3000 }]);
});
