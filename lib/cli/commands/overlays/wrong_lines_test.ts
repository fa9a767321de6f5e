import assert from "node:assert/strict";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

const wrong: readonly (readonly [string, readonly string[], RegExp, RegExp?])[] = [
  ["a network group alone", ["network"], /create, list, show, change, delete/],
  ["an endpoint group alone", ["endpoint"], /add, list, remove, move/],
  ["a name with capitals", ["network", "create", "Blue"], /name Blue:.*lower-case/, /blue/],
  ["a name of 64 letters", ["network", "create", "a".repeat(64)], /up to 63/, /blue/],
  ["a name of an endpoint with an underscore", ["endpoint", "add", "blue", "web_1"], /name web_1:/, /web-1/],
  ["no name of a network", ["network", "create"], /<name>/, /`weft network create blue/],
  ["networks as a word", ["networks"], /weft networks/, /`weft network list`/],
  ["vxlan as a word", ["vxlan"], /weft vxlan/, /--type vxlan/],
  [
    "a block that is none",
    ["network", "create", "b", "--cidr", "10.0.0.0"],
    /--cidr 10\.0\.0\.0:/,
    /10\.0\.0\.0\/24/,
  ],
  [
    "a VNI beyond 24 bits",
    ["network", "create", "b", "--vni", "16777216"],
    /a VNI is .* 0 to 16777215/,
    /free/,
  ],
  ["a VNI that is text", ["network", "create", "b", "--vni", "blue"], /--vni blue/, /free/],
  [
    "a VLAN beyond 12 bits",
    ["network", "create", "b", "--type", "vlan", "--vlan", "4095"],
    /--vlan 4095.* 1 to 4094/,
  ],
  [
    "a label below 16",
    ["network", "create", "b", "--type", "mpls-udp", "--label", "3"],
    /--label 3.* 16 to 1048575/,
  ],
  ["two identifiers", ["network", "create", "b", "--vni", "1", "--id", "2"], /--vni and --id/, /Keep --vni/],
  ["an MTU below IPv4's", ["network", "create", "b", "--mtu", "575"], /--mtu 575.* 576 to 65535/, /1370/],
  [
    "an underlay that is none",
    ["network", "create", "b", "--underlay", "vpn"],
    /--underlay vpn.*mesh, plain/,
  ],
  [
    "a remote in the mesh",
    ["network", "create", "b", "--remote", "192.0.2.7"],
    /--remote inside/,
    /--underlay plain/,
  ],
  ["a hop limit in the mesh", ["network", "create", "b", "--hop-limit", "7"], /--hop-limit inside/, /plain/],
  [
    "a remote by name",
    ["network", "create", "b", "--underlay", "plain", "--remote", "a.example"],
    /--remote a\.example/,
    /192\.0\.2\.7/,
  ],
  [
    "a port that is none",
    ["network", "create", "b", "--underlay", "plain", "--port", "0"],
    /--port 0.* 1 to 65535/,
  ],
  [
    "an option without a value",
    ["network", "create", "b", "--option", "ttl"],
    /--option ttl.*KEY=VALUE/,
    /sequence=true/,
  ],
  ["no change", ["network", "change", "blue"], /change nothing of blue/, /`weft network change blue --mtu/],
  ["both states", ["network", "change", "b", "--active", "--inactive"], /--active/],
  ["an empty network", ["network", "show", ""], /<name> is empty/],
  [
    "an endpoint without a network",
    ["endpoint", "add", "web-1"],
    /add web-1: that names no endpoint/,
    /blue web-1/,
  ],
  ["an endpoint of three parts", ["endpoint", "add", "a/b/c"], /a\/b\/c/, /NETWORK\/NAME/],
  ["an endpoint twice", ["endpoint", "remove", "a", "b/c"], /remove a b\/c/, /NETWORK NAME/],
  ["a third word", ["endpoint", "add", "a", "b", "c"], /c/],
  ["a group's MAC", ["endpoint", "add", "a/b", "--mac", "01:00:5e:00:00:01"], /--mac 01:00/, /02:42/],
  ["a MAC that is none", ["endpoint", "add", "a/b", "--mac", "02:42"], /--mac 02:42/],
  [
    "a device and a bridge",
    ["endpoint", "add", "a/b", "--attach", "eth1", "--device", "x"],
    /--attach.*--device/,
  ],
  ["a move to nowhere", ["endpoint", "move", "a/b"], /--to/, /--to web-2/],
  [
    "a declared network that is none",
    ["--leader", "--network", "blue vni=x"],
    /--network: blue cannot have vni x/,
  ],
  ["a declared endpoint that is none", ["up", "--network-endpoint", "web-1"], /--network-endpoint: "web-1"/],
];
for (const [name, args, says, hints = /\S/] of wrong) {
  Deno.test(`main() refuses ${name} before it asks an agent`, async () => {
    const ports = new SamplePorts();
    assert.equal(await main(args, ports), 2, ports.stderr);
    const [line = "", hint = "", ...rest] = ports.stderr.split("\n");
    assert.deepEqual(rest, [""]);
    assert.match(line, says);
    assert.match(line, /^weft: (?!error)/);
    assert.match(hint, /^hint: /);
    assert.match(hint, hints);
    assert.equal(ports.stdout, "");
  });
}
