/**
 * A weft agent as a child process: started, asked, killed and restarted like a user would.
 * @module
 */

import { fileURLToPath } from "node:url";
import type { StatusReport } from "../../../lib/api/mod.ts";
import { CapturedProcess, type Finished, run } from "../captured_process.ts";
import { runOptions } from "../../../lib/cli/own_command.ts";
import { type Place, thisMachine } from "../namespace.ts";
import { freePort } from "../programs.ts";

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));

/** Deno's start, reading the state and joining, on a machine that is busy with other tests. */
const START_BOUND_MS = 20_000;

/**
 * @returns the command line that runs weft with `args`: the compiled program that `WEFT_BINARY` names, the bundle that
 * `deno task test` makes of the sources once for all tests, or the sources themselves where a test is run without it
 */
export function weftCommand(...args: readonly string[]): readonly string[] {
  const binary = Deno.env.get("WEFT_BINARY");
  if (binary !== undefined) return [binary, ...args];
  const bundle = Deno.env.get("WEFT_TEST_PROGRAM");
  if (bundle === undefined) return sourceCommand(...args);
  return [Deno.execPath(), "run", ...runOptions(args[0]), "--no-config", bundle, ...args];
}

/** @returns the command line that runs weft from source with `args`, for what looks at the checkout */
export function sourceCommand(...args: readonly string[]): readonly string[] {
  const config = ["--config", `${projectRoot}deno.json`];
  return [Deno.execPath(), "run", ...runOptions(args[0]), ...config, `${projectRoot}main.ts`, ...args];
}

/** @returns options of a node on this machine's loopback: without an interface and a page, at a free port */
export function loopbackArgs(): readonly string[] {
  const port = `${freePort()}`;
  return ["--rootless", "--port", port, "--endpoint", `127.0.0.1:${port}`, "--status-port", "off"];
}

/** How a node is set up; it stays the same over all its restarts. */
export interface WeftNodeOptions {
  /** Unique in the test; the node's name in the network too. */
  readonly name: string;
  /** The state directory; it need not exist. */
  readonly stateDir: string;
  /** Further options of every start, for example `--rootless`. */
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** A program in place of the sources, such as a compiled one. */
  readonly program?: string;
}

/** One weft agent at one place. Disposing it ends it. */
export class WeftNode implements AsyncDisposable {
  readonly name: string;
  readonly stateDir: string;
  readonly #place: Place;
  readonly #args: readonly string[];
  readonly #env: Record<string, string>;
  readonly #program: string | undefined;
  #process: CapturedProcess | undefined;

  constructor(place: Place, options: WeftNodeOptions) {
    this.#place = place;
    this.name = options.name;
    this.stateDir = options.stateDir;
    this.#args = options.args ?? [];
    this.#program = options.program;
    // Nothing is called out into the networks that this machine is in.
    const quiet = place === thisMachine ? { WEFT_DISCOVERY: "no", WEFT_PORT_MAPPING: "off" } : {};
    this.#env = { NO_COLOR: "1", ...quiet, ...options.env };
  }

  /** The running or last process. @throws Error before the first start */
  get process(): CapturedProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  /** Starts the agent without waiting, for example `launch("--join", token)`. */
  launch(...command: readonly string[]): CapturedProcess {
    const args = command[0] === "up" ? command : [...command, "--name", this.name];
    const line = this.#place.command(this.#command(...args, "--state", this.stateDir, ...this.#args));
    return this.#process = new CapturedProcess(line, { label: `weft ${this.name}`, env: this.#env });
  }

  /** Starts the agent and waits until it runs. @returns its first status */
  async start(...command: readonly string[]): Promise<StatusReport> {
    this.launch(...command);
    return await this.untilStatus((status) => status.node.addresses.length > 0, START_BOUND_MS, "it runs");
  }

  /** Starts a network and waits until it runs. @returns the token of the join command that it printed */
  async startLeader(...options: readonly string[]): Promise<string> {
    await this.start("--leader", ...options);
    return await this.process.until(
      (process) => joinToken(process.stdout),
      5_000,
      "it prints a join command",
    );
  }

  /** Asks the agent over its control socket. @throws Error when it does not answer */
  async status(): Promise<StatusReport> {
    return JSON.parse(await this.get("/status"));
  }

  /** `GET path` over the control socket. @throws Error when there is no answer of 2xx */
  async get(path: string): Promise<string> {
    return await this.#fetch("GET", path);
  }

  /** `POST path` over the control socket. @param request as JSON @throws Error when there is no answer of 2xx */
  async post(path: string, request: unknown): Promise<string> {
    return await this.#fetch("POST", path, JSON.stringify(request));
  }

  /** `DELETE path` over the control socket. @throws Error when there is no answer of 2xx */
  async delete(path: string): Promise<string> {
    return await this.#fetch("DELETE", path, "{}");
  }

  /** Waits for a status that satisfies `condition`. @throws Error with the end of the log when it never comes */
  untilStatus(
    condition: (status: StatusReport) => boolean,
    boundMs: number,
    what: string,
  ): Promise<StatusReport> {
    return this.process.until(
      async () => {
        const status = await this.status();
        return status.state === "running" && condition(status) ? status : undefined;
      },
      boundMs,
      what,
    );
  }

  /** Runs a command against the running agent, for example `command("peers", "--json")`. */
  command(...command: readonly string[]): Promise<Finished> {
    const line = this.#place.command(this.#command(...command, "--state", this.stateDir));
    return run(line, { env: this.#env, label: `weft ${command.join(" ")}` });
  }

  /** Runs a command that must succeed. @returns its standard output @throws Error when it fails */
  async expectCommand(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(...command);
    if (code !== 0) {
      throw new Error(`weft ${command.join(" ")} on ${this.name} ended with ${code}: ${stderr}`);
    }
    return stdout;
  }

  /** Ends the agent like a power cut. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** Ends the agent like Ctrl-C. @throws Error when it takes longer than `boundMs` milliseconds */
  stop(boundMs = 10_000): Promise<Finished> {
    return this.process.stop("SIGINT", boundMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  #command(...args: readonly string[]): readonly string[] {
    return this.#program === undefined ? weftCommand(...args) : [this.#program, ...args];
  }

  async #fetch(method: string, path: string, body?: string): Promise<string> {
    // The property `transport` chooses the kind of proxy; a request through it goes to that socket.
    using client = Deno.createHttpClient({
      proxy: { transport: "unix", path: `${this.stateDir}/control.sock` },
    });
    const response = await fetch(`http://localhost${path}`, {
      client,
      method,
      signal: AbortSignal.timeout(5_000),
      ...body === undefined ? {} : { body, headers: { "content-type": "application/json" } },
    });
    const answer = await response.text();
    if (!response.ok) {
      throw new Error(`${this.name} answers ${response.status} to ${method} ${path}: ${answer}`);
    }
    return answer;
  }
}

/** @returns the token of the one line that is a join command and nothing else, or undefined */
export function joinToken(output: string): string | undefined {
  return /^weft --join (weft1-[A-Za-z0-9_-]+)$/m.exec(output)?.[1];
}

/** @returns the resident memory of a process in bytes @throws Error when it is gone */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${pid} has no memory`);
  return Number(kilobytes) * 1024;
}
