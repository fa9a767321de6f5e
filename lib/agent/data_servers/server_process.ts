/**
 * A nats-server of this host, which is started again when it ends, and ends with this process.
 *
 * ```
 *   start ──▶ starting ──"Server is ready"──▶ running ──ends──▶ failed ──backoff──▶ starting
 *                └──────────────ends────────────────────────────▲
 *   stop ──▶ SIGTERM, and SIGKILL when that does not help
 * ```
 *
 * @module
 */

import { type Environment, sleep } from "../../base/mod.ts";
import type { ServerProgram } from "./server_program.ts";

/** How it is. */
export type ServerState = "starting" | "running" | "failed";

/** What is to be run. */
export interface ServerRun {
  readonly program: ServerProgram;
  /** The path of its configuration. */
  readonly configPath: string;
  /** What may not be told of what it says. */
  readonly secrets: readonly string[];
}

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** Who has run for so long begins with a short pause again. */
const STEADY_MS = 60_000;
const TERM_MS = 10_000;
/** A line is no longer, in characters. */
const MAX_LINE_LENGTH = 4_096;
const READY = "Server is ready";
/** Lines of the server that say why it ends. */
const REASON = /\[(?:FTL|ERR)\] (.*)$/;

/** Runs it until `stop`. */
export class ServerProcess {
  readonly #run: ServerRun;
  readonly #parts: Pick<Environment, "clock" | "timers" | "log">;
  readonly #ended: Promise<void>;
  #child: Deno.ChildProcess | undefined;
  #state: ServerState = "starting";
  #since: number;
  #starts = 0;
  #reason: string | undefined;
  readonly #stopped = new AbortController();

  constructor(run: ServerRun, parts: Pick<Environment, "clock" | "timers" | "log">) {
    this.#run = run;
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#ended = this.#keepRunning();
  }

  get state(): ServerState {
    return this.#state;
  }

  /** The program that runs, as it was when it was started. */
  get program(): ServerProgram {
    return this.#run.program;
  }

  /** How long it has been so, in milliseconds. */
  get sinceMs(): number {
    return this.#parts.clock.now() - this.#since;
  }

  /** How often it had to be started again. */
  get restarts(): number {
    return Math.max(0, this.#starts - 1);
  }

  /** Why it ended the last time; undefined while it runs. */
  get reason(): string | undefined {
    return this.#state === "running" ? undefined : this.#reason;
  }

  /** Ends it, and starts it no more. Harmless when repeated. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#signal("SIGTERM");
    const cancel = this.#parts.timers.setTimer(TERM_MS, () => this.#signal("SIGKILL"));
    await this.#ended;
    cancel();
  }

  async #keepRunning(): Promise<void> {
    const { clock, timers, log } = this.#parts;
    const { signal } = this.#stopped;
    let pauseMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const startedAt = clock.now();
      this.#enter("starting");
      this.#starts++;
      const how = await this.#runOnce();
      if (signal.aborted) return;
      this.#reason = how;
      this.#enter("failed");
      log.warn("the server of the collections has ended", { reason: how });
      pauseMs = clock.now() - startedAt > STEADY_MS
        ? FIRST_BACKOFF_MS
        : Math.min(pauseMs * 2, MAX_BACKOFF_MS);
      await sleep(timers, pauseMs, signal);
    }
  }

  /** @returns why it ended */
  async #runOnce(): Promise<string> {
    const { program: { path, launcher }, configPath } = this.#run;
    const isRoot = Deno.uid() === 0;
    const args = [
      ...["--pdeathsig", "TERM", "--no-new-privs"],
      // It opens no low ports and looks after its own files alone.
      ...isRoot ? ["--inh-caps", "-all", "--bounding-set", "-all"] : [],
      ...[path, "-c", configPath],
    ];
    let reason: string | undefined;
    try {
      const child = this.#child = new Deno.Command(launcher, {
        ...{ args, stdin: "null", stdout: "null", stderr: "piped" },
        // It knows what is in its configuration alone.
        clearEnv: true,
      }).spawn();
      for await (const line of linesOf(child.stderr)) {
        if (line.includes(READY)) {
          this.#enter("running");
          this.#parts.log.info("the server of the collections runs", { version: this.#run.program.version });
        }
        reason = REASON.exec(line)?.[1] ?? (reason === undefined && !line.startsWith("[") ? line : reason);
      }
      const { code, signal } = await child.status;
      const ended = signal === null ? `exit code ${code}` : signal;
      return this.#withoutSecrets(reason === undefined ? ended : `${ended}: ${reason}`);
    } catch (error) {
      return this.#withoutSecrets(error instanceof Error ? error.message : "it can't be started");
    } finally {
      this.#child = undefined;
    }
  }

  #withoutSecrets(text: string): string {
    const clean = this.#run.secrets.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
    return clean.slice(0, 256);
  }

  #enter(state: ServerState): void {
    this.#state = state;
    this.#since = this.#parts.clock.now();
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE_LENGTH);
    for (const line of lines) yield line.slice(0, MAX_LINE_LENGTH);
  }
  if (rest !== "") yield rest;
}
