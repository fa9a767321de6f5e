import assert from "node:assert/strict";
import { Lab, labTest, type MeshNode, PACKET_PLANE, startMesh, untilAllKnowAll } from "../../lab/mod.ts";
import { attach, createNetwork, untilAnswers } from "../../e2e/networks/overlay_mesh.ts";

/** What Wireshark reads in packets of each format: the fields of the headers, outermost first. */
const FORMATS = [
  {
    type: "nvgre",
    options: ["--vni", "5001", "--underlay", "plain"],
    // The key is 24 bits of VSID and 8 of FlowID (RFC 7637 §3.2).
    fields: { "ip.proto": /^47$/, "gre.proto": /^0x6558$/, "gre.key": /^0x001389[0-9a-f]{2}$/ },
    decode: [],
  },
  {
    type: "mpls-udp",
    options: ["--vni", "70000", "--underlay", "plain"],
    fields: { "udp.dstport": /^6635$/, "mpls.label": /^70000$/, "mpls.bottom": /^(1|True)$/ },
    // What is behind the label stack says nothing of itself (RFC 4928 §2).
    decode: ["-d", "mpls.label==70000,pwethnocw"],
  },
  {
    type: "vlan",
    options: ["--vni", "42", "--underlay", "plain", "--interface", "eth0"],
    fields: { "eth.type": /^0x8100$/, "vlan.id": /^42$/, "vlan.etype": /^0x0800$/ },
    decode: [],
  },
] as const;

for (const { type, options, fields, decode } of FORMATS) {
  labTest(
    `${type} on the wire: Wireshark reads its headers and the ping inside`,
    [...PACKET_PLANE, "tshark", "tcpdump"],
    async () => {
      await using lab = await Lab.create(["A", "B"]);
      const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", "fast"] });
      const [a, b] = nodes as [MeshNode, MeshNode];
      await untilAllKnowAll(nodes);
      await createNetwork(nodes, "blue", "--type", type, "--cidr", "10.0.0.0/24", ...options);
      const [left, right] = [await attach(lab, a, "blue", "left"), await attach(lab, b, "blue", "right")];
      await untilAnswers(left.namespace, right.address);
      const path = `${lab.scratch.path}/seen.pcap`;
      const tcpdump = lab.use(
        a.host.namespace.spawn([
          "tcpdump",
          "--immediate-mode",
          "-U",
          "-s",
          "0",
          "-i",
          "eth0",
          "-w",
          path,
          "-Z",
          "root",
        ]),
      );
      await tcpdump.until(({ stderr }) => stderr.includes("listening on"), 5_000, "it captures");
      await left.namespace.expectRun(["ping", "-c", "3", "-i", "0.2", "-W", "1", right.address]);
      await tcpdump.stop("SIGINT");

      const names = Object.keys(fields);
      const echoes = await a.host.namespace.expectRun([
        ...["tshark", "-n", "-r", path, ...decode, "-Y", `icmp.type == 8 && ip.dst == ${right.address}`],
        ...["-T", "fields", "-E", "occurrence=f", ...names.flatMap((name) => ["-e", name])],
      ]);
      const lines = echoes.trimEnd().split("\n");
      assert.equal(lines.length, 3, echoes);
      for (const line of lines) {
        const values = line.split("\t");
        for (const [i, pattern] of Object.values(fields).entries()) assert.match(values[i] ?? "", pattern);
      }
      const malformed = await a.host.namespace.expectRun([
        "tshark",
        "-n",
        "-r",
        path,
        ...decode,
        "-Y",
        "_ws.malformed",
      ]);
      assert.equal(malformed, "");
    },
  );
}
