import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import {
  parseResolverConf,
  resolverConfText,
  type ResolverSettings,
  upstreamServers,
} from "./resolver_conf.ts";
import { resolvedCommands } from "./resolver_host.ts";

function endpoint(text: string): Endpoint {
  const read = Endpoint.parse(text);
  assert(read);
  return read;
}

const settings: ResolverSettings = {
  zone: "weft.internal.",
  otherZones: ["200.10.in-addr.arpa."],
  servers: [endpoint("10.200.0.1:53"), endpoint("[fd00::1]:53")],
  interfaceName: "weft0",
};
const lines = (text: string): string[] =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

const rewritten: readonly (readonly [string, string, string, readonly string[]])[] = [
  ["an empty file", "", "host", ["nameserver 10.200.0.1", "search weft.internal"]],
  ["no search, on a host with a domain", "nameserver 9.9.9.9\n", "host.example.com", [
    "nameserver 10.200.0.1",
    "nameserver 9.9.9.9",
    "search example.com weft.internal",
  ]],
  [
    "a full one",
    "; note\nsearch a.example b.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\noptions ndots:2\n",
    "h.x",
    [
      "nameserver 10.200.0.1",
      "nameserver 192.0.2.1",
      "nameserver 192.0.2.2",
      "search a.example b.example weft.internal",
      "options ndots:2",
    ],
  ],
  ["a domain instead of a search", "domain corp.example\nnameserver ::1\nsortlist 10.0.0.0", "h", [
    "nameserver 10.200.0.1",
    "nameserver ::1",
    "search corp.example weft.internal",
    "sortlist 10.0.0.0",
  ]],
  ["one that names weft already", "nameserver 10.200.0.1\nsearch weft.internal x\n", "h", [
    "nameserver 10.200.0.1",
    "search x weft.internal",
  ]],
];
for (const [what, original, hostname, expected] of rewritten) {
  Deno.test(`resolverConfText() rewrites ${what}`, () => {
    const text = resolverConfText(original, settings, hostname);
    assert.deepEqual(lines(text), expected);
    assert(parseResolverConf(text).isOwn);
    assert(!parseResolverConf(original).isOwn);
  });
}

Deno.test("parseResolverConf() passes over what makes no sense", () => {
  const { servers, search } = parseResolverConf(
    "nameserver\nnameserver x\nnameserver\t192.0.2.1 # a\nsearch\nsearch  a  b",
  );
  assert.deepEqual(servers.map(String), ["192.0.2.1"]);
  assert.deepEqual(search, ["a", "b"]);
});

Deno.test("upstreamServers() are the others, on port 53", () => {
  const own = settings.servers.map(({ address }) => address);
  const text = resolverConfText("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", settings, "h");
  assert.deepEqual(upstreamServers(text, own).map(String), ["192.0.2.1:53", "[2001:db8::1]:53"]);
});

Deno.test("resolvedCommands() search the zone and route the others", () => {
  assert.deepEqual(resolvedCommands(settings).map((command) => command.join(" ")), [
    "resolvectl dns weft0 10.200.0.1:53 [fd00::1]:53",
    "resolvectl domain weft0 weft.internal ~200.10.in-addr.arpa",
    "resolvectl default-route weft0 false",
  ]);
});
