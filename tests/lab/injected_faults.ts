/**
 * System calls of the thread that carries packets, made to fail by `strace`: what a kernel can answer, but seldom does.
 * @module
 */

import type { CapturedProcess } from "./captured_process.ts";
import type { NetworkNamespace } from "./namespace.ts";
import { packetThread } from "./packet_thread.ts";

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
}

/** A call as the tracer has told it. */
export interface TracedCall {
  readonly name: string;
  /** What the process was told: -1 for an error. */
  readonly result: number;
  readonly isInjected: boolean;
}

/**
 * Faults in the packet thread of one process, until it is disposed of. Other threads of the process are spared: they
 * make the same calls, and are not meant. Needs `ptrace`.
 */
export class InjectedFaults implements AsyncDisposable {
  readonly #tracer: CapturedProcess;

  private constructor(tracer: CapturedProcess) {
    this.#tracer = tracer;
  }

  /** Begins with it. @throws Error when the thread can't be traced */
  static async begin(place: NetworkNamespace, pid: number, fault: Fault): Promise<InjectedFaults> {
    const { calls, alsoTold = [], error, when, path } = fault;
    const [failing, told] = [calls, [...calls, ...alsoTold]].map((names) =>
      names.map((name) => `?${name}`).join(",")
    );
    const tracer = place.spawn([
      ...["strace", "-p", String(packetThread(pid)), ...path === undefined ? [] : ["-P", path]],
      ...["-e", "signal=none", "-e", `trace=${told}`, "-e", `raw=${told}`],
      ...["-e", `inject=${failing}:error=${error}${when === undefined ? "" : `:when=${when}`}`],
    ], { label: `${place.label}: strace` });
    try {
      await tracer.until(({ stderr }) => stderr.includes(" attached"), 5_000, "the packet thread is traced");
      return new InjectedFaults(tracer);
    } catch (error) {
      await tracer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The calls so far; the last ten thousand or so when there are more. All of them once it is disposed of. */
  get calls(): readonly TracedCall[] {
    const lines = this.#tracer.stderr.matchAll(/^(\w+)\(.*\) += (-?\w+)(.*)$/gm);
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
