/**
 * Running an agent in the foreground: from the first line of the start to the last of the stop.
 * @module
 */

import { type Logger, WeftError } from "../base/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import { controlSocketPath } from "./control_client.ts";
import { CommandError } from "./failure.ts";
import type { CliPorts, Overlay, OverlayFactory, ServedPort } from "./ports.ts";
import { paint, type Terminal } from "./terminal.ts";

/** How long a stop may take, in milliseconds, before the process ends anyway. */
const STOP_BOUND_MS = 8_000;

/** As a shell reports a process that ended by Ctrl-C. */
const INTERRUPTED = 130;

/** As what an agent starts. */
export type StartRole =
  | { readonly kind: "leader" }
  | { readonly kind: "join"; readonly token: string }
  | { readonly kind: "up" };

/** The agent's log, with a hook for when it runs. */
export interface RunAgentLog extends Logger {
  /** Called once the agent runs. */
  release(): void;
}

/** What an agent is run as and with. */
export interface RunAgentOptions {
  readonly role: StartRole;
  readonly options: AgentOptions;
  readonly log: RunAgentLog;
}

/**
 * Starts an agent and stays until it is told to stop.
 * @returns 0 when it was told to and did, 130 when that was before it ran
 * @throws WeftError when it cannot start, or ended by itself
 */
export async function runAgent(ports: CliPorts, options: RunAgentOptions): Promise<number> {
  const stack = new AsyncDisposableStack();
  const stopping = Promise.withResolvers<"stop">();
  let asked = 0;
  const forget = ports.process.onStopSignal(() => {
    if (asked++ > 0) ports.process.exit(INTERRUPTED);
    stopping.resolve("stop");
  });
  try {
    return await runUntilStopped(ports, { ...options, stack, stopping: stopping.promise });
  } catch (error) {
    // The first failure is the one to tell.
    await within(stack.disposeAsync(), STOP_BOUND_MS).catch(() => {});
    throw error;
  } finally {
    forget();
  }
}

/** One run: everything that was done is on `stack`, so that a failure half-way takes it back. */
interface Run extends RunAgentOptions {
  readonly stack: AsyncDisposableStack;
  readonly stopping: Promise<"stop">;
}

async function runUntilStopped(ports: CliPorts, run: Run): Promise<number> {
  const { terminal } = ports;
  const { role, options, log, stack, stopping } = run;
  const starting = startAgent(ports, run);
  const started = await Promise.race([starting, stopping]);
  if (started === "stop") {
    // What was done so far is taken back; what the start still does ends with the process.
    starting.catch(() => {});
    await within(stack.disposeAsync(), STOP_BOUND_MS);
    return INTERRUPTED;
  }
  const { overlay, status } = started;
  log.release();
  ports.process.onStarted();
  announce(role, overlay, { terminal, pageAt: status && pageUrl(options, status.port) });

  if (await Promise.race([stopping, overlay.closed.then(() => "ended" as const)]) === "ended") {
    throw new CommandError(`The agent ${overlay.name} ended by itself`, {
      hint: "Its log says why; `weft up` resumes it.",
    });
  }
  if (terminal.isInteractive) terminal.err("Stopping; Ctrl-C again ends it at once.\n");
  await within(stack.disposeAsync(), STOP_BOUND_MS);
  return 0;
}

async function startAgent(
  ports: CliPorts,
  { role, options, log, stack }: Run,
): Promise<{ readonly overlay: Overlay; readonly status: ServedPort | undefined }> {
  const parts = await ports.loadAgent();
  const overlay = await makeOverlay(parts.overlays, { role, options, log });
  // Nobody waits for it yet, and a failure of the start is told by the start.
  overlay.closed.catch(() => {});
  if (stack.disposed) return await interrupted(overlay.stop());
  stack.defer(() => overlay.stop());
  const { control } = overlay;
  let status: ServedPort | undefined;
  if (options.statusPort !== "off") {
    // Before anything of the host is changed: a port that is taken should have no consequences.
    status = parts.serveStatus({ control, hostname: `${options.statusAddress}`, port: options.statusPort });
    stack.defer(status.close);
  }
  await overlay.start();
  await overlay.services.openPrograms(parts.programSocketPath(options.stateDir));
  const socket = await parts.serveControl({ control, path: controlSocketPath(options.stateDir) });
  if (stack.disposed) return await interrupted(socket.close());
  // Closed first: removing the socket needs the state directory to be still this agent's.
  stack.defer(socket.close);
  return { overlay, status };
}

/** The stop came while something was being made; it is unmade here, because the stack is gone. */
async function interrupted(undone: Promise<void>): Promise<never> {
  await undone;
  throw new CommandError("The start was interrupted");
}

/** The factory resumes what the same command line has made; what it cannot resume is named here, by its directory. */
async function makeOverlay(
  overlays: OverlayFactory,
  { role, options, log }: RunAgentOptions,
): Promise<Overlay> {
  const ports = { logger: log };
  try {
    if (role.kind === "up") return await overlays.load(options, ports);
    if (role.kind === "leader") return await overlays.initLeader(options, ports);
    return await overlays.join(role.token, options, ports);
  } catch (cause) {
    const code = cause instanceof WeftError ? cause.code : undefined;
    if (code === "NotInitialized") {
      throw new CommandError(`Cannot resume: there is no node in the state directory ${options.stateDir}`, {
        hint:
          "`weft --leader` starts a network and `weft --join TOKEN` joins one; or name another with --state.",
        cause,
      });
    }
    if (code !== "AlreadyInitialized") throw cause;
    const what = role.kind === "leader" ? "lead a network" : "join that network";
    throw new CommandError(`Cannot ${what} with the state ${options.stateDir}: it is of another node`, {
      hint: "`weft up` resumes that one; for a new one choose another directory with --state.",
      cause,
    });
  }
}

/** The join command stands on a line of its own, so that it can be pasted and read by programs. */
function announce(
  role: StartRole,
  overlay: Overlay,
  { terminal, pageAt }: { readonly terminal: Terminal; readonly pageAt: string | undefined },
): void {
  const { network, node, dataplane } = overlay.control.status();
  const on = dataplane.interfaceName === undefined ? "rootless" : `on ${dataplane.interfaceName}`;
  const name = paint(terminal, "strong", overlay.name);
  const address = paint(terminal, "strong", `${overlay.nodeIp()}`);
  terminal.out(`${name} is ${address} of ${network.cidr}, ${node.role}, ${on}\n`);
  if (pageAt !== undefined) terminal.out(`Status page: ${pageAt}\n`);
  if (role.kind === "leader") {
    const spelling = Deno.build.standalone ? "" : " (in a checkout, `deno task weft` stands for `weft`)";
    const how = `To bring another machine in, run this there${spelling}:`;
    terminal.out(`\n${how}\n\nweft --join ${overlay.joinToken()}\n\n`);
  }
  if (terminal.isInteractive) terminal.out("Ctrl-C stops it; `weft up` resumes it.\n");
}

/** An address that stands for all is no place to go to. */
function pageUrl({ statusAddress }: AgentOptions, port: number): string {
  const host = statusAddress.isUnspecified ? "localhost" : `${statusAddress}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}

async function within(work: Promise<void>, boundMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new CommandError(`The stop took longer than ${boundMs / 1000} s and was cut off`, {
          hint: "`weft cleanup` undoes what may be left.",
        }),
      );
    }, boundMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
