import assert from "node:assert/strict";
import {
  type AttachmentKind,
  directPath,
  fetchPage,
  Internet,
  type InternetHost,
  labProgram,
  labTest,
  NAMESPACES,
  type NatFindings,
  probeNat,
  programsOf,
  servePage,
  type Site,
  startNatResponder,
  startProgram,
  untilPrinted,
} from "../mod.ts";

const NEEDS = [...NAMESPACES, ...programsOf([]), "ping"];

/** What an observer outside must find out about each kind, over the family that it has. */
const BEHAVIOURS: readonly [AttachmentKind, "ipv4" | "ipv6", Partial<NatFindings>][] = [
  ["open", "ipv4", { mapping: "endpoint-independent", filtering: "endpoint-independent" }],
  ["same-lan", "ipv4", { mapping: "endpoint-independent", filtering: "address-dependent" }],
  ["endpoint-independent-nat", "ipv4", { mapping: "endpoint-independent", filtering: "address-dependent" }],
  ["port-restricted-nat", "ipv4", {
    mapping: "endpoint-independent",
    filtering: "address-and-port-dependent",
  }],
  ["endpoint-dependent-nat", "ipv4", {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
  }],
  ["double-nat", "ipv4", { mapping: "endpoint-independent", filtering: "address-dependent" }],
  ["dual-stack-nat", "ipv4", {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
  }],
  ["dual-stack-nat", "ipv6", { mapping: "endpoint-independent", filtering: "address-and-port-dependent" }],
  ["ipv6-only", "ipv6", { mapping: "endpoint-independent", filtering: "endpoint-independent" }],
  ["udp-blocked", "ipv4", { hasUdp: false }],
  ["http-proxy", "ipv4", { hasUdp: false }],
  ["mtu-1280", "ipv6", { mapping: "endpoint-independent", filtering: "endpoint-independent" }],
];

labTest("Internet maps and filters datagrams as each kind says", NEEDS, async () => {
  await using internet = await Internet.create();
  const responder = await startNatResponder(internet, await internet.addHost("responder", "open"));
  for (const [kind] of BEHAVIOURS) {
    if (!internet.hasHost(kind)) await internet.addHost(kind, kind);
  }
  await Promise.all(BEHAVIOURS.map(async ([kind, family, expected]) => {
    const host = internet.host(kind);
    const localPort = family === "ipv4" ? 40_000 : 40_001;
    const { seen, ...found } = await probeNat(host, responder, { family, localPort });
    assert.deepEqual(found, { hasUdp: true, ...expected }, `${kind} over ${family}`);
    const own = `${family === "ipv4" ? host.address4 : host.address6}:${localPort}`;
    const isTranslated = family === "ipv4" && !["open", "mtu-1280"].includes(kind);
    // Nobody gets by with the inside address, nor with the inside port.
    if (seen !== undefined) assert.equal(seen === own, !isTranslated, `${kind} was seen as ${seen}`);
    if (isTranslated) assert(seen === undefined || !seen.endsWith(":40000"), `${kind} was seen as ${seen}`);
  }));
});

labTest(
  "Internet lets TCP out where UDP is blocked, and CONNECT where a proxy is",
  [...NEEDS, "curl"],
  async () => {
    await using internet = await Internet.of({
      "open": "open",
      "tcp": "udp-blocked",
      "proxied": "http-proxy",
      "home": "double-nat",
    });
    const { namespace, address4 = "" } = internet.host("open");
    internet.use(await servePage(namespace, address4, { port: 8080, text: "page" }));
    const url = `http://${address4}:8080/`;
    for (const name of ["tcp", "home"]) {
      assert.equal((await fetchPage(internet.host(name).namespace, url)).text, "page", name);
    }
    const proxied = internet.host("proxied");
    const curl = ["curl", "-sS", "--fail", "--max-time", "5", "--noproxy"];
    assert.notEqual((await proxied.namespace.run([...curl, "*", "--max-time", "1", url])).code, 0);
    const proxy = proxied.environment["HTTPS_PROXY"] ?? "";
    assert.equal(await proxied.namespace.expectRun([...curl, "", "--proxytunnel", "-x", proxy, url]), "page");
    const refused = await proxied.namespace.run([...curl, "", "-x", proxy, url]);
    assert.match(refused.stderr, /405/);
  },
);

labTest("Internet has a LAN, a link of 1,280 bytes and nothing that begins from outside", NEEDS, async () => {
  await using internet = await Internet.of({
    a: "same-lan",
    b: "same-lan",
    small: "mtu-1280",
    open: "open",
    home: "endpoint-independent-nat",
  });
  const [a, b, small, open, home] = ["a", "b", "small", "open", "home"].map((name) => internet.host(name));
  assert(a && b && small && open && home);
  assert.equal(await answered(a, b.address4), 1);
  assert.notEqual(a.address4, b.address4);
  // What two homes give alike must not lead from one to the other.
  assert.equal(home.address4, a.address4);
  await Promise.all([[small, open], [open, small]].map(async ([from = small, to = open]) => {
    // With 28 bytes of IPv4 and ICMP, and 48 of IPv6 and ICMPv6.
    for (const [address, most] of [[to.address4, 1252], [to.address6, 1232]] as const) {
      assert.equal(await answered(from, address, "-M", "do", "-s", `${most}`), 1);
      assert.equal(await answered(from, address, "-M", "do", "-s", `${most + 1}`), 0);
    }
    assert.equal(await answered(from, to.address4, "-M", "dont", "-s", "1400"), 1);
  }));
  // Its router has a way to the LAN, and takes it for nobody.
  await open.namespace.ip(`route add 192.168.1.0/24 via 192.0.2.254 dev eth0 onlink`);
  assert.equal(await answered(open, home.address4), 0);
});

labTest("Internet maps ports where a router does that", [...NEEDS, "miniupnpd"], async () => {
  await using internet = await Internet.of({ open: "open", home: "port-mapping-nat" });
  const [home, open] = [internet.host("home"), internet.host("open")];
  const echo = internet.use(await startProgram(home.namespace, "mapped_echo.ts", ["192.168.1.1", "40000"]));
  const outsidePort = await untilPrinted(echo, "ready");
  const site = home.network;
  assert(site !== undefined && "address4" in site);
  internet.use(
    await startProgram(open.namespace, "datagram_echo_client.ts", [`${site.address4}`, outsidePort]),
  );
});

labTest("Internet forgets mappings, reboots and renumbers, and hosts move", NEEDS, async () => {
  await using internet = await Internet.create();
  const responder = await startNatResponder(internet, await internet.addHost("responder", "open"));
  const nat = { mapping: "endpoint-independent", filtering: "address-dependent" } as const;
  const site = await internet.addSite("home", { nat });
  const host = await internet.addHost("a", site);
  const [brief, patient] = ["brief", "patient"].map((name) => internet.addSite(name, { nat }));
  assert(brief && patient);
  await (await brief).setMappingSeconds(1);
  const isLateHeard = async (name: string, place: Promise<Site>) => {
    const guest = await internet.addHost(name, await place);
    return (await probeNat(guest, responder, { afterMs: 2_000 })).isLateHeard;
  };
  const remembered = Promise.all([isLateHeard("b", brief), isLateHeard("c", patient)]);
  const seen = async () => (await probeNat(host, responder, { afterMs: 0 })).seen ?? "";
  const split = (endpoint: string) => endpoint.split(":");
  const [address, port] = split(await seen());
  assert.equal(address, site.address4);
  assert.deepEqual(split(await seen()), [address, port], "the mapping stays");
  await site.reboot();
  const [afterReboot, otherPort] = split(await seen());
  assert.equal(afterReboot, address);
  assert.notEqual(otherPort, port);
  await site.renumber();
  const [otherAddress] = split(await seen());
  assert.equal(otherAddress, site.address4);
  assert.notEqual(otherAddress, address);
  await host.moveTo(await internet.network("open"));
  assert.equal(await seen(), `${host.address4}:40000`);
  await host.moveTo(site);
  assert.equal(split(await seen())[0], site.address4);
  // The same LAN again, as after a moment without a signal.
  await host.moveTo(site);
  assert.equal(split(await seen())[0], site.address4);
  assert.deepEqual(await remembered, [false, true]);
  await host.disconnect();
  assert.equal((await probeNat(host, responder)).hasUdp, false);
});

labTest("Internet sends back what comes from inside for outside, where a site does that", NEEDS, async () => {
  await using internet = await Internet.create();
  const responder = await startNatResponder(internet, await internet.addHost("responder", "open"));
  for (const hasHairpinning of [true, false]) {
    const nat = { mapping: "endpoint-independent", filtering: "address-dependent", hasHairpinning } as const;
    const site = await internet.addSite("home", { nat });
    const [a, b] = [
      await internet.addHost(`a-${hasHairpinning}`, site),
      await internet.addHost(`b-${hasHairpinning}`, site),
    ];
    const args = [responder.ipv4[0], "3478", "40000"];
    const echo = internet.use(await startProgram(a.namespace, "punched_echo.ts", args));
    const port = await untilPrinted(echo, "ready");
    const call = labProgram("datagram_echo_client.ts", [`${site.address4}`, port]);
    const { code } = await b.namespace.run(["timeout", hasHairpinning ? "10" : "1.5", ...call]);
    assert.equal(code === 0, hasHairpinning);
    // From its own outside endpoint.
    if (hasHairpinning) {
      assert.match(echo.stdout, new RegExp(`^from ${site.address4?.replaceAll(".", "\\.")}:`, "m"));
    }
  }
});

Deno.test("directPath() knows which NATs can be passed", async (test) => {
  const lan = { label: "", environment: {}, plug: () => Promise.reject(new Error()) };
  const open = { mapping: undefined, filtering: "endpoint-independent" } as const;
  const eim = { mapping: "endpoint-independent", filtering: "address-dependent" } as const;
  const restricted = { mapping: "endpoint-independent", filtering: "address-and-port-dependent" } as const;
  const edm = { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" } as const;
  const of = (ipv4: typeof open | typeof eim | typeof restricted | typeof edm | undefined, more = {}) => ({
    lan: undefined,
    ipv4,
    ipv6: undefined,
    hasUdp: true,
    hasPortMapping: false,
    ...more,
  });
  const cases = [
    ["open and anything", of(open), of(edm), "open"],
    ["two that map by endpoint", of(edm), of(edm), "none"],
    ["one that maps by endpoint, one that lets any port in", of(edm), of(eim), "hole punching"],
    ["one that maps by endpoint, one that does not", of(edm), of(restricted), "none"],
    ["two that filter by port", of(restricted), of(restricted), "hole punching"],
    ["a port mapping", of(edm, { hasPortMapping: true }), of(edm), "port mapping"],
    ["one LAN", of(edm, { lan }), of(edm, { lan }), "same LAN"],
    ["no common family", of(undefined, { ipv6: open }), of(open), "none"],
    ["IPv6 first", of(open, { ipv6: open }), of(open, { ipv6: open }), "IPv6"],
    ["no UDP", of(edm, { hasUdp: false }), of(open), "none"],
  ] as const;
  for (const [name, a, b, expected] of cases) {
    await test.step(name, () => {
      assert.equal(directPath(a, b), expected);
      assert.equal(directPath(b, a), expected);
    });
  }
});

/** @returns how many of one echo request came back */
async function answered(from: InternetHost, address = "", ...options: readonly string[]): Promise<number> {
  const command = ["ping", "-n", "-q", "-c", "1", "-W", "1", ...options, address];
  return Number(/(\d+) received/.exec((await from.namespace.run(command)).stdout)?.[1] ?? 0);
}
