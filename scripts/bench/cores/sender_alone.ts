/**
 * What a sender does alone: it is handed superpackets, and what it sends is counted and dropped before its peer, so that
 * all processors are for one end.
 * @module
 */

import { Lab } from "../../../tests/lab/mod.ts";
import { type Contender, type Tunnel, wireGuardContender } from "../contenders.ts";
import { processorSeconds } from "../processor_time.ts";
import { Samples, type Table } from "../samples.ts";

const SOURCE: string = new URL("./superpacket_source.ts", import.meta.url).pathname;
const SECONDS = 3;
/** Enough for the kernel to spread them over a few queues about evenly. */
const FLOWS = 16;
/** A longer one holds megabytes that no cache does. */
const QUEUE_PACKETS = 64;
const SINK = "weft_bench_sink";

/** How to measure. */
export interface SenderAloneOptions {
  /** How often, in turn. */
  readonly rounds: number;
  /** How many workers weft is to have. */
  readonly workers: readonly number[];
  readonly log: (text: string) => void;
}

/** Measures weft with each number of workers, and wireguard-go. */
export async function measureSenders({ rounds, workers, log }: SenderAloneOptions): Promise<Table> {
  const all = await Promise.all([
    ...workers.map((count) => wireGuardContender({ implementation: "weft", workers: count })),
    wireGuardContender({ implementation: "wireguard-go" }),
  ]);
  await using lab = await Lab.create(all.flatMap((_, i) => [`${i}a`, `${i}b`]));
  const tunnels: (readonly [Contender, Tunnel])[] = [];
  for (const [i, contender] of all.entries()) {
    tunnels.push([contender, await contender.open(lab, [lab.host(`${i}a`), lab.host(`${i}b`)])]);
  }
  const samples = new Samples(all.map(({ name }) => name));
  for (let round = 1; round <= rounds; round++) {
    // Each by each, so that a machine that slows down slows all alike.
    for (const [{ name }, tunnel] of tunnels) {
      const { bytes, sender, source } = await send(tunnel);
      const gbit = bytes * 8 / SECONDS / 1e9;
      log(`round ${round}: ${name}: ${gbit.toFixed(1)} Gbit/s`);
      const add = (what: string, unit: string, digits: number, value: number) =>
        samples.add({ what, unit, digits }, name, value);
      add("sent", "Gbit/s", 1, gbit);
      add("processors of the sender", "", 2, sender / SECONDS);
      add("processors of the source", "", 2, source / SECONDS);
      add("processor time of the sender", "s/GB", 3, sender / bytes * 1e9);
    }
  }
  return samples.table;
}

/** @returns how many bytes reached the sink, and what processors have spent, in seconds */
async function send(
  { from, to, addresses: { IPv4 } }: Tunnel,
): Promise<{ readonly bytes: number; readonly sender: number; readonly source: number }> {
  const sink = to.host.namespace;
  // The session is there; nothing of it is older than this run.
  await from.host.namespace.expectRun(["ping", "-c", "1", "-W", "5", IPv4]);
  const rules = `table netdev ${SINK} {
    chain in { type filter hook ingress device eth0 priority 0; udp dport 51820 counter drop
    }
  }`;
  await sink.expectRun(["nft", rules]);
  try {
    const { interfaceName = "" } = from;
    await from.host.namespace.ip(`link set ${interfaceName} txqueuelen ${QUEUE_PACKETS}`);
    const before = processorSeconds(from.pid);
    const source = await from.host.namespace.expectRun([
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-config", SOURCE],
      ...[IPv4, interfaceName, `${FLOWS}`, `${SECONDS}`],
    ]);
    const sender = processorSeconds(from.pid) - before;
    const counted = await sink.expectRun(["nft", "list", "table", "netdev", SINK]);
    return { bytes: Number(/bytes (\d+)/.exec(counted)?.[1]), sender, source: Number(source) };
  } finally {
    await sink.expectRun(["nft", "delete", "table", "netdev", SINK]);
  }
}
