import assert from "node:assert/strict";
import { HostError } from "./host_error.ts";
import { PreparedWorker, startWorker, type WorkerStart } from "./worker_thread.ts";

type Report = { readonly kind: "ready"; readonly twice: number } | { readonly kind: "ended" };

/** A worker of this code; `released` says whether it was made to return. */
function start(code: string, options: Partial<WorkerStart> = {}) {
  const released = { count: 0 };
  const started = startWorker<Report>({
    url: dataUrl(code),
    name: "weft-test",
    what: "the test's worker",
    setup: 21,
    release: () => released.count++,
    ...options,
  });
  return { started, released };
}

function dataUrl(code: string): URL {
  return new URL(`data:application/javascript,${encodeURIComponent(code)}`);
}

const serving = (run: string) =>
  `import { serveAsWorker } from ${
    JSON.stringify(new URL("./worker_thread.ts", import.meta.url).href)
  }; serveAsWorker(${run});`;

Deno.test("startWorker() waits until a worker is ready, and then follows what it reports", async () => {
  const code = serving(
    '(setup, report) => { report({ kind: "ready", twice: 2 * setup }); return { kind: "ended" }; }',
  );
  const { started, released } = start(code);
  const { ready, follow } = await started;
  assert.deepEqual(ready, { kind: "ready", twice: 42 });
  const { promise, resolve } = Promise.withResolvers<string>();
  follow((report) => resolve(report.kind));
  assert.equal(await promise, "ended");
  assert.equal(released.count, 0);
});

Deno.test("startWorker() keeps what a worker reports before somebody listens", async () => {
  const code = serving(
    '(setup, report) => { report({ kind: "ready", twice: 2 * setup }); report({ kind: "ended" }); throw new Error("no luck"); }',
  );
  const { follow } = await start(code).started;
  // Another message of the thread is behind those two, and is here by now.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const kinds = await new Promise<readonly string[]>((resolve) => {
    const heard: string[] = [];
    follow(({ kind }) => {
      heard.push(kind);
      if (heard.length === 2) resolve(heard);
    });
  });
  assert.deepEqual(kinds, ["ended", "failed"]);
});

Deno.test("startWorker() takes a worker that was begun before, once", async () => {
  const code = serving(
    '(setup, report) => { report({ kind: "ready", twice: 2 * setup }); return { kind: "ended" }; }',
  );
  using prepared = new PreparedWorker(dataUrl(code), "weft-test");
  // Not the one that it would make.
  const url = dataUrl("throw new Error();");
  const { ready, follow } = await start("", { url, prepared }).started;
  assert.equal(ready.twice, 42);
  await new Promise<void>((resolve) => follow(({ kind }) => kind === "ended" && resolve()));
  await assert.rejects(start("", { url, prepared }).started, /it was taken/);
});

Deno.test("PreparedWorker that fails before it is taken says so then, and ends no process", async () => {
  using prepared = new PreparedWorker(dataUrl('throw new Error("no luck");'), "weft-test");
  const { started } = start("", { prepared });
  await assert.rejects(started, /no luck/);
});

Deno.test("PreparedWorker that nobody takes ends with its owner", () => {
  const prepared = new PreparedWorker(dataUrl(serving("() => {}")), "weft-test");
  prepared[Symbol.dispose]();
  prepared[Symbol.dispose]();
  assert.throws(() => prepared.take(), HostError);
});

const dying: readonly (readonly [string, string, RegExp])[] = [
  ["says nothing", "onmessage = () => {};", /the test's worker: its thread is not ready after 300 ms/],
  // Deno ends no thread that computes, and the process has the other tests to run: it returns after a second.
  [
    "does not return in time",
    "const until = Date.now() + 1000; while (Date.now() < until);",
    /not ready after 300 ms/,
  ],
  ["throws", serving('() => { throw new Error("no luck"); }'), /the test's worker: .*no luck/],
  ["can't be loaded", 'import "data:application/javascript,syntax error";', /Cannot start the test's worker/],
];
for (const [what, code, message] of dying) {
  Deno.test(`startWorker() fails in time, and ends the thread, when a worker ${what}`, async () => {
    const startedAt = performance.now();
    // Whoever is to be found silent gets little time; the others may take what they need.
    const isSilent = message.source.includes("not ready");
    const { started, released } = start(code, isSilent ? { boundMs: 300 } : {});
    await assert.rejects(started, (error: unknown) => {
      assert.ok(error instanceof HostError);
      assert.match(error.message, message);
      return true;
    });
    assert.ok(performance.now() - startedAt < 20_000);
    assert.equal(released.count, 1);
  });
}

Deno.test({
  name: "startWorker() gives a worker up only when it uses nothing any more",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // Blocked in a system call, as in a poll, which only `release` ends; then it still has something to do.
    const code = serving(`(flags) => {
      const { symbols: { usleep } } = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
      while (Atomics.load(flags, 0) === 0) usleep(1000);
      usleep(300000);
      Atomics.store(flags, 1, 1);
      return { kind: "ended" };
    }`);
    const flags = new Int32Array(new SharedArrayBuffer(8));
    const { started } = start(code, {
      setup: flags,
      boundMs: 1_000,
      release: () => void Atomics.store(flags, 0, 1),
    });
    await assert.rejects(started, HostError);
    assert.equal(Atomics.load(flags, 0), 1, "it was released");
    assert.equal(Atomics.load(flags, 1), 1, "its last use was before that");
  },
});

Deno.test("startWorker() lets no worker begin that it has given up", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  // It gets to its order long after the start has failed; a message is handled all the same unless the thread was ended.
  const code = `await new Promise((done) => setTimeout(done, 400));
    ${serving("(flags) => { Atomics.store(flags, 0, 1); return { kind: 'ended' }; }")}`;
  const { started } = start(code, { setup: flags, boundMs: 100 });
  await assert.rejects(started, HostError);
  // Such a wait keeps no event loop alive; a timer does.
  const alive = setInterval(() => {}, 100);
  assert.equal(await Atomics.waitAsync(flags, 0, 0, 800).value, "timed-out");
  clearInterval(alive);
  assert.equal(flags[0], 0);
});
