import assert from "node:assert/strict";
import { sampleDevice } from "../../agent/testing/sample_control.ts";
import { type FakeAgent, type FakeAnswers, withFakeAgent } from "../testing/fake_agent.ts";
import { SamplePorts, sampleStatus } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

/** @param others answered in place of the usual, or beside it */
const withAgent = (use: (agent: FakeAgent) => Promise<void>, others: FakeAnswers = {}) =>
  withFakeAgent({ "GET /status": [200, sampleStatus], "POST /peers": [200, sampleDevice], ...others }, use);

async function run({ stateDir }: FakeAgent, line: string): Promise<SamplePorts> {
  const ports = new SamplePorts();
  assert.equal(await main([...line.split(" "), "--state", stateDir], ports), 0, ports.stderr);
  return ports;
}

Deno.test("peer add says so when the device is called otherwise", () =>
  withAgent(async (agent) => {
    const asked = await run(agent, "peer add tablet --public-key k");
    assert.match(
      asked.stderr,
      /^The device with this key is phone already .*`weft peer rename phone tablet`/,
    );
    assert.equal((await run(agent, "peer add phone --public-key k")).stderr, "");
  }));

Deno.test("peer add says what a network behind a device does, and what it does not", () =>
  withAgent(async (agent) => {
    const { stderr } = await run(agent, "peer add phone --public-key k --allowed-ip 192.168.7.0/24");
    assert.match(
      stderr,
      /^Members reach 192\.168\.7\.0\/24 through phone, but for those that have a way there of their own\n$/,
    );
  }));

Deno.test("peer add --dns tells the device its hub's name server, and a person what that does not answer", () =>
  withAgent(async (agent) => {
    const cases: readonly (readonly [string, readonly string[], RegExp, RegExp])[] = [
      ["--dns hub", ["SOA", "NS"], /^DNS = 10\.200\.0\.1, weft\.internal$/m, /^$/],
      [
        "--dns",
        ["SOA"],
        /^DNS = 10\.200\.0\.1, weft\.internal$/m,
        /^warning: lead answers for weft\.internal alone/,
      ],
      [
        "--dns hub",
        [],
        /^DNS = 10\.200\.0\.1, weft\.internal$/m,
        /^warning: lead does not answer.*\nhint: .*15353,53/,
      ],
      ["--dns 10.200.0.1", ["SOA", "NS"], /^DNS = 10\.200\.0\.1$/m, /^$/],
      ["--dns 10.200.0.1", [], /^DNS = 10\.200\.0\.1$/m, /^warning: lead does not answer/],
      ["--dns 9.9.9.9", [], /^DNS = 9\.9\.9\.9$/m, /^$/],
    ];
    for (const [said, answers, config, told] of cases) {
      const ports = new SamplePorts();
      ports.nameServers.set("10.200.0.1", answers);
      const line = `peer add phone --wireguard ${said} --state ${agent.stateDir}`;
      assert.equal(await main(line.split(" "), ports), 0, `${said}: ${ports.stderr}`);
      assert.match(ports.stdout, config, said);
      assert.match(ports.stderr, told, said);
    }
  }));

Deno.test("peer add says that a device with everything allowed gets out by an exit alone", async () => {
  const route = { network: "0.0.0.0/0", node: "web-1", state: "approved", isExit: true, use: "none" };
  const others = (node: string | null): FakeAnswers => ({
    "POST /peers": [200, { ...sampleDevice, hub: "lead" }],
    "GET /routes": [200, [{ ...route, masquerade: true }]],
    "GET /exit": [200, { node, blocksLan: false, families: [4] }],
  });
  const line = "peer add phone --public-key k --allowed";
  const none =
    /^warning: lead is no exit, so \S+ gets by 0\.0\.0\.0\/0 no further than the network\nhint: .*exit offer/;
  const told = async (answers: FakeAnswers, network: string): Promise<string> => {
    let stderr = "";
    await withAgent(async (agent) => {
      ({ stderr } = await run(agent, `${line} ${network}`));
    }, answers);
    return stderr;
  };
  assert.match(await told(others(null), "0.0.0.0/0"), none);
  assert.equal(await told(others(null), "192.168.50.0/24"), "");
  assert.equal(await told(others("web-1"), "0.0.0.0/0"), "");
  const atExit = { ...others(null), "POST /peers": [200, { ...sampleDevice, hub: "web-1" }] } as const;
  assert.equal(await told(atExit, "0.0.0.0/0"), "");
});

Deno.test("peer add draws a code that a terminal of 80 columns takes", () =>
  withAgent(async (agent) => {
    const ports = new SamplePorts();
    Object.assign(ports.terminal, { isInteractive: true, columns: 80 });
    ports.nameServers.set("10.200.0.1", ["SOA", "NS"]);
    const line = `peer add phone --wireguard --dns hub --state ${agent.stateDir}`;
    assert.equal(await main(line.split(" "), ports), 0, ports.stderr);
    assert.match(ports.stdout, /[▀▄█]{5}/);
    const narrow = new SamplePorts();
    Object.assign(narrow.terminal, { isInteractive: true, columns: 40 });
    assert.equal(await main(line.split(" "), narrow), 0, narrow.stderr);
    assert.match(narrow.stdout, /does not fit .*`weft peer config phone --private-key-file FILE`/);
    // A serial console does not know how wide it is.
    const serial = new SamplePorts();
    Object.assign(serial.terminal, { isInteractive: true, columns: 0 });
    assert.equal(await main(line.split(" "), serial), 0, serial.stderr);
    assert.match(serial.stdout, /[▀▄█]{5}/);
  }));
