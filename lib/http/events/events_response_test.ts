import assert from "node:assert/strict";
import { StatusToken } from "../../agent/status_token.ts";
import { SampleControl } from "../../agent/testing/sample_control.ts";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { Access } from "../access.ts";
import { statusApp } from "../apps.ts";
import { serveStatus } from "../serve.ts";

const refused: readonly (readonly [name: string, headers: Record<string, string>, status: number])[] = [
  ["a name of somebody else's", { host: "rebound.example:9180" }, 421],
  ["another port's page", { origin: "http://127.0.0.1:8080" }, 403],
  ["another site's page", { origin: "https://evil.example" }, 403],
  ["a page that hides its origin", { origin: "null" }, 403],
  ["a page of the same site", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }, 403],
];
for (const [name, headers, status] of refused) {
  Deno.test(`GET /events tells ${name} nothing`, async () => {
    const control = new SampleControl();
    let asked = 0;
    const report = control.status.bind(control);
    control.status = () => (asked++, report());
    const app = statusApp({ control, isOwnHost: () => false });
    const answer = await app.request("http://127.0.0.1:9180/events", {
      headers: { host: "127.0.0.1:9180", ...headers },
    });
    assert.equal(answer.status, status);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
    await answer.body?.cancel();
    assert.equal(asked, 0);
  });
}

Deno.test("GET /events takes the token beyond the loopback, and nothing is looked at without", async () => {
  const clock = new VirtualClock();
  const token = new StatusToken(new MemoryStateStore(), new SeededRandom(7));
  const control = new SampleControl();
  let asked = 0;
  const report = control.status.bind(control);
  control.status = () => (asked++, report());
  const app = statusApp({
    control,
    access: new Access({ token, clock }),
    isOwnHost: (host) => host === "10.200.0.1",
  });
  const connection = { localAddress: "10.200.0.1", remoteAddress: "10.200.0.2" };
  const ask = (headers: Record<string, string>) =>
    app.request("http://10.200.0.1:9180/events", { headers: { host: "10.200.0.1:9180", ...headers } }, {
      connection,
    });
  for (const authorization of ["", "Bearer wrong", "Basic d2VmdDp3ZWZ0", "Bearer"]) {
    const answer = await ask(authorization === "" ? {} : { authorization });
    assert.equal(answer.status, 401, authorization);
    await answer.body?.cancel();
  }
  assert.equal(asked, 0);
  const answer = await ask({ authorization: `Bearer ${token.current()}` });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  await answer.body?.cancel();
});

Deno.test("HEAD /events opens no stream, and takes none away", async () => {
  const app = statusApp({ control: new SampleControl() });
  for (let i = 0; i < 80; i++) {
    const answer = await app.request("/events", { method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    assert.equal(await answer.text(), "");
  }
});

Deno.test("of a thousand event streams from one place 16 are answered, and others still are", async () => {
  const hostname = "127.0.0.1";
  const server = await serveStatus({ control: new SampleControl(), hostname, port: 0 });
  const url = `http://${hostname}:${server.port}`;
  const open: Response[] = [];
  const statuses = new Map<number, number>();
  try {
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.allSettled(Array.from({ length: 50 }, () => fetch(`${url}/events`)));
      for (const answer of answers) {
        // One connection more than there may be ends another.
        if (answer.status === "rejected") continue;
        const { status } = answer.value;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 200) open.push(answer.value);
        else {
          assert.equal(answer.value.headers.get("retry-after"), "10");
          await answer.value.body?.cancel();
        }
      }
    }
    assert.deepEqual([...statuses.keys()].sort(), [200, 429]);
    assert.equal(statuses.get(200), 16);
    assert.equal((await fetch(`${url}/status`).then((answer) => answer.json())).state, "running");
    for (const answer of open.splice(0)) await answer.body?.cancel();
    // Whoever goes makes room, as soon as the server hears of it.
    for (let tries = 0;; tries++) {
      const answer = await fetch(`${url}/events`);
      await answer.body?.cancel();
      if (answer.status === 200) break;
      assert(tries < 200, "no stream has ended");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    for (const answer of open) await answer.body?.cancel().catch(() => {});
    await server.close();
  }
});
