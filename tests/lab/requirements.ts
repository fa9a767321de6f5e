/**
 * What a test needs of the machine; where that is missing, the test is skipped and the reason is printed.
 * @module
 */

import { within } from "./wait_for.ts";

/** Whether this is the thorough run, in which what is random goes through more. */
export const IS_THOROUGH: boolean = Deno.env.get("WEFT_TEST_THOROUGH") === "1";

/** Above any honest test, in milliseconds: one that hangs is named and fails, and the others go on. */
const TEST_BOUND_MS = IS_THOROUGH ? 3_600_000 : 600_000;

/** @returns what a test needs that is one of several variants, of which the gate runs some */
export function thoroughIf(isLeftOut: boolean): readonly Requirement[] {
  return isLeftOut ? ["thorough"] : [];
}

/** The runner counts them by it. */
const THOROUGH_REASON = "left for deno task test:thorough";

/**
 * `linux`, `root`, `tun` and `ptrace` are properties of the process; anything else is a program that must be there.
 * `former` is a checkout of a former release, which `WEFT_FORMER` names.
 * `thorough` is the run itself: the gate leaves out what only is a variant of what it tests, and attacks that take long,
 * and `deno task test:thorough` (`WEFT_TEST_THOROUGH=1`) runs them.
 */
export type Requirement =
  | "linux"
  | "root"
  | "tun"
  | "ptrace"
  | "thorough"
  | "former"
  | (string & Record<never, never>);

/** What all tests with network namespaces need. */
export const NAMESPACES: readonly Requirement[] = ["root", "ip"];

/** What all tests with nodes that carry packets need. */
export const PACKET_PLANE: readonly Requirement[] = [...NAMESPACES, "tun", "ping"];

/** @returns why `needs` are not met here, in a few words, or undefined when all are */
export function unmet(needs: readonly Requirement[]): string | undefined {
  const lacking: string[] = [];
  for (const need of needs) {
    if (need === "linux") {
      if (Deno.build.os !== "linux") lacking.push("needs Linux");
    } else if (need === "root") {
      if (!mayAdministerNetworks()) lacking.push("needs root on Linux (CAP_NET_ADMIN and CAP_SYS_ADMIN)");
    } else if (need === "tun") {
      if (!exists("/dev/net/tun")) lacking.push("needs /dev/net/tun");
    } else if (need === "thorough") {
      if (!IS_THOROUGH) return THOROUGH_REASON;
    } else if (need === "former") {
      if (!Deno.env.get("WEFT_FORMER")) {
        lacking.push("needs a checkout of a former release, WEFT_FORMER=path");
      }
    } else if (need === "ptrace") {
      const reason = whyNoTracing();
      if (reason !== undefined) lacking.push(reason);
    } else if (findProgram(need) === undefined) {
      lacking.push(`needs the program ${need}`);
    }
  }
  return lacking.length === 0 ? undefined : lacking.join(", ");
}

/**
 * Registers a test that fails when it takes longer than ten minutes (an hour in the thorough run), and is ignored, with a line
 * `skipped: <test>: <reason>`, where a requirement is not met. `scripts/run_tests.ts` gathers these lines.
 */
export function labTest(
  name: string,
  needs: readonly Requirement[],
  run: (test: Deno.TestContext) => Promise<void>,
): void {
  const reason = unmet(needs);
  // deno-lint-ignore no-console -- the reason of a skipped test belongs in the runner's output
  if (reason !== undefined) console.log(skippedLine(name, reason));
  const fn = async (test: Deno.TestContext) => {
    const outcome = await within(run(test).then(() => "ended"), TEST_BOUND_MS);
    if (outcome === undefined) {
      throw new Error(`the test did not end within ${TEST_BOUND_MS / 60_000} minutes`);
    }
  };
  Deno.test({ name, ignore: reason !== undefined, fn });
}

/** @returns the line that says why `test` did not run */
export function skippedLine(test: string, reason: string): string {
  return `skipped: ${test}: ${reason}`;
}

/** @returns the path of `name` on the PATH or in the system's own program folders */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
    "/bin",
    "/usr/lib/systemd",
  ];
  return folders.filter((folder) => folder !== "").map((folder) => `${folder}/${name}`).find(exists);
}

/**
 * Linux capabilities(7): CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21. Root of a user namespace has them too, but
 * named network namespaces need a `/run` that is root's.
 */
function mayAdministerNetworks(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return hasCapabilities([12n, 21n]) && Deno.statSync("/run").uid === 0;
}

/** @returns why strace can't attach to processes that run already; CAP_SYS_PTRACE is bit 19 */
function whyNoTracing(): string | undefined {
  const strace = findProgram("strace");
  if (Deno.build.os !== "linux" || strace === undefined) return "needs the program strace";
  if (!hasCapabilities([19n])) return "needs CAP_SYS_PTRACE";
  // A filter of system calls (seccomp) and Yama can forbid it even so.
  const { success } = new Deno.Command(strace, {
    args: ["-qq", "-o", "/dev/null", "-e", "trace=none", "true"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "needs ptrace, which is forbidden here";
}

/** @param bits of capabilities(7) */
function hasCapabilities(bits: readonly bigint[]): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
  const capabilities = BigInt(`0x${effective}`);
  return bits.every((bit) => (capabilities >> bit & 1n) === 1n);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
