/**
 * What a receiver does alone: what it is sent was sealed before, and what it opens is counted and dropped behind its
 * interface, so that all processors are for one end.
 * @module
 */

import { type Host, Lab, WgDevice, type WgDeviceOptions } from "../../../tests/lab/mod.ts";
import { generateKeys } from "../../../tests/lab/nodes/wireguard_go.ts";
import { wireGuardContender } from "../contenders.ts";
import { processorSeconds } from "../processor_time.ts";
import { Samples, type Table } from "../samples.ts";
import type { SealedLoad, SealedReport } from "./sealed_source.ts";
import type { SenderAloneOptions } from "./sender_alone.ts";

const SOURCE: string = new URL("./sealed_source.ts", import.meta.url).pathname;
const FLOWS = 16;
const PAYLOAD_BYTES = 1392;
/** Of what is sent: headers inside count once for all packets that are joined. */
const PAYLOAD_SHARE: number = PAYLOAD_BYTES / (PAYLOAD_BYTES + 64);
/** 750 MB. */
const SUPERPACKETS = 12_000;
const SINK = "weft_bench_sink";
const [OWN, INNER] = ["10.201.0.2", "10.201.0.1"];

/** One that receives, and the key that its sender has. */
interface Receiver {
  readonly name: string;
  readonly device: WgDevice;
  readonly hosts: readonly [Host, Host];
  readonly privateKey: string;
}

/** Measures weft with each number of workers, and wireguard-go. */
export async function measureReceivers({ rounds, workers, log }: SenderAloneOptions): Promise<Table> {
  const all: readonly Pick<WgDeviceOptions, "implementation" | "workers">[] = [
    ...workers.map((count) => ({ implementation: "weft" as const, workers: count })),
    { implementation: "wireguard-go" },
  ];
  await using lab = await Lab.create(all.flatMap((_, i) => [`${i}a`, `${i}b`]));
  const receivers: Receiver[] = [];
  for (const [i, options] of all.entries()) {
    receivers.push(await open(lab, [lab.host(`${i}a`), lab.host(`${i}b`)], options));
  }
  const samples = new Samples(receivers.map(({ name }) => name));
  for (let round = 1; round <= rounds; round++) {
    for (const receiver of receivers) {
      const { report, spent } = await receive(receiver);
      const { takenBytes, sentBytes, seconds } = report;
      const gbit = takenBytes * 8 / seconds / 1e9;
      log(`round ${round}: ${receiver.name}: ${gbit.toFixed(1)} Gbit/s`);
      const add = (what: string, unit: string, digits: number, value: number) =>
        samples.add({ what, unit, digits }, receiver.name, value);
      add("received", "Gbit/s", 1, gbit);
      add("lost, about", "%", 0, Math.max(0, 1 - takenBytes / (sentBytes * PAYLOAD_SHARE)) * 100);
      add("processors of the receiver", "", 2, spent / seconds);
      add("processors of the source", "", 2, report.processorSeconds / seconds);
      add("processor time of the receiver", "s/GB", 3, spent / takenBytes * 1e9);
    }
  }
  return samples.table;
}

async function open(
  lab: Lab,
  hosts: readonly [Host, Host],
  options: Pick<WgDeviceOptions, "implementation" | "workers">,
): Promise<Receiver> {
  const { name } = await wireGuardContender(options);
  const { publicKey, privateKey } = await generateKeys();
  const device = lab.use(
    await WgDevice.start(hosts[0].namespace, { ...options, port: 51820, addresses: [`${INNER}/24`] }),
  );
  await device.setPeer(publicKey, "allowed-ips", `${OWN}/32`);
  const rules = `table netdev ${SINK} {
    chain in { type filter hook ingress device ${device.name} priority 0; udp dport >= 20000 counter drop
    }
  }`;
  await hosts[0].namespace.expectRun(["nft", rules]);
  return { name, device, hosts, privateKey };
}

async function receive(
  { device, hosts: [here, there], privateKey }: Receiver,
): Promise<{ readonly report: SealedReport; readonly spent: number }> {
  const { pid } = device.process;
  const load: SealedLoad = {
    address: here.address4,
    port: 51820,
    publicKey: device.keys.publicKey,
    innerAddress: INNER,
    privateKey,
    ownAddress: OWN,
    pid,
    interfaceName: device.name,
    flows: FLOWS,
    superpackets: SUPERPACKETS,
    payloadBytes: PAYLOAD_BYTES,
  };
  const before = processorSeconds(pid);
  const printed = await there.namespace.expectRun([
    ...[Deno.execPath(), "run", "--quiet", "-A", "--no-check", SOURCE],
    JSON.stringify(load),
  ]);
  return { report: JSON.parse(printed) as SealedReport, spent: processorSeconds(pid) - before };
}
