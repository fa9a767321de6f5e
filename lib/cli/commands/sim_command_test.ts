import assert from "node:assert/strict";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

const args = ["sim", "--nodes", "20", "--seed", "3", "--loss", "0.1", "--split", "5m"];

Deno.test("weft sim prints a table without a bar where nobody looks, and the same for the same seed", async () => {
  const runs = [new SamplePorts(), new SamplePorts()];
  for (const ports of runs) assert.equal(await main(args, ports), 0, ports.stderr);
  const [text = ""] = runs.map(({ stdout }) => stdout);
  assert.equal(runs[1]?.stdout, text);
  assert.match(text, /^WHAT +CHANGES +AGREED AFTER/);
  assert.match(text, /^split for 5 min +10 +\d/m);
  assert.match(text, /All nodes agreed in the end\. 20 nodes, 10 % lost, seed 3/);
  assert.ok(!text.includes("\r"));
});

Deno.test("weft sim --json prints the report", async () => {
  const ports = new SamplePorts();
  assert.equal(await main([...args, "--json"], ports), 0);
  const report = JSON.parse(ports.stdout);
  assert.deepEqual([report.nodes, report.seed, report.isConverged, report.phases.length], [20, 3, true, 10]);
});

for (
  const [option, value] of [["--nodes", "1"], ["--nodes", "1e3"], ["--loss", "1"], [
    "--split",
    "soon",
  ]] as const
) {
  Deno.test(`weft sim refuses ${option} ${value}`, async () => {
    const ports = new SamplePorts();
    assert.equal(await main(["sim", option, value], ports), 2);
    assert.match(ports.stderr, new RegExp(`${option} ${value}`));
  });
}
