/**
 * What is measured of carriers, in turn.
 * @module
 */

import { measureThroughput, pingMany, waitFor } from "../../../tests/lab/mod.ts";
import { processorSeconds } from "../processor_time.ts";
import { Samples, type Table } from "../samples.ts";
import { type Carried, type Carriers, DRIVERS } from "./carriers.ts";

const SECONDS = 2;
const SMALL_BYTES = 64;

/** Measures each of them, one after the other, so that a machine that slows down slows all alike. */
export async function measureCarriers(
  carriers: Carriers,
  rounds: number,
  log: (text: string) => void,
): Promise<Table> {
  const samples = new Samples([...carriers.keys()]);
  for (let round = 1; round <= rounds; round++) {
    for (const driver of DRIVERS) {
      for (const [column, byDriver] of carriers) {
        const carried = byDriver.get(driver);
        if (carried === undefined) continue;
        log(`round ${round}: ${driver}, ${column}`);
        await measureOne(carried, (what, unit, value, digits = 2) => {
          samples.add({ what: `${driver}: ${what}`, unit, digits }, column, value);
        });
      }
    }
  }
  return samples.table;
}

async function measureOne(
  carried: Carried,
  note: (what: string, unit: string, value: number, digits?: number) => void,
): Promise<void> {
  const { from, to, address, pids } = carried;
  await waitFor(async () => await pingMany(from, address, 1) === 1, 15_000, { what: `${address} answers` });
  const server = { place: to.namespace, address };
  const spent = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const [before, busyBefore] = [spent(), busySeconds()];
  const tcp = await measureThroughput(from.namespace, server, ["-t", `${SECONDS}`]);
  const [own, all] = [spent() - before, busySeconds() - busyBefore];
  note("one flow of TCP", "Gbit/s", tcp.bitsPerSecond / 1e9);
  if (pids.length > 0) note("its programs' processor time", "s/GB", own / tcp.bytes * 1e9);
  note("the machine's processor time", "s/GB", all / tcp.bytes * 1e9);
  const small = await measureThroughput(from.namespace, server, [
    ...["-u", "-b", "0", "-l", `${SMALL_BYTES}`, "-t", `${SECONDS}`],
  ]);
  const arrived = small.bytes / SMALL_BYTES;
  note(`frames of ${SMALL_BYTES} bytes of UDP that arrive`, "k/s", arrived / SECONDS / 1e3, 0);
}

/** @returns seconds that all processors have worked, for whomever (proc(5)) */
function busySeconds(): number {
  const [user, nice, system, , , irq, softirq] =
    Deno.readTextFileSync("/proc/stat").split("\n")[0]?.match(/\d+/g)
      ?.map(Number) ?? [];
  return [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) / 100;
}
