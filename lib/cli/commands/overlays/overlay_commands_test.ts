import assert from "node:assert/strict";
import { builtInDrivers } from "../../../../drivers/mod.ts";
import { sampleNetwork } from "../../../agent/testing/sample_networks.ts";
import * as overlay from "../../../overlay/errors.ts";
import { type FakeAgent, type FakeAnswers, withFakeAgent } from "../../testing/fake_agent.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { DRIVERS } from "./network_options.ts";

const answers: FakeAnswers = {
  "GET /networks": [200, [sampleNetwork]],
  "POST /networks": [200, sampleNetwork],
  "POST /networks/change": [200, {
    ...sampleNetwork,
    ...{ isActive: false, members: "role=db", gateway: "gw" },
    endpoints: sampleNetwork.endpoints.slice(0, 1).map((one) => ({ ...one, problem: "it may not" })),
  }],
  "DELETE /networks/blue": [200, { ...sampleNetwork, endpointCount: 0 }],
  "DELETE /networks/blue?force=1": [200, sampleNetwork],
  "POST /endpoints": [200, sampleNetwork.endpoints[0]],
  "DELETE /endpoints/blue/web-1": [200, { ...sampleNetwork.endpoints[0], isLocal: false, node: "web-2" }],
  "POST /endpoints/move": [200, { ...sampleNetwork.endpoints[0], node: "web-2" }],
};

async function run({ stateDir }: FakeAgent, line: string): Promise<SamplePorts & { readonly code: number }> {
  const ports = new SamplePorts();
  const code = await main([...line.split(" "), "--state", stateDir], ports);
  return Object.assign(ports, { code });
}

Deno.test("commands of overlay networks ask what they are told, and print the answer", () =>
  withFakeAgent(answers, async (agent) => {
    const cases: readonly (readonly [line: string, asked: string, says: RegExp])[] = [
      [
        "network create blue --cidr 10.0.0.0/24",
        'POST /networks {"name":"blue","cidrs":["10.0.0.0/24"]}',
        /^Created blue: vxlan, VNI 1001, 10\.0\.0\.0\/24, MTU 1370, inside the mesh\n`weft endpoint add blue NAME`/,
      ],
      [
        "network create n --type gre --key 0x10 --cidr 10.0.0.0/24,fd00::/64 --mtu 1280 --underlay plain --remote " +
        "192.0.2.7 --group 239.1.1.1 --interface eth0 --hop-limit 8 --members role=web --gateway gw --storm-limit 9 " +
        "--option a=b=c",
        'POST /networks {"name":"n","type":"gre","identifier":16,"cidrs":["10.0.0.0/24","fd00::/64"],"mtuBytes":1280,' +
        '"underlay":"plain","remotes":["192.0.2.7"],"group":"239.1.1.1","interfaces":["eth0"],"hopLimit":8,' +
        '"members":"role=web","gateway":"gw","stormLimit":9,"options":{"a":"b=c"}}',
        /^Created blue/,
      ],
      ["network list", "GET /networks", /^blue +vxlan +1001 +10\.0\.0\.0\/24 +1370 +mesh +1 +1 +active$/m],
      ["network ls --json", "GET /networks", /"identifierName": "VNI"/],
      ["network show blue", "GET /networks", /^web-1 +lead \(this node\) +02:.* 700 B +900 B +2 +up$/m],
      ["network show net-1", "GET /networks", /^dropped +2 unknown-source$/m],
      [
        "network change blue --mtu auto --members * --gateway none --inactive",
        'POST /networks/change {"network":"blue","mtuBytes":0,"members":"","gateway":"","isActive":false}',
        /^blue: vxlan, .*, inactive\n/,
      ],
      [
        "network change blue --members role=db --gateway gw",
        'POST /networks/change {"network":"blue","members":"role=db","gateway":"gw"}',
        /^blue: vxlan, .*MTU \d+, inside the mesh, only for role=db, out by gw, inactive\n`weft network show blue` says whether its gateway is up\nblue\/web-1: it may not\n$/,
      ],
      [
        "network change blue --remote none",
        'POST /networks/change {"network":"blue","remotes":[]}',
        /^blue: vxlan/,
      ],
      ["network rm blue", "DELETE /networks/blue", /^Deleted blue\n$/],
      ["network delete blue --force", "DELETE /networks/blue?force=1", /^Deleted blue, with 1 endpoint\n$/],
      [
        "endpoint add blue web-1",
        'POST /endpoints {"network":"blue","name":"web-1"}',
        /^Added blue\/web-1 on lead: 10\.0\.0\.2\/24, 02:00:00:00:00:01, device web-1\n$/,
      ],
      [
        "endpoint add blue/db --mac 02-42-ac-11-00-02 --ip 10.0.0.9 --ip fd00::9 --device tap9 --netns lab --foreign",
        'POST /endpoints {"network":"blue","name":"db","macAddress":"02-42-ac-11-00-02",' +
        '"device":"tap9","netns":"lab","ipAddresses":["10.0.0.9","fd00::9"],"allowsForeign":true}',
        /^Added /,
      ],
      ["endpoint list", "GET /networks", /^blue\/web-1 +lead \(this node\) .* web-1 +up$/m],
      ["endpoint ls blue --json", "GET /networks", /"macAddress"/],
      ["endpoint rm blue/web-1", "DELETE /endpoints/blue/web-1", /^Removed blue\/web-1 of web-2\n$/],
      ["endpoint remove blue web-1", "DELETE /endpoints/blue/web-1", /^Removed /],
      [
        "endpoint move blue/web-1 --to web-2",
        'POST /endpoints/move {"network":"blue","endpoint":"web-1","node":"web-2"}',
        /^Moved blue\/web-1 to web-2\n$/,
      ],
    ];
    for (const [line, asked, says] of cases) {
      const { code, stdout, stderr } = await run(agent, line);
      assert.equal(code, 0, `${line}: ${stderr}`);
      assert.match(stdout, says, line);
      assert(agent.asked.includes(asked), agent.asked.join("\n"));
    }
  }));

Deno.test("whom there is not is said before the agent is asked to change anything", () =>
  withFakeAgent(answers, async (agent) => {
    for (const line of ["network show red", "endpoint list red"]) {
      const { code, stderr } = await run(agent, line);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^weft: Cannot \w+ red: there is no overlay network .*\nhint: `weft network list`/,
      );
    }
  }));

Deno.test("empty lists say what fills them", () =>
  withFakeAgent({ "GET /networks": [200, []] }, async (agent) => {
    assert.match((await run(agent, "network list")).stdout, /^No overlay networks\. `weft network create/);
    assert.match((await run(agent, "endpoint list")).stdout, /^No endpoints\. `weft endpoint add/);
  }));

Deno.test("what is not up says why, and what to do", () => {
  const [endpoint] = sampleNetwork.endpoints;
  const gone = { ...endpoint, state: "failed", problem: "the namespace lab is gone", hint: "Make it again." };
  const network = {
    ...sampleNetwork,
    endpoints: [gone],
    problem: "UDP port 4789 is taken",
    hint: "Stop it.",
  };
  return withFakeAgent(
    { "GET /networks": [200, [network]], "POST /endpoints": [200, gone] },
    async (agent) => {
      const said = /the namespace lab is gone\nhint: Make it again\.\n$/;
      for (const line of ["network show blue", "endpoint list", "endpoint add blue web-1"]) {
        assert.match((await run(agent, line)).stdout, said, line);
      }
      assert.match(
        (await run(agent, "network show blue")).stdout,
        /^state +failed: UDP port 4789 is taken$/m,
      );
      assert.match((await run(agent, "network list")).stdout, /failed$/m);
      assert.match((await run(agent, "endpoint list")).stdout, /failed$/m);
    },
  );
});

Deno.test("the help says of every driver what it is", () => {
  const drivers = builtInDrivers();
  const said = drivers.names.map((name) => {
    const { identifier, options } = drivers.get(name)?.().capabilities ?? {};
    return [name, { ...identifier, options: Object.keys(options ?? {}) }];
  });
  assert.deepEqual(DRIVERS, Object.fromEntries(said));
});

/** By the class, how a command fails: 2 where the command line is the reason. */
const failures: Readonly<Record<keyof typeof overlay, readonly [code: 1 | 2, hints: RegExp]>> = {
  DuplicateNetworkError: [1, /`weft network list`.*--vni/],
  UnknownNetworkError: [1, /`weft network list`/],
  NetworkInUseError: [1, /--force/],
  DuplicateEndpointError: [1, /`weft endpoint list`/],
  UnknownEndpointError: [1, /`weft endpoint list`/],
  UnknownDriverError: [2, /lists the types/],
  DuplicateDriverError: [1, /another name/],
  NetworkTypeError: [2, /`weft network show NAME`/],
  IdentifierRangeError: [2, /without --vni/],
  MtuRangeError: [2, /Without --mtu/],
  InvalidDriverOptionError: [2, /without --option/],
  NotInitializedManagerError: [1, /try again/],
  InvalidNetworkError: [2, /`weft network create blue/],
  InvalidEndpointError: [2, /`weft network create blue/],
  NotPermittedMemberError: [1, /who may/],
  TooManyEndpointsError: [1, /Take back/],
};
for (const [name, [exitCode, hints]] of Object.entries(failures)) {
  Deno.test(`${name} is one line and a hint`, () => {
    const message = "Cannot make the network blue: for a reason";
    const error = new overlay[name as keyof typeof overlay](message);
    const problem = { code: error.code, message };
    return withFakeAgent({ "POST /networks": [400, problem] }, async (agent) => {
      const { code, stdout, stderr } = await run(agent, "network create blue");
      assert.equal(code, exitCode);
      assert.equal(stdout, "");
      const [line, hint = "", ...rest] = stderr.split("\n");
      assert.equal(line, `weft: ${message}`);
      assert.match(hint, /^hint: /);
      assert.match(hint, hints);
      assert.deepEqual(rest, [""]);
    });
  });
}
