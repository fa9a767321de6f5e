import assert from "node:assert/strict";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

Deno.test("weft explain refuses what is no port, before it asks anybody", async () => {
  for (const port of ["http", "65536", "tcp/x"]) {
    const ports = new SamplePorts();
    assert.equal(await main(["explain", `web-1:${port}`, "--state", "/nowhere"], ports), 2);
    assert.match(ports.stderr, new RegExp(`explain web-1:${port}: ${port} is no port\nhint: .*db-1:udp/53`));
  }
});
