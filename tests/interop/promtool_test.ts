import assert from "node:assert/strict";
import { SampleControl } from "../../lib/agent/testing/sample_control.ts";
import { statusApp } from "../../lib/http/mod.ts";
import { labTest } from "../lab/mod.ts";

labTest("GET /metrics: promtool finds nothing to say of what Prometheus is given", ["promtool"], async () => {
  const response = await statusApp({ control: new SampleControl() }).request("http://127.0.0.1/metrics");
  const process = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(await response.bytes());
  await writer.close();
  const { code, stderr } = await process.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(code, 0);
});
