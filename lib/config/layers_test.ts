import assert from "node:assert/strict";
import { fileLayer } from "./config_file.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import {
  checkPairs,
  environmentLayer,
  InvalidConfigError,
  layerAgentOptions,
  parseAgentOptions,
} from "./layers.ts";

Deno.test("parseAgentOptions() fills in the defaults", () => {
  const options = parseAgentOptions({});
  assert.equal(options.stateDir, "/var/lib/weft");
  assert.equal(options.port, 51820);
  assert.equal(options.mtuBytes, 1420);
  assert.equal(options.rootless, false);
  assert.equal(options.statusPort, 9180);
  assert.deepEqual(options.statusAddress, ["loopback"]);
  assert.equal("name" in options || "cidr" in options, false);
});

Deno.test("parseAgentOptions() takes text and values alike", () => {
  const asText = parseAgentOptions({
    cidr: "10.9.8.7/16",
    endpoints: "192.0.2.1:51820, [2001:db8::1]:4",
    labels: "role=web,tier=",
    statusPort: "off",
    name: "Web-1",
    rootless: "true",
  });
  assert.equal(`${asText.cidr}`, "10.9.0.0/16");
  assert.deepEqual(asText.endpoints.map(String), ["192.0.2.1:51820", "[2001:db8::1]:4"]);
  assert.deepEqual(asText.labels, { role: "web", tier: "" });
  assert.equal(asText.statusPort, "off");
  assert.equal(asText.name, "web-1");
  assert.equal(asText.rootless, true);
  const cidr = Cidr.parse("10.9.0.0/16");
  const endpoint = Endpoint.parse("192.0.2.1:51820");
  assert(cidr && endpoint);
  const asValues = parseAgentOptions({ cidr, endpoints: [endpoint], labels: { role: "web" } });
  assert.equal(asValues.cidr, cidr);
  assert.deepEqual(asValues.endpoints, [endpoint]);
  assert.deepEqual(asValues.labels, { role: "web" });
});

Deno.test("parseAgentOptions() reads what the name server is told", () => {
  const options = parseAgentOptions({
    dnsPorts: "15353, 53",
    dnsZone: "Overlay.Local",
    dnsForward: "9.9.9.9, corp.example=[2001:db8::1]:5353, .=system",
  });
  assert.deepEqual(options.dnsPorts, [15353, 53]);
  assert.equal(options.dnsZone, "overlay.local.");
  assert.deepEqual(options.dnsForward.map(({ suffix, server }) => `${suffix} ${server}`), [
    ". 9.9.9.9:53",
    "corp.example. [2001:db8::1]:5353",
    ". system",
  ]);
  const defaults = parseAgentOptions({});
  assert.deepEqual([
    defaults.dns,
    defaults.dnsPorts,
    defaults.dnsZone,
    defaults.dnsForward,
    defaults.dnsResolver,
    defaults.dnsTtlSeconds,
    defaults.dnsServiceTtlSeconds,
  ], [
    "auto",
    [15353],
    "weft.internal.",
    [],
    "auto",
    300,
    5,
  ]);
  assert.equal(parseAgentOptions({ dns: false as unknown as "off" }).dns, "off");
});

Deno.test("parseAgentOptions() leaves the DHT alone unless told, and enters it where it is told", () => {
  const { discoveryDht, discoveryDhtBootstrap } = parseAgentOptions({});
  assert.equal(discoveryDht, false);
  assert(discoveryDhtBootstrap.length > 0);
  const told = parseAgentOptions({
    discoveryDht: "yes",
    discoveryDhtBootstrap: "DHT.example.com:6881, 192.0.2.1:1",
  });
  assert.equal(told.discoveryDht, true);
  assert.deepEqual(told.discoveryDhtBootstrap, [
    { hostname: "dht.example.com", port: 6881 },
    { hostname: "192.0.2.1", port: 1 },
  ]);
  assert.deepEqual(parseAgentOptions(told), told);
});

Deno.test("parseAgentOptions() reads whom discovery calls", () => {
  assert.equal(parseAgentOptions({}).discovery, true);
  assert.equal(parseAgentOptions({ discovery: "no" }).discovery, false);
  const { discoveryPeers } = parseAgentOptions({ discoveryPeers: "192.0.2.7, 198.51.100.1:9" });
  assert.deepEqual(discoveryPeers.map(String), ["192.0.2.7:45678", "198.51.100.1:9"]);
});

Deno.test("layerAgentOptions() lets flags win over the environment and that over the file", () => {
  const options = layerAgentOptions([
    { source: "flags", values: { port: "1", name: undefined } },
    environmentLayer({ WEFT_PORT: "2", WEFT_NAME: "env", WEFT_MTU: "", WEFT_UNRELATED: "x", PATH: "/bin" }),
    { source: "file", values: { port: 3, name: "file", mtuBytes: 1300 } },
  ]);
  assert.equal(options.port, 1);
  assert.equal(options.name, "env");
  assert.equal(options.mtuBytes, 1300);
});

Deno.test("layerAgentOptions() takes the cipher under the name of earlier versions too", async () => {
  assert.equal(parseAgentOptions({ kernel: "baseline" }).cipher, "baseline");
  assert.equal(layerAgentOptions([environmentLayer({ WEFT_KERNEL: "baseline" })]).cipher, "baseline");
  assert.equal(layerAgentOptions([environmentLayer({ WEFT_CIPHER: "baseline" })]).cipher, "baseline");
  assert.equal(layerAgentOptions([await fileLayer("kernel: baseline", "weft.yaml")]).cipher, "baseline");
  const flags = { source: "flags", values: { cipher: "auto" } } as const;
  const { cipher } = layerAgentOptions([flags, environmentLayer({ WEFT_KERNEL: "baseline" })]);
  assert.equal(cipher, "auto");
  assert.equal("kernel" in parseAgentOptions({ kernel: "auto" }), false);
  assert.throws(
    () => layerAgentOptions([{ source: "flags", values: { kernel: "best" } }]),
    /--kernel best: the cipher is auto, native, baseline or noble/,
  );
});

Deno.test("environmentLayer() reads the times of tests", () => {
  const options = layerAgentOptions([
    environmentLayer({ WEFT_TEST_TIMERS: "rekeyAfterTimeMs=1000,rejectAfterTimeMs=4000" }),
  ]);
  assert.deepEqual(options.testTimers, { rekeyAfterTimeMs: 1000, rejectAfterTimeMs: 4000 });
});

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ["stateDir", "", /^Cannot use --state "": /],
  ["name", "a b", /^Cannot use --name a b: /],
  ["name", "-a", /--name/],
  ["name", "x".repeat(64), /--name/],
  [
    "cidr",
    "banana",
    /^Cannot use --cidr banana: that is no network in CIDR notation whose addresses two hosts can have$/,
  ],
  ["cidr", "127.0.0.0/8", /127\.0\.0\.0\/8/],
  ["cidr", "10.0.0.0/32", /10\.0\.0\.0\/32/],
  ["cidr", "0.0.0.0/0", /0\.0\.0\.0\/0/],
  ["cidr", "224.0.0.0/8", /224\.0\.0\.0\/8/],
  ["cidr", "255.255.255.0/24", /255\.255/],
  ["cidr", "::/0", /::\/0/],
  ["cidr", "fe80::/64", /fe80::\/64/],
  ["cidr", "::ffff:10.0.0.0/104", /ffff/],
  ["cidr", "10.9.0.0/33", /10\.9\.0\.0\/33/],
  ["cidr", "10.9.0.0", /CIDR/],
  ["port", "65536", /^Cannot use --port 65536: a port is a number from 1 to 65535$/],
  ["port", "0", /--port 0/],
  ["port", "1e3", /--port 1e3/],
  ["port", " 80", /--port/],
  ["port", 1.5, /--port 1.5/],
  ["mtuBytes", "12", /^Cannot use --mtu 12: /],
  ["interfaceName", "weft0123456789ab", /--interface/],
  ["interfaceName", "..", /--interface/],
  ["interfaceName", "a/b", /--interface/],
  ["interfaceName", "a\u001b[31m", /--interface a\?\[31m:/],
  ["endpoints", "192.0.2.1", /--endpoint/],
  ["endpoints", "192.0.2.1:0", /--endpoint/],
  ["endpoints", "0.0.0.0:51820", /--endpoint/],
  ["endpoints", [7], /--endpoint \[7\]/],
  ["statusAddress", "localhost", /--status-address/],
  ["statusPort", "on", /--status-port on/],
  ["labels", "role", /--label role/],
  ["labels", { "": "x" }, /--label/],
  ["labels", { role: ["x"] }, /--label/],
  ["dns", "maybe", /--dns maybe/],
  ["dnsPorts", "", /--dns-port/],
  ["dnsPorts", "53,0", /--dns-port 53,0/],
  ["dnsPorts", [1, 2, 3, 4, 5], /--dns-port/],
  ["dnsZone", "", /--dns-zone/],
  ["dnsZone", "a..b", /--dns-zone a\.\.b/],
  ["dnsZone", ".", /--dns-zone/],
  ["dnsZone", `${"a.".repeat(130)}b`, /--dns-zone/],
  ["dnsForward", "nowhere", /--dns-forward nowhere/],
  ["dnsForward", "a b=9.9.9.9", /--dns-forward/],
  ["dnsForward", "corp=9.9.9.9:0", /--dns-forward/],
  ["dnsForward", "a=b=9.9.9.9", /--dns-forward/],
  ["dnsResolver", "bind", /--dns-resolver bind/],
  ["dnsTtlSeconds", "soon", /--dns-ttl soon/],
  ["dnsTtlSeconds", "604801", /--dns-ttl 604801/],
  ["dnsServiceTtlSeconds", "-1", /--dns-service-ttl -1/],
  ["logLevel", "loud", /--log-level loud/],
  ["logCategories", "mesh=loud", /--log-category/],
  ["logCategories", "cellar=debug", /--log-category/],
  ["rootless", "maybe", /--rootless/],
  ["discovery", "perhaps", /--discovery perhaps/],
  ["discoveryDht", "perhaps", /--discovery-dht perhaps/],
  ["discoveryDhtBootstrap", "", /--discovery-dht-bootstrap/],
  ["discoveryDhtBootstrap", "192.0.2.1", /--discovery-dht-bootstrap 192.0.2.1/],
  ["discoveryDhtBootstrap", "192.0.2.1:0", /--discovery-dht-bootstrap/],
  ["discoveryDhtBootstrap", "-x.example:1", /--discovery-dht-bootstrap/],
  ["discoveryDhtBootstrap", "[2001:db8::1]:1", /--discovery-dht-bootstrap/],
  ["discoveryPeers", "nowhere", /--discovery-peer nowhere/],
  ["discoveryPeers", "[2001:db8::1]:45678", /--discovery-peer/],
  ["discoveryPeers", "0.0.0.0", /--discovery-peer/],
  ["discoveryPeers", "192.0.2.1:0", /--discovery-peer/],
  ["testTimers", "a=b", /--test-timers/],
  ["testProtocols", "mesh=0", /--test-protocols/],
];
for (const [key, value, says] of refused) {
  Deno.test(`layerAgentOptions() refuses ${key} ${JSON.stringify(value)}`, () => {
    const refuse = () => layerAgentOptions([{ source: "flags", values: { [key]: value } }]);
    assert.throws(refuse, (error) => {
      assert(error instanceof InvalidConfigError);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /\n/);
      assert(error.hint);
      return true;
    });
  });
}

Deno.test("checkPairs() takes a certificate and its key, and names the one that is there alone", () => {
  for (
    const [given, expected] of [
      [{}, undefined],
      [{ dataCertificate: "/c", dataKey: "/k" }, undefined],
      [{ dataCertificate: "/c" }, /^Cannot use data-cert: it needs data-key/],
      [{ dataKey: "/k" }, /^Cannot use data-key: it needs data-cert/],
    ] as const
  ) {
    const check = () => checkPairs(parseAgentOptions(given));
    if (expected === undefined) check();
    else assert.throws(check, (error) => error instanceof InvalidConfigError && expected.test(error.message));
  }
});

Deno.test("a private key that was put in the place of its file stands in no message", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ";
  assert.throws(() => parseAgentOptions({ dataKey: key }), (error) => !String(error).includes("MC4"));
});

Deno.test("InvalidConfigError says where the setting was written", () => {
  const layers = [
    [environmentLayer({ WEFT_STATUS_PORT: "x" }), /WEFT_STATUS_PORT=x/],
    [{ source: "file", values: { statusPort: "x" }, path: "/etc/weft.yaml" }, /status-port: x in \/etc/],
    [{ source: "options", values: { statusPort: "x" } }, /statusPort x/],
  ] as const;
  for (const [layer, says] of layers) {
    assert.throws(() => layerAgentOptions([layer]), { message: says });
  }
  assert.throws(() => layerAgentOptions([{ source: "options", values: { statPort: 1 } }]), {
    message: /statPort/,
    hint: "Did you mean statusPort?",
  });
});

Deno.test("a secret that was put in the place of a recovery key stands in no message", () => {
  const secret = `weft-recovery-secret1-${"x".repeat(48)}`;
  assert.throws(
    () => layerAgentOptions([{ source: "flags", values: { recoveryKey: secret } }]),
    (error: Error) => !error.message.includes("xxxx") && error.message.includes("--recovery-key"),
  );
});
