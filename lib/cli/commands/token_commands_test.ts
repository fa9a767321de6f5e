import assert from "node:assert/strict";
import { withFakeAgent } from "../testing/fake_agent.ts";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

Deno.test("token create tells a person how many machines may join, and a program nothing but how", async () => {
  const sayings: readonly (readonly [usesLeft: number | null, says: RegExp])[] = [
    [1, /^It lets 1 machine in, within 1 d; `--uses 5` makes one for five\n$/],
    [5, /^It lets 5 machines in, within 1 d\n$/],
    [null, /^It lets any number of machines in, within 1 d\n$/],
  ];
  for (const [usesLeft, says] of sayings) {
    const report = { id: "t1", usesLeft, createdAt: 1_000, expiresAt: 86_401_000 };
    await withFakeAgent({ "POST /tokens": [200, { token: "weft1-made", report }] }, async ({ stateDir }) => {
      for (const isInteractive of [true, false]) {
        const ports = new SamplePorts();
        Object.assign(ports.terminal, { isInteractive });
        assert.equal(await main(["token", "create", "--state", stateDir], ports), 0, ports.stderr);
        assert.equal(ports.stdout, "weft --join weft1-made\n");
        assert.match(ports.stderr, isInteractive ? says : /^$/);
      }
    });
  }
});
