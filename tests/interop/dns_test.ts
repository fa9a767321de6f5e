/**
 * The name server under `dig` of BIND, and under what no dig would send.
 * @module
 */

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
} from "../lab/mod.ts";

const DIG = [...PACKET_PLANE, "dig"];
const PORT = "15353";

/** What dig has read of a response. */
interface Dug {
  readonly status: string;
  readonly flags: readonly string[];
  /** `name ttl type data`, with single blanks. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly text: string;
}

/** Asks `server` with the real program. */
async function dig(host: Host, server: string, ...args: readonly string[]): Promise<Dug> {
  const command = ["dig", `@${server}`, "-p", PORT, "+tries=1", "+time=3", "+norec", ...args];
  const { stdout: text } = await host.namespace.run(command);
  const section = (name: string): string[] => {
    const body = new RegExp(`^;; ${name} SECTION:\\n((?:[^;\\n].*\\n)*)`, "m").exec(text)?.[1] ?? "";
    return body.split("\n").filter((line) => line !== "").map((line) =>
      line.replace(/\s+/g, " ").replace(" IN ", " ")
    );
  };
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? `none: ${text}`,
    flags: /flags: ([\w ]*);/.exec(text)?.[1]?.split(" ") ?? [],
    answer: section("ANSWER"),
    authority: section("AUTHORITY"),
    additional: section("ADDITIONAL"),
    text,
  };
}

labTest(
  "NameServer answers dig with every kind of record on every node, over UDP and TCP",
  DIG,
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes: [a], token } = await startMesh(lab, ["A"]);
    assert(a);
    const b = await joinPortable(lab, "B", token);
    const nodes = [a, b];
    await untilAllKnowAll(nodes);
    assert.deepEqual(await Promise.all(nodes.map(async ({ weft }) => (await weft.status()).dns?.sockets)), [
      "fast",
      "portable",
    ]);
    await a.weft.expectCommand("dns", "add", "_http._tcp.web", "SRV", "0", "5", "8080", "b");
    await a.weft.expectCommand("dns", "add", "www", "CNAME", "b");
    await a.weft.expectCommand("dns", "add", "*.apps", "A", "10.200.9.9");
    await a.weft.expectCommand("dns", "add", "note", "TXT", "two words");
    const octets = a.address.split(".");
    const v6 = (await b.weft.status()).node.addresses.find((address) => address.includes(":")) ?? "";

    for (const transport of ["+notcp", "+tcp"]) {
      for (const { host, address } of nodes) {
        await test.step(`names of members at ${address} ${transport}`, async () => {
          const found = await dig(host, address, transport, "b.weft.internal");
          assert.equal(found.status, "NOERROR", found.text);
          assert.deepEqual(found.answer, [`b.weft.internal. 300 A ${b.address}`]);
          assert(found.flags.includes("aa"));
          const label = `node-${octets[2]}-${octets[3]}`;
          assert.deepEqual((await dig(host, address, transport, `${label}.weft.internal`)).answer, [
            `${label}.weft.internal. 300 A ${a.address}`,
          ]);
          assert.deepEqual((await dig(host, address, transport, "leader.weft.internal")).answer, [
            `leader.weft.internal. 5 A ${a.address}`,
          ]);
          assert.deepEqual(
            (await dig(host, address, transport, "-x", b.address)).answer.map((line) =>
              line.replace(/^\S+ /, "")
            ),
            ["300 PTR b.weft.internal."],
          );
        });
      }
    }
    await test.step("across the overlay, over both families", async () => {
      assert.equal(
        (await dig(b.host, a.address, "note.weft.internal", "TXT")).answer[0]?.includes("two words"),
        true,
      );
      assert.deepEqual((await dig(a.host, v6, "b.weft.internal", "AAAA")).answer, [
        `b.weft.internal. 300 AAAA ${v6}`,
      ]);
      assert.deepEqual((await dig(a.host, a.address, "-x", v6)).answer.length, 1);
    });
    await test.step("custom names", async () => {
      const srv = await dig(a.host, a.address, "_http._tcp.web.weft.internal", "SRV");
      assert.deepEqual(srv.answer, ["_http._tcp.web.weft.internal. 300 SRV 0 5 8080 b.weft.internal."]);
      assert(srv.additional.includes(`b.weft.internal. 300 A ${b.address}`));
      assert.deepEqual((await dig(a.host, a.address, "www.weft.internal")).answer, [
        "www.weft.internal. 300 CNAME b.weft.internal.",
        `b.weft.internal. 300 A ${b.address}`,
      ]);
      assert.deepEqual((await dig(a.host, a.address, "x.y.apps.weft.internal")).answer, [
        "x.y.apps.weft.internal. 300 A 10.200.9.9",
      ]);
    });
    await test.step("NXDOMAIN, NODATA and REFUSED", async () => {
      const none = await dig(a.host, a.address, "nobody.weft.internal");
      assert.equal(none.status, "NXDOMAIN");
      assert.match(
        none.authority[0] ?? "",
        /^weft\.internal\. 5 SOA a\.weft\.internal\. hostmaster\.weft\.internal\. /,
      );
      const empty = await dig(a.host, a.address, "b.weft.internal", "MX");
      assert.deepEqual([empty.status, empty.answer.length, empty.authority.length], ["NOERROR", 0, 1]);
      assert.equal((await dig(a.host, a.address, "apps.weft.internal")).status, "NOERROR");
      assert.equal((await dig(a.host, a.address, "example.com", "+norec")).status, "REFUSED");
      assert.equal(
        (await dig(a.host, a.address, "weft.internal", "AXFR", "+tcp")).text.includes("Transfer failed"),
        true,
      );
    });
    await test.step("SOA, NS and ANY", async () => {
      assert.match(
        (await dig(a.host, a.address, "weft.internal", "SOA")).answer[0] ?? "",
        /^weft\.internal\. 300 SOA /,
      );
      assert.deepEqual((await dig(a.host, a.address, "weft.internal", "NS")).answer, [
        "weft.internal. 300 NS a.weft.internal.",
      ]);
      assert.deepEqual((await dig(a.host, a.address, "b.weft.internal", "ANY", "+notcp")).answer, [
        'b.weft.internal. 300 HINFO "RFC8482" ""',
      ]);
    });
    await test.step("EDNS, its absence, and a later version of it", async () => {
      const without = await dig(a.host, a.address, "b.weft.internal", "+noedns");
      assert(!without.text.includes("OPT PSEUDOSECTION") && without.status === "NOERROR");
      const withIt = await dig(a.host, a.address, "b.weft.internal", "+bufsize=4096", "+dnssec");
      assert.match(withIt.text, /EDNS: version: 0, flags: do; udp: 1232/);
      const later = await dig(a.host, a.address, "b.weft.internal", "+edns=1", "+noednsnegotiation");
      assert.equal(later.status, "BADVERS");
    });
    await test.step("the case of the question", async () => {
      assert.deepEqual((await dig(a.host, a.address, "B.wEfT.InTeRnAl")).answer, [
        `B.wEfT.InTeRnAl. 300 A ${b.address}`,
      ]);
    });
    await test.step("what is cut over UDP is whole over TCP", async () => {
      for (let i = 1; i <= 40; i++) {
        // Each is a record of its own, and a request of its own.
        await addName(a, { name: "many", type: "A", data: `10.200.8.${i}` });
      }
      const cut = await dig(a.host, a.address, "many.weft.internal", "+ignore", "+noedns");
      assert(cut.flags.includes("tc"));
      assert.equal(cut.answer.length, 0);
      assert.equal((await dig(a.host, a.address, "many.weft.internal", "+noedns")).answer.length, 40);
      assert.equal(
        (await dig(a.host, a.address, "many.weft.internal", "+bufsize=1232", "+ignore")).answer.length,
        40,
      );
    });
  },
);

labTest("NameServer answers malformed messages shortly or not at all, and goes on", DIG, async () => {
  await using lab = await Lab.create(["A"]);
  const { nodes: [a] } = await startMesh(lab, ["A"]);
  assert(a);
  const query = "0000 0001 0000 0000 0000 0161 0477656674 08696e7465726e616c 00 0001 0001".replaceAll(
    " ",
    "",
  );
  const sent: readonly (readonly [string, string])[] = [
    ["a loop", "1111 0100 0001 0000 0000 0000 c00c 0001 0001"],
    ["a pointer forward", "2222 0100 0001 0000 0000 0000 c0ff 0001 0001"],
    ["a cut question", "3333 0100 0001 0000 0000 0000 0461"],
    ["counts that lie", "4444 0100 ffff ffff ffff ffff"],
    ["nothing but a header", "5555 0100 0000 0000 0000 0000"],
    ["an operation that is none", "6666 7900 0001 0000 0000 0000 00 0001 0001"],
    ["a response", `7777 8180 ${query.slice(4)}`],
    ["eleven bytes", "8888 0100 0001 0000 0000 00"],
  ];
  const bytes = sent.map(([, hex]) => hex.replaceAll(" ", ""));
  const script = `
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "${a.address}", port: 0 });
    const server = { transport: "udp", hostname: "${a.address}", port: ${PORT} };
    for (const hex of ${JSON.stringify(bytes)}) await socket.send(Uint8Array.fromHex(hex), server);
    await socket.send(Uint8Array.fromHex("9999${query}"), server);
    for (;;) {
      const [response] = await socket.receive();
      console.log(response.toHex());
      if (response[0] === 0x99) break;
    }
    socket.close();`;
  const output = await a.host.namespace.expectRun([
    Deno.execPath(),
    "eval",
    "--no-config",
    "--unstable-net",
    script,
  ]);
  const responses = output.trim().split("\n");
  // FORMERR or NOTIMP for what has a header and is no response; then the good one.
  const codes = responses.map((hex) => `${hex.slice(0, 4)} ${Number.parseInt(hex.slice(7, 8), 16)}`);
  assert.deepEqual(codes, ["1111 1", "2222 1", "3333 1", "4444 1", "5555 1", "6666 4", "9999 0"]);
  assert(responses.slice(0, -1).every((hex) => hex.length === 24));
  const { dns } = await a.weft.status();
  assert.equal(dns?.counters["dropped-response"], 1);
  assert.equal(dns?.counters["dropped-short"], 1);
  assert((dns?.counters["malformed-name"] ?? 0) >= 3);
});

/** A node that answers with the runtime's own sockets. */
async function joinPortable(lab: Lab, hostName: string, token: string): Promise<MeshNode> {
  const weft = nodeOn(lab, hostName, { args: ["--dataplane", "portable"] });
  const { node } = await weft.start("--join", token);
  return { host: lab.host(hostName), weft, address: node.addresses[0] ?? "", upMs: 0 };
}

/** Over the control socket, because a program for each would take a second. */
async function addName({ weft }: MeshNode, record: Readonly<Record<string, string>>): Promise<void> {
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: `${weft.stateDir}/control.sock` },
  });
  const response = await fetch("http://localhost/dns", {
    client,
    method: "POST",
    body: JSON.stringify(record),
  });
  assert.equal(response.status, 200, await response.text());
}
