/**
 * The thread of the fast data plane, seen from outside: its processor time, and its death.
 * @module
 */

import type { CapturedProcess } from "./captured_process.ts";
import type { NetworkNamespace } from "./namespace.ts";
import { waitFor } from "./wait_for.ts";

/** @returns the id of the thread that carries packets in process `pid` @throws Error when there is none */
export function packetThread(pid: number): number {
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    // The runtime names its workers by their numbers.
    if (Deno.readTextFileSync(`/proc/${pid}/task/${name}/comm`).startsWith("worker-")) return Number(name);
  }
  throw new Error(`Process ${pid} has no worker`);
}

/**
 * Makes the next datagram kill that thread, and not its process: it is told of more bytes than its memory holds.
 * Needs `ptrace`.
 * @returns the tracer, which ends with the process
 */
export async function poisonPacketThread(place: NetworkNamespace, pid: number): Promise<CapturedProcess> {
  const tid = packetThread(pid);
  const tracer = place.spawn([
    ...["strace", "-qq", "-o", "/dev/null", "-p", String(tid)],
    ...["-e", "trace=recvmsg,recvmmsg", "-e", "inject=recvmsg,recvmmsg:retval=2000000000"],
  ]);
  await waitFor(() => isTraced(tid), 5_000, { what: "the packet thread is traced" });
  return tracer;
}

/** @returns the processor time of process `pid` in seconds, all threads together */
export function processorSeconds(pid: number): number {
  // The second field is the name in parentheses, which may hold blanks; user and system time are the 14th and 15th.
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** USER_HZ, which is the same on every machine that runs Deno. */
const TICKS_PER_SECOND = 100;

function isTraced(tid: number): boolean {
  return !/^TracerPid:\s+0$/m.test(Deno.readTextFileSync(`/proc/${tid}/status`));
}
