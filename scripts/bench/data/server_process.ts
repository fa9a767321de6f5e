/**
 * A server of somebody else, for the time of the benchmark.
 * @module
 */

const READY_BOUND_MS = 15_000;

/** Starts a program, and waits until it listens at a port of loopback. @returns its process id */
export async function startServer(
  stack: AsyncDisposableStack,
  command: readonly string[],
  port: number,
): Promise<number> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  stack.defer(async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
  });
  const until = performance.now() + READY_BOUND_MS;
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return child.pid;
    } catch (error) {
      if (performance.now() > until) throw new Error(`${program} does not listen`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** @returns the memory of a process that is in use, in MB; NaN where it is not there */
export function residentMegabytes(pid: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return Number(kilobytes) / 1_000;
  } catch {
    return NaN;
  }
}
