import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import {
  parseResolverConf,
  resolverConfText,
  type ResolverSettings,
  upstreamServers,
} from "./resolver_conf.ts";
import { resolvedCommands } from "./resolved.ts";
import { markLines, readMark } from "./resolver_mark.ts";

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
    "search weft.internal example.com",
  ]],
  [
    "a full one",
    "; note\nsearch a.example b.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\noptions ndots:2\n",
    "h.x",
    [
      "nameserver 10.200.0.1",
      "nameserver 192.0.2.1",
      "nameserver 192.0.2.2",
      "search weft.internal a.example b.example",
      "options ndots:2",
    ],
  ],
  ["a domain instead of a search", "domain corp.example\nnameserver ::1\nsortlist 10.0.0.0", "h", [
    "nameserver 10.200.0.1",
    "nameserver ::1",
    "search weft.internal corp.example",
    "sortlist 10.0.0.0",
  ]],
  ["one that names weft already", "nameserver 10.200.0.1\nsearch weft.internal x\n", "h", [
    "nameserver 10.200.0.1",
    "search weft.internal x",
  ]],
  [
    "several search lines, of which the last with a domain holds",
    "search a.example\ndomain b.example\nsearch \t\n",
    "h",
    [
      "nameserver 10.200.0.1",
      "search weft.internal b.example",
    ],
  ],
  ["the root in the search list, as systemd-resolved writes it", "nameserver 192.0.2.1\nsearch .\n", "h.x", [
    "nameserver 10.200.0.1",
    "nameserver 192.0.2.1",
    "search weft.internal .",
  ]],
  ["the zone in another spelling", "search Weft.Internal. a.example", "h", [
    "nameserver 10.200.0.1",
    "search weft.internal a.example",
  ]],
  ["six domains, the last of which an old C library loses", "search a b c d e f", "h", [
    "nameserver 10.200.0.1",
    "search weft.internal a b c d e f",
  ]],
  ["a list that would become too long", `search ${"a".repeat(120)} ${"b".repeat(120)}`, "h", [
    "nameserver 10.200.0.1",
    `search weft.internal ${"a".repeat(120)}`,
  ]],
  ["a list that is too long already", `search ${"a".repeat(130)} ${"b".repeat(130)}`, "h", [
    "nameserver 10.200.0.1",
    `search weft.internal ${"a".repeat(130)} ${"b".repeat(130)}`,
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

Deno.test("parseResolverConf() reads how long programs wait", () => {
  const seconds = (text: string): number => parseResolverConf(text).timeoutSeconds;
  assert.equal(seconds("options ndots:2"), 5);
  assert.equal(seconds("options timeout:2 attempts:1\noptions rotate"), 2);
  assert.equal(seconds("options timeout:0"), 1);
  assert.equal(seconds("options timeout:99999"), 30);
});

Deno.test("resolverConfText() says which domains it had to leave out", () => {
  const text = resolverConfText(`search ${"a".repeat(120)} ${"b".repeat(120)}`, settings, "h");
  assert.match(text, /^# Too long to be searched as well: b{120}$/m);
});

Deno.test("readMark() reads what markLines() has written, and nothing else", () => {
  const writer = { pid: 7, startTicks: "5", pidNamespace: "pid:[1]", bootId: "x" };
  for (
    const former of [
      { kind: "none" },
      { kind: "link", target: "../run/systemd/resolve/stub-resolv.conf" },
      { kind: "file", bytes: new Uint8Array(500).fill(200), mode: 0o644, uid: 1, gid: 2, modifiedMs: 3 },
    ] as const
  ) {
    const lines = markLines({ former, writer });
    assert(lines.every((line) => line.length < 255));
    const text = resolverConfText("nameserver 192.0.2.1\n", settings, "h", lines);
    assert.deepEqual(readMark(text), { former, writer });
    assert.equal(readMark(text.replace("# Written", "# written")), undefined);
    assert.equal(readMark(text.slice(0, -40)), undefined);
  }
  for (const target of ["/etc/shadow", "../resolv.conf/../shadow", "/srv/keys/id_ed25519"]) {
    const lines = markLines({ former: { kind: "link", target }, writer });
    assert.equal(readMark(resolverConfText("", settings, "h", lines)), undefined, target);
  }
  const large = {
    kind: "file",
    bytes: new Uint8Array(20_000),
    mode: 0,
    uid: 0,
    gid: 0,
    modifiedMs: 0,
  } as const;
  assert.deepEqual(markLines({ former: large, writer }), []);
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
