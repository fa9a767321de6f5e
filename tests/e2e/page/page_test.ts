import assert from "node:assert/strict";
import { SampleControl } from "../../lib/agent/testing/sample_control.ts";
import { serveStatus } from "../../lib/http/mod.ts";
import { labTest, run } from "../lab/mod.ts";

labTest("GET /: a browser shows the page, and its console stays empty", ["chromium"], async () => {
  const server = await serveStatus({ control: new SampleControl(), hostname: "127.0.0.1", port: 0 });
  const profile = await Deno.makeTempDir({ prefix: "weft-page-" });
  try {
    const { code, stdout, stderr } = await run([
      ...["chromium", "--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`],
      // The console goes to standard error; time runs as fast as the page lets it, for two polls.
      ...["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"],
      `http://127.0.0.1:${server.port}/`,
    ]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(stderr.split("\n").filter((line) => line.includes(":CONSOLE")), []);
    assert.match(stdout, /<p id="live" role="status" data-state="running">running<\/p>/);
    assert.match(stdout, /<th role="rowheader" scope="row">web-1<\/th>/);
    assert.match(stdout, /<title>leader · weft<\/title>/);
  } finally {
    await server.close();
    await Deno.remove(profile, { recursive: true });
  }
});
