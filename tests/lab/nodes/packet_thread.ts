/**
 * The thread of the fast data plane, seen from outside: its processor time, its death, and
 * system calls of it that `strace` makes fail: what a kernel can answer, but seldom does.
 * @module
 */

import type { CapturedProcess } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";
import { waitFor } from "../wait_for.ts";

/** @returns the id of the thread that carries packets in process `pid` @throws Error when there is none */
export function packetThread(pid: number): number {
  return packetThreads(pid)[0] ?? fail(`Process ${pid} has no worker`);
}

/** @returns the ids of its workers, in the order of their start */
export function packetThreads(pid: number): readonly number[] {
  // The runtime names its workers by their numbers.
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name))
    .filter((tid) => Deno.readTextFileSync(`/proc/${pid}/task/${tid}/comm`).startsWith("worker-"))
    .toSorted((a, b) => a - b);
}

function fail(message: string): never {
  throw new Error(message);
}

/**
 * Makes the next datagram kill that thread, and not its process: it is told of more bytes than its memory holds.
 * Needs `ptrace`.
 * @returns the tracer, which ends with the process
 */
export function poisonPacketThread(place: NetworkNamespace, pid: number): Promise<CapturedProcess> {
  return poison(place, packetThread(pid), "recvmsg,recvmmsg");
}

/** Makes the next packet kill the last thread that seals, likewise, or the next datagram, when it is asked to receive. */
export function poisonSealingThread(
  place: NetworkNamespace,
  pid: number,
  way: "sealing" | "receiving" = "sealing",
): Promise<CapturedProcess> {
  const tid = packetThreads(pid).at(-1) ?? 0;
  if (way === "receiving") return poison(place, tid, "recvmsg,recvmmsg");
  // The runtime, too, reads: the source of whatever throws, until there is no more of it.
  return poison(place, tid, "read", ["--trace-path=/dev/net/tun"]);
}

async function poison(
  place: NetworkNamespace,
  tid: number,
  calls: string,
  options: readonly string[] = [],
): Promise<CapturedProcess> {
  const tracer = place.spawn([
    ...["strace", "-qq", "-o", "/dev/null", "-p", String(tid)],
    ...["-e", `trace=${calls}`, "-e", `inject=${calls}:retval=2000000000`, ...options],
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

/** Which calls fail, and how. */
export interface Fault {
  /** Names of system calls; one that the machine does not have is passed over. */
  readonly calls: readonly string[];
  /** Calls that are told, and do not fail. */
  readonly alsoTold?: readonly string[];
  /** For example `ENOBUFS`. */
  readonly error: string;
  /** Which of each call's, as strace reads it: `5..75+7` is the fifth to the 75th, every seventh. All unless told. */
  readonly when?: string;
  /** Only calls on this file. */
  readonly path?: string;
  /** Whether calls of all its threads that carry packets fail, each counted by itself; else those of the first one. */
  readonly isEverywhere?: boolean;
}

/** A call as the tracer has told it. */
export interface TracedCall {
  readonly name: string;
  /** What the process was told: -1 for an error. */
  readonly result: number;
  readonly isInjected: boolean;
}

/**
 * Faults in packet threads of one process, until it is disposed of. Other threads of the process are spared: they
 * make the same calls, and are not meant. Needs `ptrace`.
 */
export class InjectedFaults implements AsyncDisposable {
  readonly #tracer: CapturedProcess;

  private constructor(tracer: CapturedProcess) {
    this.#tracer = tracer;
  }

  /** Begins with it. @throws Error when the thread can't be traced */
  static async begin(place: NetworkNamespace, pid: number, fault: Fault): Promise<InjectedFaults> {
    const { calls, alsoTold = [], error, when, path, isEverywhere = false } = fault;
    const threads = isEverywhere ? packetThreads(pid) : [packetThread(pid)];
    const [failing, told] = [calls, [...calls, ...alsoTold]].map((names) =>
      names.map((name) => `?${name}`).join(",")
    );
    const tracer = place.spawn([
      ...["strace", ...threads.flatMap((tid) => ["-p", `${tid}`]), ...path === undefined ? [] : ["-P", path]],
      ...["-e", "signal=none", "-e", `trace=${told}`, "-e", `raw=${told}`],
      ...["-e", `inject=${failing}:error=${error}${when === undefined ? "" : `:when=${when}`}`],
    ], { label: `${place.label}: strace` });
    try {
      const areTraced = () => threads.every(isTraced) && tracer.stderr.includes(" attached");
      await tracer.until(areTraced, 5_000, "the packet threads are traced");
      return new InjectedFaults(tracer);
    } catch (error) {
      await tracer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The calls so far; the last ten thousand or so when there are more. All of them once it is disposed of. */
  get calls(): readonly TracedCall[] {
    const lines = this.#tracer.stderr.matchAll(/^(?:\[pid +\d+\] )?(\w+)\(.*\) += (-?\w+)(.*)$/gm);
    return [...lines].map(([, name = "", result, rest = ""]) => ({
      name,
      result: Number(result),
      isInjected: rest.endsWith("(INJECTED)"),
    }));
  }

  /** Ends it; the thread goes on as before. It should be idle: a call that is about to fail fails with ENOSYS then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tracer.stop("SIGTERM");
  }
}
