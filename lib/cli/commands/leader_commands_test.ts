import assert from "node:assert/strict";
import { leadersText } from "./leader_commands.ts";
import { SamplePorts, sampleStatus } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

const plain = { hasColours: false, isInteractive: false, columns: undefined, out: () => {}, err: () => {} };

Deno.test("leadersText() says who is elected, who is away, and what this node gives out", () => {
  assert.equal(
    leadersText(sampleStatus.leaders, plain),
    [
      "NAME              ADDRESS     STATE        HEARD  GIVES OUT",
      "lead (this node)  10.200.0.1  elected             10.200.0.1-10.200.127.255",
      "second            10.200.0.7  away     1 min ago",
      "",
    ].join("\n"),
  );
  assert.match(leadersText([], plain), /no leader/);
});

for (const args of [["leader"], ["leader", "promot", "a"], ["leader", "promote"], ["leader", "demote"]]) {
  Deno.test(`weft ${args.join(" ")} is refused`, async () => {
    const ports = new SamplePorts();
    assert.equal(await main(args, ports), 2);
    assert.match(ports.stderr, /^weft: .*\nhint: /);
  });
}
