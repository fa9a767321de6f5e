/**
 * Two tunnels on the same machine, one of weft and one of wireguard-go, measured in turn.
 * @module
 */

import {
  expectRun,
  type Host,
  Lab,
  measureThroughput,
  type MeshNode,
  pingMany,
  pingOnce,
  residentBytes,
  startMesh,
  untilAllKnowAll,
  WireGuardGo,
} from "../../tests/lab/mod.ts";
import type { Row } from "./samples.ts";

/** Two hosts that reach each other's inner address. */
interface Tunnel {
  readonly from: Host;
  readonly to: Host;
  readonly address: string;
  /** Process id of the end that receives. */
  readonly pid: number;
}

/** Measures both tunnels, `rounds` times in turn. */
export async function measureTunnels(rounds: number, log: (text: string) => void): Promise<readonly Row[]> {
  await using lab = await Lab.create(["A", "B", "G", "H"]);
  const tunnels = [await weftTunnel(lab), await wireGuardGoTunnel(lab)] as const;
  const results = tunnels.map(() => ({
    throughput: [] as number[],
    reverse: [] as number[],
    ping: [] as number[],
    resident: [] as number[],
  }));
  for (let round = 1; round <= rounds; round++) {
    for (const [i, tunnel] of tunnels.entries()) {
      const result = results[i];
      if (result === undefined) continue;
      const to = { place: tunnel.to.namespace, address: tunnel.address };
      const ping = await averagePingMs(tunnel);
      const forth = await measureThroughput(tunnel.from.namespace, to, ["-t", "3"]);
      const back = await measureThroughput(tunnel.from.namespace, to, ["-t", "3", "-R"]);
      result.ping.push(ping);
      result.throughput.push(forth.bitsPerSecond / 1e6);
      result.reverse.push(back.bitsPerSecond / 1e6);
      result.resident.push(residentBytes(tunnel.pid) / 1e6);
      const speeds = [forth, back].map((each) => (each.bitsPerSecond / 1e6).toFixed(0)).join(" and back ");
      log(
        `round ${round}, ${i === 0 ? "weft" : "wireguard-go"}: ${speeds} Mbit/s, ping ${ping.toFixed(2)} ms`,
      );
    }
  }
  const [weft, peer] = results;
  if (weft === undefined || peer === undefined) throw new Error("two tunnels are needed");
  return [
    { what: "iperf3 TCP, one flow", weft: weft.throughput, peer: peer.throughput, unit: "Mbit/s" },
    { what: "iperf3 TCP, one flow, reversed", weft: weft.reverse, peer: peer.reverse, unit: "Mbit/s" },
    { what: "ping, average of 100", weft: weft.ping, peer: peer.ping, unit: "ms", digits: 2 },
    { what: "resident memory after it", weft: weft.resident, peer: peer.resident, unit: "MB" },
  ];
}

async function weftTunnel(lab: Lab): Promise<Tunnel> {
  const { nodes } = await startMesh(lab, ["A", "B"]);
  const [a, b] = nodes as [MeshNode, MeshNode];
  await untilAllKnowAll(nodes);
  await pingOnce(b.host, a.address);
  return { from: b.host, to: a.host, address: a.address, pid: a.weft.process.pid };
}

async function wireGuardGoTunnel(lab: Lab): Promise<Tunnel> {
  const [g, h] = [lab.host("G"), lab.host("H")];
  const start = async (host: Host, address: string) =>
    lab.use(await WireGuardGo.start(host.namespace, { folder: host.folder, addresses: [address] }));
  const [at, from] = [await start(g, "10.201.0.1/24"), await start(h, "10.201.0.2/24")];
  await at.setPeer({ publicKey: from.keys.publicKey, allowedIps: ["10.201.0.2/32"] });
  const endpoint = `${g.address4}:51820`;
  await from.setPeer({ publicKey: at.keys.publicKey, allowedIps: ["10.201.0.1/32"], endpoint });
  await pingOnce(h, "10.201.0.1");
  return { from: h, to: g, address: "10.201.0.1", pid: at.pid };
}

async function averagePingMs(tunnel: Tunnel): Promise<number> {
  await pingMany(tunnel.from, tunnel.address, 10);
  const command = ["ping", "-q", "-i", "0.01", "-c", "100", tunnel.address];
  const output = await tunnel.from.namespace.expectRun(command);
  return Number(/= [\d.]+\/([\d.]+)\//.exec(output)?.[1]);
}

/** @returns what wireguard-go calls its version */
export async function wireGuardGoVersion(): Promise<string> {
  const output = await expectRun([Deno.env.get("WIREGUARD_GO") ?? "wireguard-go", "--version"]);
  return /v?\d[\w.+~-]*/.exec(output)?.[0] ?? "unknown";
}
