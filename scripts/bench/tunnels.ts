/**
 * What tunnels carry, measured in turn on the same machine.
 * @module
 */

import { Lab, measureThroughput, pingMany, residentBytes, type Throughput } from "../../tests/lab/mod.ts";
import { type Contender, contenders, type Tunnel, type WeftCipher } from "./contenders.ts";
import { processorSeconds } from "./processor_time.ts";
import { Samples, type Table } from "./samples.ts";
import { amongPeers, besideBusyProcesses } from "./tunnel_conditions.ts";

const SECONDS = 2;
const PINGS = 1000;
const FLOWS = [1, 4, 16];
const UDP_MBIT_PER_S = [500, 1000];
/** Of what is sent as fast as the sender can. */
const SMALL_BYTES = [64, 172, 512];
const BUSY_PROCESSES = 4;
const FURTHER_PEERS = 999;
/** As much as fits the inner MTU over IPv4 and IPv6 alike. */
const UDP_PAYLOAD_BYTES = 1372;

/** How to measure. */
export interface TunnelsOptions {
  /** How often, in turn. */
  readonly rounds: number;
  /** Parts of the names of what is measured; everything unless given. */
  readonly only?: readonly string[] | undefined;
  /** What weft is to be measured with, beside the cipher that it chooses itself. */
  readonly ciphers: readonly WeftCipher[];
  readonly log: (text: string) => void;
}

/** Measures all tunnels. */
export async function measureTunnels({ rounds, only = [""], ciphers, log }: TunnelsOptions): Promise<Table> {
  const all = await contenders(ciphers);
  await using lab = await Lab.create(all.flatMap((_, i) => [`${i}a`, `${i}b`]));
  const tunnels: (readonly [Contender, Tunnel])[] = [];
  for (const [i, contender] of all.entries()) {
    tunnels.push([contender, await contender.open(lab, [lab.host(`${i}a`), lab.host(`${i}b`)])]);
  }
  const samples = new Samples(all.map((each) => each.name));
  if ([...STEPS, ...LAST_STEPS].some(({ what }) => isChosen(what, only) && /TCP|UDP/.test(what))) {
    log("before the rounds: TCP each way");
    // What compiles its code as it runs takes longer for the first seconds, which are none of a tunnel's later hours.
    for (const [, tunnel] of tunnels) {
      for (const options of [[], ["-R"]]) await flow(tunnel, tunnel.addresses.IPv4, options);
    }
  }
  for (const steps of [STEPS, LAST_STEPS]) {
    for (let round = 1; round <= rounds; round++) {
      for (const { what, run } of steps.filter(({ what }) => isChosen(what, only))) {
        log(`round ${round}: ${what}`);
        // Each by each, so that a machine that slows down slows all alike.
        for (const [{ name }, tunnel] of tunnels) {
          await run(tunnel, (row, value) => samples.add({ what, ...row }, name, value));
        }
      }
    }
  }
  return samples.table;
}

function isChosen(what: string, only: readonly string[]): boolean {
  return only.some((part) => what.includes(part));
}

/** @param row.what when it is not what the step is called */
type Note = (
  row: { readonly what?: string; readonly unit: string; readonly digits?: number },
  value: number,
) => void;

/** One measurement. */
interface Step {
  readonly what: string;
  run(tunnel: Tunnel, note: Note): Promise<void>;
}

const STEPS: readonly Step[] = [
  ...(["IPv4", "IPv6"] as const).flatMap((family) =>
    FLOWS.flatMap((flows) => ["", ", reversed"].map((direction) => tcpStep(family, flows, direction)))
  ),
  ...UDP_MBIT_PER_S.map(udpStep),
  ...SMALL_BYTES.map(smallStep),
  ...["", ", reversed"].map(busyStep),
  { what: "TCP, 1 flow, IPv4, among 1,000 peers", run: measureAmongPeers },
  { what: "UDP, 172 bytes, arriving, among 1,000 peers", run: measureSmallAmongPeers },
  { what: "ping", run: measurePing },
  {
    what: "resident memory",
    run: (tunnel, note) => Promise.resolve(note({ unit: "MB" }, residentBytes(tunnel.to.pid) / 1e6)),
  },
];

/** What comes after all rounds of the others: sockets that have once met a path without GSO ask for none any more. */
const LAST_STEPS: readonly Step[] = [{ what: "TCP, 1 flow, IPv4, no UDP GSO", run: measureWithoutGso }];

function tcpStep(family: "IPv4" | "IPv6", flows: number, direction: string): Step {
  const options = ["-P", `${flows}`, ...(direction === "" ? [] : ["-R"])];
  return {
    what: `TCP, ${flows} ${flows === 1 ? "flow" : "flows"}, ${family}${direction}`,
    async run(tunnel, note) {
      const address = tunnel.addresses[family];
      if (address === undefined) return;
      const before = spentSeconds(tunnel);
      const { bitsPerSecond, bytes } = await flow(tunnel, address, options);
      note({ unit: "Mbit/s" }, bitsPerSecond / 1e6);
      if (family !== "IPv4" || flows !== 1 || direction !== "") return;
      const after = spentSeconds(tunnel);
      for (const [end, who] of [["from", "sender"], ["to", "receiver"]] as const) {
        const seconds = after[end] - before[end];
        note({ what: `processor time of the ${who}`, unit: "s/GB", digits: 2 }, seconds / bytes * 1e9);
      }
    },
  };
}

function udpStep(rate: number): Step {
  const options = ["-u", "-b", `${rate}M`, "-l", `${UDP_PAYLOAD_BYTES}`];
  return {
    what: `UDP, lost of ${rate} Mbit/s`,
    async run(tunnel, note) {
      const { lostPercent = NaN } = await flow(tunnel, tunnel.addresses.IPv4, options);
      note({ unit: "%", digits: 1 }, lostPercent);
    },
  };
}

function smallStep(payloadBytes: number): Step {
  return {
    what: `UDP, ${payloadBytes} bytes, arriving`,
    run: (tunnel, note) => measureSmall(tunnel, note, payloadBytes),
  };
}

/** Counts what arrives of datagrams that are sent without a pause. */
async function measureSmall(tunnel: Tunnel, note: Note, payloadBytes: number): Promise<void> {
  const options = ["-u", "-b", "0", "-l", `${payloadBytes}`];
  const { bitsPerSecond } = await flow(tunnel, tunnel.addresses.IPv4, options);
  note({ unit: "k/s" }, bitsPerSecond / 8 / payloadBytes / 1e3);
}

/** Beside programs that would take all processors: one thread gets one share of them, several get several. */
function busyStep(direction: string): Step {
  const options = direction === "" ? [] : ["-R"];
  return {
    what: `TCP, 1 flow, IPv4, beside ${BUSY_PROCESSES} busy processes${direction}`,
    async run(tunnel, note) {
      const { bitsPerSecond } = await besideBusyProcesses(
        BUSY_PROCESSES,
        () => flow(tunnel, tunnel.addresses.IPv4, options),
      );
      note({ unit: "Mbit/s" }, bitsPerSecond / 1e6);
    },
  };
}

/** What a gigabyte takes is comparable with the two of one peer: throughput is not, where others use the machine. */
async function measureAmongPeers(tunnel: Tunnel, note: Note): Promise<void> {
  for (const [peers, who] of [[0, "with 1 peer"], [FURTHER_PEERS, "among 1,000 peers"]] as const) {
    await amongPeers(tunnel, peers, async () => {
      const before = spentSeconds(tunnel);
      const { bitsPerSecond, bytes } = await flow(tunnel, tunnel.addresses.IPv4, []);
      const after = spentSeconds(tunnel);
      const seconds = after.from - before.from + after.to - before.to;
      note({ what: `processor time of both ends ${who}`, unit: "s/GB", digits: 2 }, seconds / bytes * 1e9);
      if (peers > 0) note({ unit: "Mbit/s" }, bitsPerSecond / 1e6);
    });
  }
}

async function measureSmallAmongPeers(tunnel: Tunnel, note: Note): Promise<void> {
  await amongPeers(tunnel, FURTHER_PEERS, () => measureSmall(tunnel, note, 172));
}

async function measureWithoutGso(tunnel: Tunnel, note: Note): Promise<void> {
  for (const { host } of [tunnel.from, tunnel.to]) {
    await host.namespace.expectRun(["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]);
  }
  const { bitsPerSecond } = await flow(tunnel, tunnel.addresses.IPv4, []);
  note({ unit: "Mbit/s" }, bitsPerSecond / 1e6);
}

async function measurePing(tunnel: Tunnel, note: Note): Promise<void> {
  const times = await pingTimes(tunnel);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? NaN;
  note({ what: "ping, median", unit: "ms", digits: 2 }, at(0.5));
  note({ what: "ping, 99th percentile", unit: "ms", digits: 2 }, at(0.99));
}

function flow({ from, to }: Tunnel, address: string, options: readonly string[]): Promise<Throughput> {
  const server = { place: to.host.namespace, address };
  return measureThroughput(from.host.namespace, server, ["-t", `${SECONDS}`, ...options]);
}

/** @returns milliseconds, ascending */
async function pingTimes({ from, addresses: { IPv4 } }: Tunnel): Promise<readonly number[]> {
  await pingMany(from.host, IPv4, 10);
  const output = await from.host.namespace.expectRun(["ping", "-i", "0.002", "-c", `${PINGS}`, IPv4]);
  const times = [...output.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  return times.toSorted((a, b) => a - b);
}

/** @returns how much processor time both processes have taken, in seconds */
function spentSeconds({ from, to }: Tunnel): { readonly from: number; readonly to: number } {
  return { from: processorSeconds(from.pid), to: processorSeconds(to.pid) };
}
