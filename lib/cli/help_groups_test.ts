import assert from "node:assert/strict";
import { SamplePorts } from "./testing/sample_ports.ts";
import { main, makeProgram } from "./weft.ts";

Deno.test("weft --help has every command under a heading, and none under that of commander", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["--help"], ports), 0);
  const headings = [...ports.stdout.matchAll(/^\S.*:$/gm)].map(([line]) => line);
  assert.ok(headings.includes("This node:") && headings.includes("Finding each other:"), headings.join());
  assert.ok(!headings.includes("Commands:"));
  for (const command of makeProgram({ ports, exitCode: 0 }).commands) {
    const isShown = new RegExp(`^  ${command.name()}(?![\\w-])`, "m").test(ports.stdout);
    assert.equal(isShown, command.name() !== "complete", command.name());
  }
});

Deno.test("weft up --help has the options of an agent under the same headings", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["up", "--help"], ports), 0);
  assert.match(ports.stdout, /^The page and the log:\n {2}--status-address/m);
});

Deno.test("weft --help fits terminals of every width, and loses no word", async () => {
  const words = (text: string) => text.split(/\s+/).sort().join(" ");
  const helpAt = async (columns: number) => {
    const ports = new SamplePorts();
    Object.assign(ports.terminal, { columns });
    assert.equal(await main(["--help"], ports), 0);
    return ports.stdout;
  };
  const all = words(await helpAt(110));
  for (const columns of [40, 60, 80, 100]) {
    const help = await helpAt(columns);
    // A flag with its value is one term, which is not broken.
    const long = help.split("\n").filter((line) => line.length > Math.max(columns, 50));
    assert.deepEqual(long, [], `${columns}`);
    assert.equal(words(help), all);
  }
});
