import assert from "node:assert/strict";
import { fileLayer } from "./config_file.ts";
import { InvalidConfigError, layerAgentOptions, parseAgentOptions } from "./layers.ts";

const read = async (text: string) => layerAgentOptions([await fileLayer(text, "/etc/weft.yaml")]);

Deno.test("a file declares networks and endpoints as maps", async () => {
  const options = await read(`
networks:
  blue:
    type: vxlan
    vni: 1001
    cidr: 10.0.0.0/24
    members: role in (web, db)
    options: { ttl: 32 }
  lan: { type: vlan, vid: 7, underlay: plain, interface: eth0, remotes: [192.0.2.7] }
  green:
network-endpoints:
  blue/web-1:
  blue/db-1: { ip: 10.0.0.9, mac: 02-42-AC-11-00-02, netns: lab, foreign: yes }
`);
  assert.deepEqual(options.networks, [
    {
      name: "blue",
      type: "vxlan",
      identifier: 1001,
      cidrs: ["10.0.0.0/24"],
      members: "role in (web, db)",
      options: { ttl: "32" },
    },
    {
      name: "lan",
      type: "vlan",
      identifier: 7,
      underlay: "plain",
      interfaces: ["eth0"],
      remotes: ["192.0.2.7"],
    },
    { name: "green" },
  ]);
  assert.deepEqual(options.networkEndpoints, [{ network: "blue", name: "web-1" }, {
    network: "blue",
    name: "db-1",
    ipAddresses: ["10.0.0.9"],
    macAddress: "02:42:ac:11:00:02",
    netns: "lab",
    allowsForeign: true,
  }]);
});

Deno.test("lists of maps, lines of text and what a program says are read alike", async () => {
  const blue = { name: "blue", type: "vxlan", identifier: 1001, cidrs: ["10.0.0.0/24"] };
  const web = { network: "blue", name: "web-1", ipAddresses: ["10.0.0.9"] };
  const listed = await read(
    "networks: [{ name: blue, type: vxlan, vni: 1001, cidr: 10.0.0.0/24 }]\n" +
      "network-endpoints: [{ network: blue, name: web-1, ip: 10.0.0.9 }]",
  );
  const said = parseAgentOptions({
    networks: "blue type=vxlan id=1001 cidr=10.0.0.0/24; ",
    networkEndpoints: "blue/web-1 ip=10.0.0.9",
  });
  const program = parseAgentOptions({ networks: [blue], networkEndpoints: [web] });
  for (const { networks, networkEndpoints } of [listed, said, program]) {
    assert.deepEqual([networks, networkEndpoints], [[blue], [web]]);
  }
  const two = parseAgentOptions({ networks: "a members='x=1; y'; b remote=192.0.2.1 remote=192.0.2.2" });
  assert.deepEqual(two.networks, [
    { name: "a", members: "x=1; y" },
    { name: "b", remotes: ["192.0.2.1", "192.0.2.2"] },
  ]);
});

const refused: readonly (readonly [string, string, RegExp, RegExp])[] = [
  ["an unknown setting", "networks: { blue: { typ: vxlan } }", /blue has no setting "typ"/, /mean type\?/],
  ["a setting far from all", "networks: { blue: { banana: 1 } }", /banana/, /Its settings are type, vni, /],
  ["a VNI that is none", "networks: { blue: { vni: -1 } }", /blue cannot have vni -1/, /vni: 1001/],
  ["half a VNI", "networks: { blue: { id: 1.5 } }", /blue cannot have id 1\.5/, /id: 1001/],
  ["a block that is none", "networks: { blue: { cidr: 10.0.0.0/33 } }", /cidr 10\.0\.0\.0\/33/, /10\.0\.0/],
  [
    "two blocks of one family",
    "networks: { a: { cidr: 10.0.0.0/24, cidr6: 10.1.0.0/24 } }",
    /of each family/,
    /10/,
  ],
  ["an MTU that is text", "networks: { blue: { mtu: big } }", /mtu big: it is a number/, /1370/],
  [
    "an underlay that is none",
    "networks: { blue: { underlay: vpn } }",
    /underlay vpn.*mesh or plain/,
    /mesh/,
  ],
  ["a remote by name", "networks: { blue: { remotes: [a.example] } }", /remotes \["a\.example"\]/, /192/],
  ["a list of options", "networks: { blue: { options: [a] } }", /options.*KEY=VALUE/, /ttl=32/],
  ["a name with a slash", "networks: { a/b: {} }", /"a\/b" is no name of a network/, /blue/],
  ["a name of a space", 'networks: { " ": {} }', /" " is no name/, /blue/],
  ["a network twice", "networks: [{ name: a }, { name: A }]", /a is there twice/, /Keep one/],
  ["a setting twice", "networks: { a: { id: 1, vni: 2 } }", /a says vni twice/, /Keep one/],
  ["no map", "networks: 5", /: it is no map$/, /map of names/],
  ["a network that is a number", "networks: { a: 5 }", /a is no map/, /map of names/],
  ["a list in a list", "networks: [[a]]", /neither a map nor a line/, /map of names/],
  ["an endpoint without its network", "network-endpoints: { web-1: {} }", /NETWORK\/ENDPOINT/, /blue\/web-1/],
  ["a group's MAC", "network-endpoints: { a/b: { mac: '01:00:5e:00:00:01' } }", /mac 01:00:5e/, /02:42/],
  ["an address that is none", "network-endpoints: { a/b: { ip: 10.0.0 } }", /ip 10\.0\.0: it is an IP/, /10/],
  ["a long device", "network-endpoints: { a/b: { device: abcdefghijklmnop } }", /1 to 15/, /blue0/],
  ["a device like an option", "network-endpoints: { a/b: { device: -x } }", /1 to 15/, /blue0/],
  ["too many", `networks: [${Array.from({ length: 65 }, (_, i) => `n${i}`).join()}]`, /more than 64/, /comm/],
];
for (const [name, text, says, hints] of refused) {
  Deno.test(`a file with ${name} is refused with what exactly is wrong`, async () => {
    await assert.rejects(read(text), (error) => {
      assert(error instanceof InvalidConfigError);
      assert.match(error.message, says);
      assert.match(error.message, /^Cannot use network(-endpoint)? in \/etc\/weft\.yaml:\d+:\d+: /);
      assert.doesNotMatch(error.message, /\n/);
      assert.match(error.hint ?? "", hints);
      return true;
    });
  });
}

Deno.test("what is wrong is said where it was written", () => {
  const layers = [
    [
      { source: "flags", values: { networks: ["blue vni=x"] } },
      /^Cannot use --network: blue cannot have vni x/,
    ],
    [
      { source: "environment", values: { networks: "a b=c" } },
      /^Cannot use WEFT_NETWORK: a has no setting "b"/,
    ],
    [
      { source: "options", values: { networkEndpoints: "a" } },
      /^Cannot use networkEndpoints: "a" is no name/,
    ],
  ] as const;
  for (const [layer, says] of layers) assert.throws(() => layerAgentOptions([layer]), { message: says });
});
