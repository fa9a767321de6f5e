import assert from "node:assert/strict";
import { sampleMeasurements } from "../../agent/testing/sample_measurements.ts";
import { SamplePolicies } from "../../agent/testing/sample_policies.ts";
import { sampleStatus } from "../../agent/testing/sample_status.ts";
import { metricsText } from "./metrics_text.ts";

/** Everything that a node may tell, by the names that Prometheus stores. */
function storedNames(): ReadonlySet<string> {
  const text = metricsText({
    status: {
      ...sampleStatus,
      relay: { kind: "fast", sessions: 1, datagrams: 1, bytes: 1, drops: { unbound: 1 } },
      warnings: [{ kind: "clock", text: "a clock is wrong", hint: "Set it." }],
    },
    measurements: sampleMeasurements,
    policy: new SamplePolicies().policyCounters(),
    refusals: { missing: 1 },
  }, "prometheus");
  return new Set(
    text.split("\n").filter((line) => !line.startsWith("#")).map((line) => line.split(/[{ ]/)[0] ?? ""),
  );
}

/** @returns the metrics that an expression names */
function named(expression: string): readonly string[] {
  return expression.match(/\b(?:weft|process)_\w+/g) ?? [];
}

/** @returns every text that stands at a key, however deep */
function textsAt(key: string, value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === key && typeof inner === "string" ? [inner] : textsAt(key, inner)
  );
}

const contrib = new URL("../../../contrib/", import.meta.url);

Deno.test("the Grafana dashboard asks for nothing that a node does not tell", async () => {
  const dashboard = JSON.parse(await Deno.readTextFile(new URL("grafana/weft.json", contrib)));
  const expressions = [...textsAt("expr", dashboard), ...textsAt("query", dashboard.templating)];
  assert.ok(expressions.length > 30, `${expressions.length}`);
  const names = new Set(expressions.flatMap(named));
  const stored = storedNames();
  assert.deepEqual([...names].filter((name) => !stored.has(name)), []);
  assert.ok(names.size > 25, `${names.size}`);
  const panels = dashboard.panels as readonly { id: number; title: string; gridPos: { w: number } }[];
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
});

Deno.test("the alerts of Prometheus ask for nothing that a node does not tell", async () => {
  const rules = await Deno.readTextFile(new URL("prometheus/weft.rules.yml", contrib));
  const expressions = rules.split("- alert:").slice(1).map((rule) =>
    rule.slice(rule.indexOf("expr:"), rule.indexOf("labels: {"))
  );
  assert.ok(expressions.length >= 10);
  const stored = storedNames();
  for (const expression of expressions) {
    const names = named(expression);
    assert.ok(names.length > 0, expression);
    assert.deepEqual(names.filter((name) => !stored.has(name)), []);
  }
});
