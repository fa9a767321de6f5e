import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { IpAddress, MacAddress } from "../../../lib/net/mod.ts";
import {
  type CapturedProcess,
  Lab,
  labTest,
  measureThroughput,
  type MeshNode,
  type NetworkNamespace,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import { attach, type Attached, createNetwork, dropsOf, untilAnswers } from "./overlay_mesh.ts";

const NEEDS = [...PACKET_PLANE, "tcpdump", "iperf3"];

/** What each tenant's frames are full of. */
const MARKS = { blue: "blue tenant's own", red: "red tenant's alone" } as const;
type Tenant = keyof typeof MARKS;
/** The same of both tenants. */
const PLAN = [
  { ip: "10.0.0.11", mac: "02:00:00:00:00:0b" },
  { ip: "10.0.0.12", mac: "02:00:00:00:00:0c" },
] as const;
/** Nobody's, so that frames to it are flooded. */
const NOBODYS = { ip: "10.0.0.99", mac: "02:00:00:00:00:99" } as const;

labTest(
  "isolation: two tenants with the same addresses on the same hosts see no frame of each other",
  NEEDS,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"]);
    await untilAllKnowAll(nodes);
    const tenants = {
      blue: await tenant(lab, nodes, "blue", 1001),
      red: await tenant(lab, nodes, "red", 1002),
    };
    const inside = (Object.keys(MARKS) as Tenant[]).flatMap((name) =>
      tenants[name].map((endpoint) => ({
        name,
        endpoint,
        capture: capture(lab, endpoint.namespace, endpoint.report.device ?? ""),
      }))
    );
    const outside = nodes.map(({ host }) => capture(lab, host.namespace, "eth0"));
    await Promise.all(
      [...inside, ...outside.map((each) => ({ capture: each }))].map(({ capture }) => capture.ready),
    );

    await Promise.all((Object.keys(MARKS) as Tenant[]).map((name) => load(name, tenants[name])));

    for (const { name, endpoint, capture } of inside) {
      const seen = await capture.stop();
      const other = name === "blue" ? "red" : "blue";
      const where = `${endpoint.namespace.label} (${seen.length} bytes captured)`;
      assert(count(seen, MARKS[name]) > 100, `${where} sees its own tenant`);
      assert.equal(count(seen, MARKS[other]), 0, `${where} sees the other tenant`);
    }
    for (const capture of outside) {
      const seen = await capture.stop();
      assert(seen.length > 1_000_000, "the underlay carried it");
      for (const mark of Object.values(MARKS)) {
        assert.equal(
          count(seen, mark),
          0,
          "the underlay shows a frame",
        );
      }
      for (const { mac } of PLAN) {
        assert.equal(
          count(seen, macText(mac)),
          0,
          "the underlay shows an inner address",
        );
      }
    }
  },
);

labTest(
  "isolation: a member of one network gets nothing into another, and nothing in another's name",
  NEEDS,
  async () => {
    await using lab = await Lab.create(["A", "B", "M"]);
    const { nodes } = await startMesh(lab, ["A", "B", "M"]);
    const [a, b, m] = nodes;
    assert(a !== undefined && b !== undefined && m !== undefined);
    await untilAllKnowAll(nodes);
    const blue = await tenant(lab, nodes.slice(0, 2), "blue", 1001, nodes);
    const red = await tenant(lab, nodes.slice(0, 2), "red", 1002, nodes);
    const own = await attach(lab, m, "blue", "hostile");
    await untilAnswers(own.namespace, PLAN[0].ip);
    const [blueA, redA] = [blue[0], red[0]];
    assert(blueA !== undefined && redA !== undefined);
    const captures = [blueA, redA].map(({ namespace, report }) =>
      capture(lab, namespace, report.device ?? "")
    );
    await Promise.all(captures.map(({ ready }) => ready));
    const ownMac = own.report.macAddress;
    const [toA, everybody] = [PLAN[0].mac, "ff:ff:ff:ff:ff:ff"];

    // Into the network that it is not in, with its own addresses and with those of a member of it.
    const intoRed = [
      datagram({ to: toA, from: ownMac, source: own.address, text: "into red" }),
      datagram({ to: everybody, from: PLAN[1].mac, source: PLAN[1].ip, text: "into red" }),
    ];
    await forge(m, a, 1002, intoRed, () => dropsOf(a.weft, "red", "not-a-member"));
    // Into its own, past its switch, in another's name (MAC, IP and ARP) and in its own: no program can.
    const intoBlue = [
      datagram({ to: toA, from: PLAN[1].mac, source: PLAN[1].ip, text: "forged MAC" }),
      datagram({ to: toA, from: ownMac, source: PLAN[1].ip, text: "forged IP" }),
      arp({ from: ownMac, sender: PLAN[1].ip, target: PLAN[0].ip }),
      datagram({ to: toA, from: NOBODYS.mac, source: own.address, text: "foreign MAC" }),
      datagram({ to: toA, from: ownMac, source: own.address, text: "past the switch" }),
    ];
    await forge(m, a, 1001, intoBlue, () => dropsOf(m.weft, "blue", "from-host"));
    // What it may say is heard, so the others were refused and not lost.
    const say = `for i in $(seq 100); do echo "its own word" > /dev/udp/${PLAN[0].ip}/9; done`;
    await own.namespace.run(["bash", "-c", say]);
    const [inBlue, inRed] = await Promise.all(captures.map(async (each, i) => {
      if (i === 0) await each.until("its own word");
      return await each.stop();
    }));
    assert(inBlue !== undefined && inRed !== undefined);
    assert(count(inBlue, "its own word") > 0);
    for (const text of ["into red", "forged MAC", "forged IP", "foreign MAC", "past the switch"]) {
      assert.equal(count(inBlue, text), 0, `blue has got: ${text}`);
      assert.equal(count(inRed, text), 0, `red has got: ${text}`);
    }
    const neighbour = await blueA.namespace.expectRun(["ip", "neigh", "show", PLAN[1].ip]);
    assert(!neighbour.includes(ownMac), `the neighbour is ${neighbour}`);
  },
);

/** The network of a tenant with an endpoint on each of two hosts, which reach each other. */
async function tenant(
  lab: Lab,
  hosts: readonly MeshNode[],
  name: Tenant,
  vni: number,
  nodes: readonly MeshNode[] = hosts,
): Promise<readonly Attached[]> {
  await createNetwork(nodes, name, "--cidr", "10.0.0.0/24", "--vni", `${vni}`);
  const endpoints: Attached[] = [];
  for (const [i, { ip, mac }] of PLAN.entries()) {
    const node = hosts[i];
    assert(node !== undefined);
    // The devices have the same names too: each is in a namespace of its own.
    endpoints.push(
      await attach(lab, node, name, `web-${i + 1}`, "--ip", ip, "--mac", mac, "--device", "eth0"),
    );
  }
  await untilAnswers(endpoints[0]?.namespace as NetworkNamespace, PLAN[1].ip);
  return endpoints;
}

/** Unicast, broadcast, and frames that are flooded because nobody has the address; a flow of TCP beside it. */
async function load(name: Tenant, [from, to]: readonly Attached[]): Promise<void> {
  assert(from !== undefined && to !== undefined);
  const pattern = new TextEncoder().encode(MARKS[name].slice(0, 16)).toHex();
  // ping repeats 16 bytes of its own.
  const ping = (
    ...rest: readonly string[]
  ) => ["ping", "-q", "-i", "0.005", "-c", "300", "-s", "1000", "-p", pattern, "-W", "1", ...rest];
  await from.namespace.ip(`neigh add ${NOBODYS.ip} lladdr ${NOBODYS.mac} dev eth0`);
  await Promise.all([
    from.namespace.run(ping(PLAN[1].ip)),
    to.namespace.run(ping(PLAN[0].ip)),
    from.namespace.run(ping("-b", "10.0.0.255")),
    from.namespace.run(ping(NOBODYS.ip)),
    measureThroughput(from.namespace, { place: to.namespace, address: PLAN[1].ip }, ["-t", "1", "-b", "50M"]),
  ]);
}

/** All frames of an interface, whole. */
interface Capture {
  readonly ready: Promise<unknown>;
  /** Waits until `text` was seen. */
  until(text: string): Promise<unknown>;
  /** @returns what was seen, as Latin-1 text */
  stop(): Promise<string>;
}

let captures = 0;

function capture(lab: Lab, namespace: NetworkNamespace, device: string): Capture {
  const path = `${lab.scratch.path}/capture-${captures++}.pcap`;
  const process: CapturedProcess = lab.use(
    namespace.spawn(["tcpdump", "-U", "-s", "0", "-B", "16384", "-i", device, "-w", path, "-Z", "root"]),
  );
  const read = async () => new TextDecoder("latin1").decode(await Deno.readFile(path));
  return {
    ready: process.until(({ stderr }) => stderr.includes("listening on"), 5_000, "it captures"),
    until: (text) => waitFor(async () => count(await read(), text) > 0, 10_000, { what: `${text} is seen` }),
    stop: async () => {
      const { stderr } = await process.stop("SIGINT");
      assert.match(stderr, /^0 packets dropped by kernel/m);
      return await read();
    },
  };
}

function count(seen: string, text: string): number {
  return seen.split(text.slice(0, 16)).length - 1;
}

/** The bytes of a MAC address as they are in a capture. */
function macText(text: string): string {
  return String.fromCharCode(...MacAddress.parse(text)?.toBytes() ?? []);
}

/**
 * Sends each frame a hundred times, again and again until so many were refused as that is: queues on the way may be full.
 * @param refused how many were refused so far
 */
async function forge(
  from: MeshNode,
  to: MeshNode,
  vni: number,
  frames: readonly string[],
  refused: () => Promise<number>,
): Promise<void> {
  const program = fileURLToPath(new URL("./frame_forger.ts", import.meta.url));
  const command = [Deno.execPath(), "run", "--quiet", "--no-config", "--unstable-net", "-A", program];
  await waitFor(
    async () => {
      await from.host.namespace.expectRun([...command, to.address, `${vni}`, ...frames]);
      return await refused() >= 100 * frames.length;
    },
    20_000,
    { what: `${frames.length} forged frames of VNI ${vni} are refused` },
  );
}

/** A frame with UDP (RFC 768) over IPv4 (RFC 791) without checksum of UDP. */
function datagram(of: { to: string; from: string; source: string; text: string }): string {
  const payload = new TextEncoder().encode(of.text.padEnd(32, "."));
  const ip = new Uint8Array(28 + payload.length);
  const view = new DataView(ip.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, ip.length);
  view.setUint16(8, 0x4011);
  ip.set(addressBytes(of.source), 12);
  ip.set(addressBytes(PLAN[0].ip), 16);
  view.setUint16(10, checksum(ip.subarray(0, 20)));
  view.setUint16(20, 9);
  view.setUint16(22, 9);
  view.setUint16(24, 8 + payload.length);
  ip.set(payload, 28);
  return frame(of.to, of.from, 0x0800, ip);
}

/** A gratuitous request (RFC 826): `sender` is at the MAC address `from`. */
function arp(of: { from: string; sender: string; target: string }): string {
  const bytes = new Uint8Array(28);
  bytes.set([0, 1, 8, 0, 6, 4, 0, 1]);
  bytes.set(macBytes(of.from), 8);
  bytes.set(addressBytes(of.sender), 14);
  bytes.set(addressBytes(of.target), 24);
  return frame("ff:ff:ff:ff:ff:ff", of.from, 0x0806, bytes);
}

function frame(to: string, from: string, type: number, payload: Uint8Array): string {
  return new Uint8Array([...macBytes(to), ...macBytes(from), type >> 8, type & 0xff, ...payload]).toHex();
}

function macBytes(text: string): Uint8Array {
  return MacAddress.parse(text)?.toBytes() ?? new Uint8Array(6);
}

function addressBytes(text: string): Uint8Array {
  return IpAddress.parse(text)?.bytes ?? new Uint8Array(4);
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] ?? 0) << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
