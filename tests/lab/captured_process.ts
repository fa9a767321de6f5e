/**
 * A child process whose output is kept, so that a test can wait for a line and quote the log when it fails.
 * @module
 */

import assert from "node:assert/strict";
import { waitFor, within } from "./wait_for.ts";

/** Output beyond this many characters a stream is forgotten from the front. */
const KEPT_CHARACTERS = 1 << 20;

/** What runs to its end on its own has done so by then, in milliseconds, unless told. */
const RUN_BOUND_MS = 180_000;

/** How a child is started. */
export interface SpawnOptions {
  readonly env?: Record<string, string>;
  /** Working directory. */
  readonly cwd?: string;
  /** What it is called in messages; the command's first word unless told. */
  readonly label?: string;
}

/** How a child that ends on its own is started. */
export interface RunOptions extends SpawnOptions {
  /** Milliseconds after which it is killed, and what it printed quoted; three minutes unless told. */
  readonly boundMs?: number;
}

/** What a finished child left. */
export interface Finished {
  /** The exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How long it ran, in milliseconds. */
  readonly tookMs: number;
}

/** A running child. Disposing it ends it, at first politely, then for sure, and waits until it is gone. */
export class CapturedProcess implements AsyncDisposable {
  readonly label: string;
  readonly #child: Deno.ChildProcess;
  readonly #output = { stdout: "", stderr: "" };
  readonly #finished: Promise<Finished>;
  #ended: Finished | undefined;

  /** Starts `command` without a standard input. */
  constructor(command: readonly string[], options: SpawnOptions = {}) {
    const [program = "", ...args] = command;
    const startedAt = performance.now();
    this.label = options.label ?? program;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    }).spawn();
    const pumps = [this.#pump("stdout"), this.#pump("stderr")];
    this.#finished = this.#child.status.then(async (status) => {
      await Promise.all(pumps);
      const tookMs = performance.now() - startedAt;
      return this.#ended = { code: status.code, ...this.#output, tookMs };
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#output.stdout;
  }

  /** What it has complained of so far. */
  get stderr(): string {
    return this.#output.stderr;
  }

  /** How it ended; undefined while it runs. */
  get ended(): Finished | undefined {
    return this.#ended;
  }

  /** Settles when the process is gone and its output has been read to the end. */
  get finished(): Promise<Finished> {
    return this.#finished;
  }

  /**
   * Waits until `condition` holds while the process runs.
   * @throws Error with the end of the output when it ends first or `boundMs` milliseconds pass
   */
  async until<T>(
    condition: (process: this) => T | Promise<T>,
    boundMs: number,
    what: string,
  ): Promise<Exclude<T, undefined | null | false>> {
    type Held = Exclude<T, undefined | null | false>;
    const look = async (): Promise<{ held: Held } | "ended" | undefined> => {
      const result = await condition(this);
      if (result !== undefined && result !== null && result !== false) return { held: result as Held };
      return this.#ended === undefined ? undefined : "ended";
    };
    const guarded = async () => {
      try {
        return await look();
      } catch (error) {
        if (this.#ended !== undefined) return "ended";
        throw error;
      }
    };
    let outcome;
    try {
      outcome = await waitFor(guarded, boundMs, { what: `${this.label}: ${what}` });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.tail()}`, { cause: error });
    }
    if (outcome === "ended") {
      throw new Error(`${this.label} ended with code ${this.#ended?.code} before: ${what}\n${this.tail()}`);
    }
    return outcome.held;
  }

  /** Sends a signal; harmless when the process is gone. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it is gone already
    }
  }

  /** Ends it like a power cut, by its id. */
  async kill(): Promise<Finished> {
    this.signal("SIGKILL");
    return await this.#finished;
  }

  /**
   * Asks it to end with `signal`.
   * @throws Error with the end of its output when it is not gone within `boundMs` milliseconds; it is killed then
   */
  async stop(signal: Deno.Signal = "SIGTERM", boundMs = 10_000): Promise<Finished> {
    this.signal(signal);
    const finished = await within(this.#finished, boundMs);
    if (finished !== undefined) return finished;
    await this.kill();
    throw new Error(`${this.label} did not end within ${boundMs} ms of ${signal}\n${this.tail()}`);
  }

  /** @returns the last `lines` of both streams, each marked with where it came from */
  tail(lines = 15): string {
    const last = (text: string) => text.trimEnd().split("\n").slice(-lines);
    return [["out", this.stdout], ["err", this.stderr]]
      .flatMap(([stream = "", text = ""]) =>
        text === "" ? [] : last(text).map((line) => `  ${stream}| ${line}`)
      )
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGTERM");
    if (await within(this.#finished, 3_000) === undefined) await this.kill();
  }

  async #pump(stream: "stdout" | "stderr"): Promise<void> {
    for await (const text of this.#child[stream].pipeThrough(new TextDecoderStream())) {
      this.#output[stream] = (this.#output[stream] + text).slice(-KEPT_CHARACTERS);
    }
  }
}

/**
 * Runs `command` to its end.
 * @returns what it left, whatever its exit code
 * @throws Error with its output when it does not end within its bound; it is killed then
 */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await untilEnded(new CapturedProcess(command, options), command, options);
}

/**
 * Runs `command` to its end.
 * @returns its standard output
 * @throws Error with its output when its exit code is not 0, or it does not end within its bound
 */
export async function expectRun(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const process = new CapturedProcess(command, options);
  const { code, stdout } = await untilEnded(process, command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with code ${code}\n${process.tail()}`);
  return stdout;
}

async function untilEnded(
  process: CapturedProcess,
  command: readonly string[],
  { boundMs = RUN_BOUND_MS }: RunOptions,
): Promise<Finished> {
  const finished = await within(process.finished, boundMs);
  if (finished !== undefined) return finished;
  process.signal("SIGKILL");
  // What it started may hold its output open for as long as it likes.
  await within(process.finished, 1_000);
  throw new Error(`${command.join(" ")} did not end within ${boundMs} ms\n${process.tail()}`);
}

/**
 * Asserts that a program refused in the form that users are promised: one line that names what and which, one `hint:`
 * line, exit code 1 or 2.
 * @param expected.says what the line must contain
 */
export function assertRefusal(
  finished: Finished,
  expected: { readonly code: 1 | 2; readonly says: RegExp },
): void {
  const what = `code ${finished.code}, stderr:\n${finished.stderr}\nstdout:\n${finished.stdout}`;
  assert.equal(finished.code, expected.code, what);
  const lines = finished.stderr.split("\n").filter((line) => line.trim() !== "");
  assert.equal(lines.length, 2, `one line and its hint are expected; ${what}`);
  const [line = "", hint = ""] = lines;
  assert.match(line, expected.says, what);
  assert.match(hint, /^\s*hint: \S/, what);
  assert.doesNotMatch(line, /^\s*at |\.ts:\d|Uncaught|undefined/, what);
}
