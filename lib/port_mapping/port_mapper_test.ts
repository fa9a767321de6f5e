import assert from "node:assert/strict";
import fc from "fast-check";
import { millis, SeededRandom } from "../base/mod.ts";
import type { MappingProtocol } from "./mod.ts";
import { PortMapper } from "./mod.ts";
import { address, endpoint, fault, type GatewayTraits, MappedHost } from "./testing/memory_gateway.ts";

const PUBLIC = "8.7.6.5";
const MINUTE_MS = 60_000;

function ports({ mapper: { state } }: MappedHost): string {
  if (state.kind !== "mapped") return state.kind;
  return `${state.protocol} ${state.ports.udp} ${state.ports.tcp}`;
}

const CASES: readonly (readonly [name: string, traits: GatewayTraits, mapped: string])[] = [
  [
    "PCP",
    { speaks: ["pcp", "nat-pmp", "upnp"], externalAddress: PUBLIC },
    `pcp ${PUBLIC}:51820 ${PUBLIC}:51820`,
  ],
  ["NAT-PMP", { speaks: ["nat-pmp"], externalAddress: PUBLIC }, `nat-pmp ${PUBLIC}:51820 ${PUBLIC}:51820`],
  ["UPnP IGD:1", { speaks: ["upnp"], externalAddress: PUBLIC }, `upnp ${PUBLIC}:51820 ${PUBLIC}:51820`],
  [
    "UPnP IGD:2, the port being taken",
    { speaks: ["upnp"], externalAddress: PUBLIC, igdVersion: 2, taken: [51820] },
    `upnp ${PUBLIC}:52820 ${PUBLIC}:52820`,
  ],
  [
    "PCP, the port being taken",
    { speaks: ["pcp"], externalAddress: PUBLIC, taken: [51820] },
    `pcp ${PUBLIC}:52820 ${PUBLIC}:52820`,
  ],
];

for (const [name, traits, mapped] of CASES) {
  Deno.test(`PortMapper maps by ${name}, holds it for a day, and gives it back`, () => {
    const host = new MappedHost(traits);
    host.pass(10_000);
    assert.equal(ports(host), mapped);
    assert.deepEqual([...host.gateway.mappings.values()].map(({ internal }) => internal), [
      "192.168.7.2:51820",
      "192.168.7.2:51820",
    ]);
    const before = host.sent;
    for (let minutes = 0; minutes < 24 * 60; minutes += 5) {
      host.pass(5 * MINUTE_MS);
      assert.equal(ports(host), mapped);
      for (const [key, { expiresAt }] of host.gateway.mappings) assert(expiresAt > host.now, key);
    }
    assert(host.sent - before <= 24 * 6 * 3 + 3, `${host.sent - before} were sent`);
    host.stop();
    assert.equal(host.mapper.state.kind, "released");
    assert.equal(host.gateway.mappings.size, 0);
    assert.equal(host.mapper.pollTimeout(), undefined);
  });
}

Deno.test("PortMapper tries other ports when one is taken in IGD:1, and gives up after four", () => {
  const host = new MappedHost({ speaks: ["upnp"], externalAddress: PUBLIC, taken: [51820] });
  host.pass(10_000);
  const { state } = host.mapper;
  assert(state.kind === "mapped");
  assert(state.ports.udp?.port !== 51820 && (state.ports.udp?.port ?? 0) >= 1024);
  const none = new MappedHost({ speaks: ["upnp"], externalAddress: PUBLIC, distortPage: conflicting });
  none.pass(10_000);
  assert.deepEqual(failures(none), { pcp: "no-answer", "nat-pmp": "no-answer", upnp: "refused" });
});

Deno.test("PortMapper asks for no mapping that would stay for ever", () => {
  const host = new MappedHost({ speaks: ["upnp"], externalAddress: PUBLIC, isPermanentOnly: true });
  host.pass(10_000);
  assert.deepEqual(failures(host), { pcp: "no-answer", "nat-pmp": "no-answer", upnp: "refused" });
  assert.equal(host.gateway.mappings.size, 0);
});

function conflicting(answer: string, request: string): string {
  return request.includes("#AddPortMapping") ? fault(718) : answer;
}

function failures({ mapper: { state } }: MappedHost): unknown {
  return state.kind === "unmapped" ? state.failures : state.kind;
}

Deno.test("PortMapper is there for the first packet: a gateway that answers is done in no time, one that is silent in 5 s", () => {
  const host = new MappedHost({ speaks: ["pcp"], externalAddress: PUBLIC });
  assert.equal(host.mapper.state.kind, "mapped");
  assert.equal(host.sent, 2);
  const silent = new MappedHost({ speaks: [], externalAddress: PUBLIC });
  silent.pass(5_200);
  assert.deepEqual(failures(silent), { pcp: "no-answer", "nat-pmp": "no-answer", upnp: "no-answer" });
});

Deno.test("PortMapper asks a silent gateway less and less often, and finds one that comes later", () => {
  const host = new MappedHost({ speaks: ["nat-pmp"], externalAddress: PUBLIC });
  const silent = new MappedHost({ speaks: ["nat-pmp"], externalAddress: PUBLIC });
  silent.gateway.isSilent = true;
  silent.pass(24 * 60 * MINUTE_MS);
  assert(silent.sent < 60 * 26, `${silent.sent} were sent in a day`);
  silent.gateway.isSilent = false;
  silent.pass(31 * MINUTE_MS);
  assert.equal(ports(silent), ports(host));
});

Deno.test("PortMapper renews at half of the lifetime, and at half of what is left when nobody answers", () => {
  const host = new MappedHost({ speaks: ["pcp"], externalAddress: PUBLIC });
  const at = host.sent;
  host.pass(10 * MINUTE_MS - 1);
  assert.equal(host.sent, at);
  host.gateway.isSilent = true;
  host.pass(2);
  assert.equal(host.sent, at + 2, "one question for each transport");
  assert.equal(ports(host), `pcp ${PUBLIC}:51820 ${PUBLIC}:51820`);
  host.pass(9 * MINUTE_MS);
  assert.notEqual(host.mapper.state.kind, "unmapped");
  assert(host.sent - at < 60, `${host.sent - at} were sent`);
  host.pass(2 * MINUTE_MS);
  assert.notEqual(host.mapper.state.kind, "mapped", "what has expired is no endpoint");
  host.gateway.isSilent = false;
  host.pass(10 * MINUTE_MS);
  assert.equal(host.mapper.state.kind, "mapped");
});

for (const protocol of ["pcp", "nat-pmp"] as const) {
  Deno.test(`PortMapper asks for all again when the first answer by ${protocol} shows that the gateway was restarted`, () => {
    const host = new MappedHost({ speaks: [protocol], externalAddress: PUBLIC });
    host.pass(MINUTE_MS);
    host.gateway.restart(host.now);
    host.pass(10 * MINUTE_MS);
    assert.equal(host.gateway.mappings.size, 2);
    host.gateway.traits.externalAddress = "8.7.6.4";
    host.gateway.restart(host.now);
    host.pass(10 * MINUTE_MS);
    assert.equal(ports(host), `${protocol} 8.7.6.4:51820 8.7.6.4:51820`);
  });
}

Deno.test("PortMapper believes no gateway that restarts all the time: it asks no more often than every 5 s", () => {
  let epoch = 0;
  const host = new MappedHost({
    speaks: ["pcp"],
    externalAddress: PUBLIC,
    distort: (answer) => {
      new DataView(answer.buffer).setUint32(8, epoch++ % 2 === 0 ? 5 : 1_000_000);
      return answer;
    },
  });
  host.pass(MINUTE_MS);
  assert(host.sent < 2 + 2 * 60 / 5 + 3, `${host.sent} were sent`);
});

const set16 = (at: number, value: number) => (answer: Uint8Array) => {
  if (answer.length >= at + 2) new DataView(answer.buffer).setUint16(at, value);
  return answer;
};
const set32 = (at: number, value: number) => (answer: Uint8Array) => {
  if (answer.length >= at + 4) new DataView(answer.buffer).setUint32(at, value);
  return answer;
};
const page = (change: (body: string) => string) => (answer: string) => {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const changed = change(body);
  return `${head.split("\r\n")[0]}\r\nContent-Length: ${
    new TextEncoder().encode(changed).length
  }\r\n\r\n${changed}`;
};

const LIARS: readonly (readonly [
  name: string,
  protocol: MappingProtocol,
  traits: Partial<GatewayTraits>,
  failure: string,
])[] = [
  ["a private address", "pcp", { externalAddress: "10.0.0.1" }, "not-public"],
  ["a carrier's own address", "nat-pmp", { externalAddress: "100.64.0.1" }, "not-public"],
  ["the loopback", "pcp", { externalAddress: "127.0.0.1" }, "not-public"],
  ["a multicast group", "nat-pmp", { externalAddress: "224.0.0.1" }, "not-public"],
  ["a private address", "upnp", { externalAddress: "192.168.9.1" }, "not-public"],
  ["no address", "upnp", { externalAddress: "0.0.0.0" }, "refused"],
  ["a word for an address", "upnp", { externalAddress: "8.8.8.8 " + "x".repeat(40) }, "refused"],
  ["another internal port", "pcp", { distort: set16(40, 22) }, "no-answer"],
  ["another internal port", "nat-pmp", {
    distort: (answer) => answer.length === 16 ? set16(8, 22)(answer) : answer,
  }, "no-answer"],
  ["another nonce", "pcp", { distort: set32(24, 0) }, "no-answer"],
  ["port 0", "pcp", { distort: set16(42, 0) }, "nonsense"],
  ["a lifetime of 0", "pcp", { distort: set32(4, 0) }, "nonsense"],
  ["a lifetime of 0", "nat-pmp", { distort: set32(12, 0) }, "nonsense"],
  ["an answer of a byte", "pcp", { distort: (answer) => answer.slice(0, 1) }, "no-answer"],
  ["an answer of 2 KB", "pcp", { distort: () => new Uint8Array(2048).fill(0x81) }, "no-answer"],
  ["its own question", "pcp", { distort: (_, request) => request.slice() }, "no-answer"],
  ["a page elsewhere", "upnp", {
    distort: (answer) => encode(decode(answer).replace("192.168.7.1:5000", "192.168.7.9:5000")),
  }, "no-answer"],
  ["a page by name", "upnp", {
    distort: (answer) => encode(decode(answer).replace("192.168.7.1:5000", "router.example:5000")),
  }, "no-answer"],
  ["a control page elsewhere", "upnp", {
    distortPage: page((body) => body.replace("/ctl/", "http://192.168.7.9/ctl/")),
  }, "unsupported"],
  [
    "XML without end",
    "upnp",
    { distortPage: () => `HTTP/1.1 200 OK\r\n\r\n${"<a>".repeat(100_000)}` },
    "no-answer",
  ],
  [
    "XML of depth 1,000",
    "upnp",
    { distortPage: page(() => "<a>".repeat(1000) + "</a>".repeat(1000)) },
    "unsupported",
  ],
  ["a document type", "upnp", {
    distortPage: page((body) => `<!DOCTYPE root [<!ENTITY a "aaaa">]>${body}`),
  }, "unsupported"],
  ["a reserved port of 70000", "upnp", {
    igdVersion: 2,
    distortPage: page((body) => body.replace(/<NewReservedPort>\d+/, "<NewReservedPort>70000")),
  }, "nonsense"],
  ["a fault to everything", "upnp", {
    distortPage: (answer, request) => request.startsWith("GET") ? answer : fault(501),
  }, "refused"],
];

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

for (const [name, protocol, traits, failure] of LIARS) {
  Deno.test(`PortMapper takes nothing from a gateway that says ${name} by ${protocol}, and asks it seldom`, () => {
    const host = new MappedHost({ speaks: [protocol], externalAddress: PUBLIC, ...traits }, {
      protocols: [protocol],
    });
    host.pass(10_000);
    assert.deepEqual(failures(host), { [protocol]: failure });
    host.pass(60 * MINUTE_MS);
    assert.equal(host.mapper.state.kind, "unmapped");
    assert(host.sent < 120, `${host.sent} were sent in an hour`);
    if (failure === "not-public") assert.equal(host.gateway.mappings.size, 0, "it is given back");
  });
}

Deno.test("PortMapper holds a mapping of 136 years for no longer than it asked", () => {
  const host = new MappedHost({ speaks: ["pcp"], externalAddress: PUBLIC, distort: set32(4, 0xffff_ffff) });
  assert.equal(host.mapper.pollTimeout(), 600_000);
});

Deno.test("PortMapper drops what comes from others, and from other ports, counted", () => {
  const host = new MappedHost({ speaks: [], externalAddress: PUBLIC });
  const { mapper } = host;
  mapper.handleDatagram(millis(0), new Uint8Array(60), endpoint("192.168.7.9:5351"));
  mapper.handleDatagram(millis(0), new Uint8Array(60), endpoint("192.168.7.1:5352"));
  mapper.handleDatagram(millis(0), new Uint8Array(60), endpoint("192.168.7.1:5351"));
  assert.equal(mapper.drops.get("mapping-foreign"), 2);
  assert.equal(mapper.drops.get("mapping-malformed"), 1);
});

Deno.test("PortMapper.release() needs 3 s at most, whatever the gateway does", () => {
  for (const protocol of ["pcp", "nat-pmp", "upnp"] as const) {
    const host = new MappedHost({ speaks: [protocol], externalAddress: PUBLIC });
    host.pass(10_000);
    assert.equal(host.mapper.state.kind, "mapped");
    host.gateway.isSilent = true;
    host.mapper.release(millis(host.now));
    host.pass(3_000);
    assert(host.mapper.isReleased, protocol);
  }
  const early = new MappedHost({ speaks: [], externalAddress: PUBLIC });
  early.stop();
  assert(early.mapper.isReleased);
});

Deno.test("PortMapper refuses ports and lifetimes that are none", () => {
  const options = {
    gateway: address("192.168.7.1"),
    zone: 0,
    local: address("192.168.7.2"),
    port: 1,
    transports: ["udp"],
    random: new SeededRandom(1),
  } as const;
  assert.throws(() => new PortMapper(millis(0), { ...options, port: 0 }), RangeError);
  assert.throws(() => new PortMapper(millis(0), { ...options, lifetimeSeconds: 7201 }), RangeError);
  assert.throws(() => new PortMapper(millis(0), { ...options, lifetimeSeconds: Number.NaN }), RangeError);
});

Deno.test("PortMapper never throws and never floods, whatever the gateway answers with some bytes wrong", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<MappingProtocol>("pcp", "nat-pmp", "upnp"),
      fc.integer(),
      fc.nat(255),
      (protocol, seed, strength) => {
        const random = new SeededRandom(seed);
        const byte = () => {
          const one = new Uint8Array(1);
          random.fill(one);
          return one[0] ?? 0;
        };
        const spoil = (bytes: Uint8Array) => bytes.map((each) => byte() * 256 < strength * 4 ? byte() : each);
        const host = new MappedHost({
          speaks: [protocol],
          externalAddress: PUBLIC,
          distort: spoil,
          distortPage: (answer) => decode(spoil(encode(answer))),
        }, { seed });
        host.pass(30 * MINUTE_MS);
        host.stop();
        assert(host.mapper.isReleased);
        assert(host.sent < 1_500, `${host.sent} were sent in half an hour`);
      },
    ),
    { numRuns: 60 },
  );
});
