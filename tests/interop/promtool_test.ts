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

labTest("contrib/prometheus: promtool finds nothing to say of the alerts", ["promtool"], async () => {
  const rules = new URL("../../contrib/prometheus/weft.rules.yml", import.meta.url);
  const { code, stdout, stderr } = await new Deno.Command("promtool", {
    args: ["check", "rules", "--lint=all", "--lint-fatal", rules.pathname],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  assert.match(said, /SUCCESS: \d+ rules found/);
});

labTest("contrib/grafana: promtool can read every expression of the dashboard", ["promtool"], async () => {
  const text = await Deno.readTextFile(new URL("../../contrib/grafana/weft.json", import.meta.url));
  const expressions = [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, json = ""]) =>
    JSON.parse(json)
  );
  assert.ok(expressions.length > 30);
  const rules = expressions.map((expression: string, at) => ({
    record: `panel:expression${at}`,
    expr: expression.replaceAll("$__rate_interval", "5m").replaceAll(/\$(?:instance|job)/g, ".*"),
  }));
  const path = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    // YAML reads JSON, too.
    await Deno.writeTextFile(path, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { code, stderr } = await new Deno.Command("promtool", {
      args: ["check", "rules", path],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(path);
  }
});
