/**
 * A process of a contender, as the benchmark that started it has it in hand.
 * @module
 */

const END_BOUND_MS = 5_000;
/** Complaints beyond this many characters are forgotten from the front. */
const KEPT_CHARACTERS = 4_096;

/** A worker (`worker.mjs`): takes orders on its standard input and answers each with a line. */
export class WorkerProcess implements AsyncDisposable {
  readonly label: string;
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #complaints = "";

  constructor(label: string, command: readonly string[]) {
    this.label = label;
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#answers = lines(this.#child.stdout).getReader();
    void this.#listen();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it is ready. @returns what it has to tell */
  async ready(boundMs: number): Promise<Record<string, unknown>> {
    return await this.#answer(boundMs, "being ready");
  }

  /**
   * Has it do something.
   * @throws Error with the end of what it complained of when it fails, ends, or takes longer than `boundMs`
   */
  async ask<Answer>(order: Readonly<Record<string, unknown>>, boundMs: number): Promise<Answer> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    return await this.#answer(boundMs, String(order.op)) as Answer;
  }

  /** Ends it: it has time to say goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close().catch(() => {});
    const timer = setTimeout(() => this.#signal("SIGKILL"), END_BOUND_MS);
    await this.#child.status;
    clearTimeout(timer);
    await this.#answers.cancel();
  }

  async #answer(boundMs: number, what: string): Promise<Record<string, unknown>> {
    const timer = setTimeout(() => this.#signal("SIGKILL"), boundMs);
    const { done, value } = await this.#answers.read().finally(() => clearTimeout(timer));
    if (done) {
      throw new Error(
        `${this.label} ended during ${what}, or did not within ${boundMs} ms\n${this.#complaints}`,
      );
    }
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`${this.label} failed in ${what}: ${answer.error}`);
    return answer;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it is gone already
    }
  }

  async #listen(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#complaints = (this.#complaints + text).slice(-KEPT_CHARACTERS);
    }
  }
}

function lines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  const buffer = new LineBuffer();
  return bytes.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({
      transform(text, controller) {
        for (const line of buffer.push(text)) controller.enqueue(line);
      },
    }),
  );
}

/** Text that arrives in pieces, as lines: keeps what has no end yet. */
export class LineBuffer {
  #rest = "";

  /** @returns the lines that `text` has completed, without their ends */
  push(text: string): readonly string[] {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    return parts;
  }
}
