/**
 * Running an agent in the foreground: from the first line of the start to the last of the stop.
 * @module
 */

import { type Logger, logOf, WeftError, withTimeout } from "../base/mod.ts";
import { type AgentOptions, DEFAULT_LOG_LEVEL, type SaidSettings } from "../config/mod.ts";
import { systemTimers } from "../host/mod.ts";
import { Cidr, isPrivateBlock } from "../net/mod.ts";
import { controlSocketPath } from "./control_client.ts";
import { CommandError, UsageError } from "./failure.ts";
import type { AgentLog } from "./log.ts";
import type { AgentProcess } from "../agent/mod.ts";
import type { AgentParts, CliPorts, Overlay } from "./ports.ts";
import { readStatusToken, refuseWithoutOverlay, statusPageText, StatusSiteHolder } from "./status_page.ts";
import type { ServiceManager } from "./systemd/mod.ts";
import { paint, steady, type Terminal } from "./terminal.ts";

/** How long a stop may take, in milliseconds, before the process ends anyway: 5 s for calls that are under way, and the rest. */
const STOP_BOUND_MS = 13_000;

const HOUR_MS = 3_600_000;

/** As a shell reports a process that ended by Ctrl-C. */
const INTERRUPTED = 130;

/** As what an agent starts. */
export type StartRole =
  | { readonly kind: "leader" }
  | { readonly kind: "join"; readonly token: string }
  | { readonly kind: "up" };

/** What an agent is run as and with; its log is released once it runs. */
export interface RunAgentOptions {
  readonly role: StartRole;
  readonly said: SaidSettings;
  readonly log:
    & Logger
    & Pick<AgentLog, "release" | "setLevel" | "setLevels" | "setFormat" | "levels" | "recent">;
}

/** An agent that runs. */
interface StartedAgent {
  readonly overlay: Overlay;
  readonly site: StatusSiteHolder;
}

/** The same, and what the agent may ask of its process. */
type StartedBy = RunAgentOptions & { readonly process: AgentProcess };

/**
 * Starts an agent and stays until it is told to stop.
 * @returns 0 when it was told to and did, 130 when that was before it ran
 * @throws WeftError when it cannot start, or ended by itself
 */
export async function runAgent(ports: CliPorts, run: RunAgentOptions): Promise<number> {
  // Everything that was done is on it, so that a failure half-way takes it back.
  const stack = new AsyncDisposableStack();
  const stopping = Promise.withResolvers<"stop">();
  let asked = 0;
  const forget = ports.process.onStopSignal(() => {
    if (asked++ > 0) ports.process.exit(INTERRUPTED);
    stopping.resolve("stop");
  });
  // Nobody knows what state the agent is in then: it ends, as it would by itself, but leaves the host as it was.
  const failures: unknown[] = [];
  const release = ports.process.onUncaught((error) => {
    failures.push(error);
    stopping.reject(error);
  });
  stopping.promise.catch(() => {});
  const { unit, pid } = ports.process;
  const process: AgentProcess = {
    stop() {
      stopping.resolve("stop");
      return { pid, ...unit && { unit } };
    },
    logs: (request) => ({ lines: run.log.recent.last(request), ...unit && { unit } }),
    logLevels: () => run.log.levels,
    changeLogLevel(change) {
      run.log.setLevel(change);
      return run.log.levels;
    },
  };
  try {
    const code = await runUntilStopped(ports, { ...run, process }, stack, stopping.promise);
    // While it stopped already.
    if (failures.length > 0) throw failures[0];
    return code;
  } catch (error) {
    // The first failure is the one to tell.
    await takeBack(stack).catch(() => {});
    throw ports.process.manager === undefined ? error : await toldFailure(ports.process.manager, error);
  } finally {
    forget();
    release();
  }
}

async function runUntilStopped(
  ports: CliPorts,
  run: StartedBy,
  stack: AsyncDisposableStack,
  stopping: Promise<"stop">,
): Promise<number> {
  // From now on, so that none ends an agent that starts.
  const running: { overlay?: Overlay } = {};
  stack.defer(ports.process.onReloadSignal(() => {
    if (running.overlay !== undefined) void reload(running.overlay, run.log);
  }));
  const starting = startAgent(ports, run, stack);
  // What comes of it is told by the race, or by nobody any more.
  starting.catch(() => {});
  const started = await Promise.race([starting, stopping]);
  if (started === "stop") {
    // What was done so far is taken back; what the start still does ends with the process.
    await takeBack(stack);
    return INTERRUPTED;
  }
  const { overlay, site } = started;
  run.log.release();
  ports.process.onStarted();
  const terminal = steady(ports.terminal);
  announce(run, overlay, site.port, terminal);
  running.overlay = overlay;
  const { manager } = ports.process;
  const standing = () => standingText(overlay);
  void manager?.tell(`READY=1\nSTATUS=${standing()}`);
  if (manager !== undefined) stack.defer(manager.watch(standing));
  if (run.role.kind === "leader") {
    // A token that is made before names no endpoint that leads through a router's NAT.
    const ended = await Promise.race([overlay.untilMapped(), stopping, overlay.closed]);
    if (ended === "mapped") invite(overlay, terminal);
  }
  if (terminal.isInteractive) terminal.out("Ctrl-C stops it; `weft up` resumes it.\n");

  const how = await Promise.race([stopping, overlay.closed.then(() => "ended" as const)]);
  if (how === "ended" && overlay.hasLeft) {
    terminal.out(`${overlay.name} has left the network\n`);
    await takeBack(stack);
    return 0;
  }
  if (how === "ended") {
    throw new CommandError(`The agent ${overlay.name} ended by itself`, {
      hint: "Its log says why; `weft up` resumes it.",
    });
  }
  void manager?.tell("STOPPING=1\nSTATUS=stopping");
  if (ports.terminal.isInteractive) ports.terminal.err("Stopping; Ctrl-C again ends it at once.\n");
  await takeBack(stack);
  return 0;
}

async function startAgent(
  ports: CliPorts,
  run: StartedBy,
  stack: AsyncDisposableStack,
): Promise<StartedAgent> {
  const parts = await ports.loadAgent();
  const site = new StatusSiteHolder(parts, logOf(run.log, "http"));
  const overlay = await makeOverlay(ports, parts, { ...run, site });
  // Nobody waits for it yet, and a failure of the start is told by the start.
  overlay.closed.catch(() => {});
  if (stack.disposed) return await interrupted(overlay.stop());
  stack.defer(() => overlay.stop());
  try {
    return await startOverlay(parts, site, overlay, stack);
  } catch (cause) {
    const hasJoined = run.role.kind === "join" && !overlay.isResumed;
    throw hasJoined && cause instanceof WeftError ? new JoinedError(overlay.name, cause) : cause;
  }
}

async function startOverlay(
  parts: AgentParts,
  site: StatusSiteHolder,
  overlay: Overlay,
  stack: AsyncDisposableStack,
): Promise<StartedAgent> {
  const { control, options } = overlay;
  // Before anything of the host is changed: a port that is taken should have no consequences.
  await site.open(overlay);
  if (stack.disposed) return await interrupted(site.close());
  stack.defer(() => site.close());
  await overlay.start();
  await site.openOverlay();
  await overlay.services.openPrograms(parts.programSocketPath(options.stateDir));
  const socket = await parts.serveControl({ control, path: controlSocketPath(options.stateDir) });
  if (stack.disposed) return await interrupted(socket.close());
  // Closed first: removing the socket needs the state directory to be still this agent's.
  stack.defer(socket.close);
  return { overlay, site };
}

/** SIGHUP has nobody to answer to: what came of it is in the log. */
async function reload({ control }: Overlay, log: Logger): Promise<void> {
  try {
    const { changed, failed, pending } = await control.reload();
    const names = (settings: readonly { readonly name: string }[]) =>
      settings.map(({ name }) => name).join(", ") || "nothing";
    log.info("the settings were read again", {
      changed: names(changed),
      ...pending.length > 0 && { needsRestart: names(pending) },
    });
    for (const { names: which, problem } of failed) {
      log.warn("cannot follow settings, which stay as they were", { names: which.join(", "), problem });
    }
  } catch (error) {
    log.error("cannot read the settings again, and goes on as before", { error });
  }
}

/** What failed has failed after the leader had let this machine in. */
class JoinedError extends CommandError {
  constructor(name: string, cause: WeftError) {
    super(`This machine has joined as ${name}, but does not run: ${cause.message}`, {
      hint: `${
        cause.hint ?? "`weft doctor` checks what weft needs of this host."
      } Then \`weft up\` resumes it.`,
      cause,
    });
  }
}

/** The stop came while something was being made; it is unmade here, because the stack is gone. */
async function interrupted(undone: Promise<void>): Promise<never> {
  await undone;
  throw new CommandError("The start was interrupted");
}

/** The factory resumes what the same command line has made; what it cannot resume is named here, by its directory. */
async function makeOverlay(
  ports: CliPorts,
  parts: AgentParts,
  { role, said, log, process, site }: StartedBy & { readonly site: StatusSiteHolder },
): Promise<Overlay> {
  const { overlays } = parts;
  const { stateDir } = said;
  const onPending = ({ name, id }: { readonly name: string; readonly id: string }) =>
    ports.terminal.err(`Waiting: \`weft peer approve ${name}\` on the leader lets it in (id ${id})\n`);
  // A port that is taken should have no consequences, here or at a leader.
  let given: string | undefined;
  const onOptions = async (options: AgentOptions) => {
    log.setLevels({ level: options.logLevel, categories: options.logCategories });
    log.setFormat(options.logFormat);
    const isAsked = options.logLevel !== DEFAULT_LOG_LEVEL || Object.keys(options.logCategories).length > 0;
    if (isAsked) log.release();
    const { statusAddress: addresses, statusPort: port } = options;
    if (port !== "off") {
      refuseWithoutOverlay(options);
      given = await readStatusToken(options, ports);
    }
    const socketPaths = [parts.programSocketPath(stateDir), controlSocketPath(stateDir)];
    parts.checkServing({ addresses, port, socketPaths });
  };
  const followers = [
    {
      names: ["logLevel", "logCategories", "logFormat"] as const,
      apply: ({ logLevel, logCategories, logFormat }: AgentOptions) => {
        log.setLevels({ level: logLevel, categories: logCategories });
        log.setFormat(logFormat);
      },
    },
    site.follower,
    {
      names: ["statusTokenFile"] as const,
      isAlways: true,
      apply: async (options: AgentOptions) => site.useToken(await readStatusToken(options, ports)),
    },
  ];
  const overlayPorts = { logger: log, onPending, onOptions, process, followers };
  try {
    const overlay = role.kind === "up"
      ? await overlays.load(said, overlayPorts)
      : role.kind === "leader"
      ? await overlays.initLeader(said, overlayPorts)
      : await overlays.join(role.token, said, overlayPorts);
    site.node = overlay;
    if (given !== undefined) site.useToken(given);
    return overlay;
  } catch (cause) {
    const code = cause instanceof WeftError ? cause.code : undefined;
    if (code === "NotInitialized") {
      throw new CommandError(`Cannot resume: there is no node in the state directory ${stateDir}`, {
        hint:
          "`weft --leader` starts a network and `weft --join TOKEN` joins one; or name another with --state.",
        cause,
      });
    }
    if (code !== "AlreadyInitialized") throw cause;
    const what = role.kind === "leader" ? "lead a network" : "join that network";
    throw new CommandError(`Cannot ${what} with the state ${stateDir}: it is of another node`, {
      hint: "`weft up` resumes that one; for a new one choose another directory with --state.",
      cause,
    });
  }
}

function announce(
  { role, said }: RunAgentOptions,
  overlay: Overlay,
  port: number | undefined,
  terminal: Terminal,
): void {
  const { network, node, dataplane } = overlay.control.status();
  const on = dataplane.interfaceName === undefined ? "rootless" : `on ${dataplane.interfaceName}`;
  const name = paint(terminal, "strong", overlay.name);
  const address = paint(terminal, "strong", `${overlay.nodeIp()}`);
  terminal.out(`${name} is ${address} of ${network.cidr}, ${node.role}, ${on}\n`);
  const kept = Array.from(overlay.keptSettings, ([flag, value]) => `${flag} ${[value].flat().join(",")}`);
  if (kept.length > 0) terminal.out(`As at earlier starts: ${kept.join(", ")} (\`weft config show\`)\n`);
  for (const line of withoutEffect(role, said.own, overlay)) terminal.out(`${line}\n`);
  if (port !== undefined) terminal.out(statusPageText(overlay.options.statusAddress, overlay, port));
}

/** The join command stands on a line of its own, so that it can be pasted and read by programs. */
function invite(overlay: Overlay, terminal: Terminal): void {
  const spelling = Deno.build.standalone ? "" : " (in a checkout, `bin/weft` stands for `weft`)";
  const how = `To bring another machine in, run this there${spelling}:`;
  const { token, expiresAt } = overlay.startToken();
  terminal.out(`\n${how}\n\nweft --join ${token}\n\n`);
  const hours = Math.round((expiresAt - Date.now()) / HOUR_MS);
  terminal.out(
    `It is good for ${hours} h. \`weft --join -\` asks for the token, which then is in no history of a shell and no ` +
      "list of processes.\n\n",
  );
}

/** @returns what was asked for and is not so, or has a price */
function withoutEffect(
  role: StartRole,
  { name, address, labels, ephemeral }: AgentOptions,
  overlay: Overlay,
): readonly string[] {
  const { node, network } = overlay.control.status();
  const own = overlay.name;
  const block = Cidr.parse(network.cidr);
  const unsaid = Object.entries(labels).filter(([key, value]) => node.labels[key] !== value);
  const pairs = unsaid.map((pair) => pair.join("=")).join(" ");
  return [
    ...role.kind === "leader" && block !== undefined && !isPrivateBlock(block)
      ? [`${block} is not private: hosts of the Internet with those addresses can't be reached from members`]
      : [],
    ...role.kind === "join" && overlay.isResumed ? ["It is a member already: the token was not used"] : [],
    ...name !== undefined && name !== own
      ? [`It is called ${own}, not ${name}: \`weft peer rename ${own} NAME\` on a leader changes that`]
      : [],
    ...address !== undefined && !address.equals(overlay.nodeIp())
      ? [
        `It does not have the address ${address}: \`weft peer address ${own} ADDRESS\` on a leader changes that`,
      ]
      : [],
    ...ephemeral !== "off" && overlay.control.members({ node: own })[0]?.ephemeralMs === undefined
      ? ["It is not ephemeral, which is said when a node joins: it stays a member when it stops"]
      : [],
    ...unsaid.length > 0
      ? [
        `It calls itself ${pairs}, which authorises nothing: \`weft label ${own} ${pairs}\` on a leader does`,
      ]
      : [],
  ];
}

/** @returns how it stands, in a few words for who looks at its service */
function standingText(overlay: Overlay): string {
  const { network, node, peers } = overlay.control.status();
  const answering = peers.filter(({ healthy }) => healthy).length;
  return `${overlay.name} is ${overlay.nodeIp()} of ${network.cidr}, ${node.role}; ` +
    `${answering} of ${peers.length} peers answer`;
}

/** What another start of the same cannot mend; the unit does not start it again then. */
const LASTING: ReadonlySet<string | undefined> = new Set(["Removed", "NotInitialized", "AlreadyInitialized"]);

/** @returns the error to end with: a manager starts a node again unless the exit code is that of wrong use */
async function toldFailure(manager: ServiceManager, error: unknown): Promise<unknown> {
  const message = error instanceof Error ? error.message : String(error);
  await manager.tell(`STATUS=${message.replace(/\s+/g, " ")}`);
  if (!(error instanceof WeftError)) return error;
  const { code, cause, hint } = error;
  const isLasting = LASTING.has(code) || (cause instanceof WeftError && LASTING.has(cause.code));
  return isLasting ? new UsageError(message, { ...hint === undefined ? {} : { hint }, cause: error }) : error;
}

/** @throws CommandError when it takes too long */
async function takeBack(stack: AsyncDisposableStack): Promise<void> {
  const isDone = await withTimeout(systemTimers, STOP_BOUND_MS, stack.disposeAsync().then(() => true));
  if (isDone) return;
  throw new CommandError(`The stop took longer than ${STOP_BOUND_MS / 1000} s and was cut off`, {
    hint: "`weft cleanup` undoes what may be left.",
  });
}
