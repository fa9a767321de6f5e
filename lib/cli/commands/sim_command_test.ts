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

Deno.test("weft sim --reach prints what came of each pair of kinds of places, the same for the same seed", async () => {
  const reach = ["sim", "--nodes", "60", "--seed", "3", "--reach"];
  const runs = [new SamplePorts(), new SamplePorts()];
  for (const ports of runs) assert.equal(await main(reach, ports), 0, ports.stdout + ports.stderr);
  const [text = ""] = runs.map(({ stdout }) => stdout);
  assert.equal(runs[1]?.stdout, text);
  assert.match(text, /^PLACES +PAIRS +CONNECTED +FIRST PATH +DIRECT +PATHS/);
  assert.match(text, /^symmetric-nat, symmetric-nat +\d+ +100 % +\d+ ms +\d+ by a relay$/m);
  assert.match(text, /^open, symmetric-nat +(\d+) +100 % +\d+ ms +\d+ ms +\1 direct$/m);
  assert.match(text, /All pairs reach each other.* 60 nodes, \d+ pairs, 0 % lost, seed 3/);
  const ports = new SamplePorts();
  assert.equal(await main([...reach, "--json"], ports), 0);
  const report = JSON.parse(ports.stdout);
  assert.deepEqual([report.nodes, report.isConnected, report.kinds.length], [60, true, 21]);
  assert.equal(
    report.kinds.reduce((sum: number, { pairs }: { pairs: number }) => sum + pairs, 0),
    report.pairs,
  );
});

Deno.test("weft sim --reach fails and says which pairs lack a path where nearly everything is lost", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["sim", "--nodes", "12", "--reach", "--loss", "0.9"], ports), 1);
  assert.match(ports.stdout, /^Must not be: .* have no (direct )?path$/m);
  const refused = new SamplePorts();
  assert.equal(await main(["sim", "--reach", "--split", "5m"], refused), 2);
  assert.match(refused.stderr, /--split with --reach/);
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
