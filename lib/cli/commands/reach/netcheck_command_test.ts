import assert from "node:assert/strict";
import { sampleNetcheck } from "../../../agent/testing/sample_control.ts";
import { withFakeAgent } from "../../testing/fake_agent.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { netcheckText } from "./netcheck_command.ts";

const plain = { out() {}, err() {}, hasColours: false, isInteractive: false, columns: undefined };

Deno.test("weft netcheck asks the agent, with the servers that the line names", async () => {
  await withFakeAgent({ "POST /netcheck": [200, sampleNetcheck] }, async ({ stateDir, asked }) => {
    const ports = new SamplePorts();
    const line = ["netcheck", "--state", stateDir, "--stun-server", "192.0.2.1:3478", "--json"];
    assert.equal(await main(line, ports), 0, ports.stderr);
    assert.deepEqual(JSON.parse(ports.stdout), sampleNetcheck);
    assert.deepEqual(asked, ['POST /netcheck {"stunServers":["192.0.2.1:3478"]}']);
  });
});

Deno.test("weft netcheck looks itself where no agent runs", async () => {
  const ports = new SamplePorts();
  const line = ["netcheck", "--state", "/nowhere", "--stun-server", "192.0.2.1:3478"];
  assert.equal(await main(line, ports), 0, ports.stderr);
  assert(ports.diary.includes("netcheck 192.0.2.1:3478"), ports.diary.join("\n"));
  assert.match(ports.stdout, /^port mapping {2}8\.7\.6\.5:51820, by PCP of 192\.168\.7\.1$/m);
});

Deno.test("netcheckText() says what is there and what is not", () => {
  assert.equal(
    netcheckText(sampleNetcheck, plain),
    `UDP           goes out, and is answered
IPv4          192.168.7.2, by 192.168.7.1
IPv6          no way to the Internet
port mapping  8.7.6.5:51820, by PCP of 192.168.7.1
STUN          192.0.2.1:3478 sees 8.7.6.5:51820, 12 ms
STUN          192.0.2.2:3478 does not answer
hairpin       no
HTTP proxy    none
leader        lead, direct, 1.50 ms
`,
  );
  const gateway = "192.168.7.1";
  const failures = { pcp: "no-answer", "nat-pmp": "not-public" };
  const text = netcheckText({
    ...sampleNetcheck,
    udp: null,
    portMapping: [{ gateway, state: "unmapped", failures, privateAddress: "100.64.0.1" }],
    stun: [],
    mappingVaries: true,
  }, plain);
  assert.match(text, /^UDP +not known/m);
  assert.match(
    text,
    /none of 192\.168\.7\.1: PCP no answer, NAT-PMP no public address; .*NAT, as 100\.64\.0\.1/,
  );
  assert.match(text, /^NAT +another port to each destination$/m);
  assert.match(text, /hint: .*--stun-server/);
  assert.match(netcheckText({ ...sampleNetcheck, portMapping: [] }, plain), /no router was asked/);
});
