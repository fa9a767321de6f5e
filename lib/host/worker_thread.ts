/**
 * A thread of its own for a loop of system calls: starting it, hearing from it, and its side of both.
 * @module
 */

import { HostError } from "./host_error.ts";

/** Loading a worker's modules takes a fraction of it, on a busy machine too. */
const START_BOUND_MS = 30_000;
/** A worker that was made to return does so at once. */
const RETURN_BOUND_MS = 5_000;

/**
 * Whether a worker uses what it was handed: descriptors and the memory that they fill. It says so itself, in shared
 * memory, before it begins and after its last use; whoever gives it up in between has to wait, because the kernel gives
 * the number of a closed descriptor away at once, and the worker would read and write somebody else's.
 */
const USE = { none: 0, using: 1, givenUp: 2, done: 3 } as const;

/** What is sent to a worker. */
interface Order {
  readonly setup: unknown;
  /** One 32-bit number, one of `USE`. */
  readonly use: SharedArrayBuffer;
}

/** Whatever a worker reports, it may report this: it has died. */
export interface WorkerFailure {
  readonly kind: "failed";
  readonly message: string;
}

/** A worker that loads its modules while others work, and then waits for its setup. */
export class PreparedWorker implements Disposable {
  #worker: Worker | undefined;
  #failure: string | undefined;

  /** @param name the thread's */
  constructor(url: URL, name: string) {
    this.#worker = new Worker(url, { type: "module", name });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = event.message;
    };
  }

  /** @returns the worker, whose owner the caller is from now on @throws HostError when it has failed, or was taken */
  take(): Worker {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker !== undefined && this.#failure === undefined) return worker;
    worker?.terminate();
    throw new HostError(`Cannot start a thread: ${this.#failure ?? "it was taken"}`);
  }

  /** Ends it, unless it was taken. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** A worker that is to be started. */
export interface WorkerStart {
  readonly url: URL;
  /** The thread's name, as `ps -T` shows it. */
  readonly name: string;
  /** The same worker, if that was begun before. */
  readonly prepared?: PreparedWorker | undefined;
  /** For the message of an error, as in `the fast packet plane`. */
  readonly what: string;
  /** What it begins with; it is copied, shared memory excepted. */
  readonly setup: unknown;
  /** Makes it return from a system call that it is blocked in; called when the start has failed. */
  readonly release: () => void;
  /** How long it may take to be ready; 30 s unless told. */
  readonly boundMs?: number;
}

/** A worker that is ready. */
export interface StartedWorker<Report extends { readonly kind: string }> {
  /** What it has reported first. */
  readonly ready: Extract<Report, { readonly kind: "ready" }>;
  /** Hands every later report to `listener`, those that came since then among them. */
  follow(listener: (report: Report | WorkerFailure) => void): void;
}

/**
 * Starts a worker and waits until it reports `ready`.
 * @throws HostError when it fails before that, or says nothing in time; it is ended then, and uses nothing of its setup
 */
export async function startWorker<Report extends { readonly kind: string }>(
  { url, name, prepared, what, setup, release, boundMs = START_BOUND_MS }: WorkerStart,
): Promise<StartedWorker<Report>> {
  const worker = (prepared ?? new PreparedWorker(url, name)).take();
  const { promise, resolve, reject } = Promise.withResolvers<StartedWorker<Report>["ready"]>();
  const fail = (why: string): void => reject(new HostError(`Cannot start ${what}: ${why}`));
  /** What was reported since the thread is ready, and before anybody listens. */
  const early: (Report | WorkerFailure)[] = [];
  let handle = (report: Report | WorkerFailure): void => {
    if (report.kind === "ready") return resolve(report as StartedWorker<Report>["ready"]);
    if (report.kind === "failed") fail((report as WorkerFailure).message);
    early.push(report);
  };
  const follow = (listener: (report: Report | WorkerFailure) => void): void => {
    handle = listener;
    for (const report of early.splice(0)) listener(report);
  };
  worker.onmessage = ({ data }: MessageEvent<Report | WorkerFailure>) => handle(data);
  worker.onerror = (event) => {
    event.preventDefault();
    handle({ kind: "failed", message: event.message });
  };
  const timer = setTimeout(() => fail(`its thread is not ready after ${boundMs} ms`), boundMs);
  const use = new Int32Array(new SharedArrayBuffer(4));
  worker.postMessage({ setup, use: use.buffer } satisfies Order);
  try {
    return { ready: await promise, follow };
  } catch (error) {
    // A thread that is blocked has to be woken before it can end.
    release();
    // Ended in the middle, it would not say that it is done.
    if (Atomics.compareExchange(use, 0, USE.none, USE.givenUp) === USE.using) await untilDone(use);
    worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function untilDone(use: Int32Array<SharedArrayBuffer>): Promise<void> {
  const { async: isAsync, value } = Atomics.waitAsync(use, 0, USE.using, RETURN_BOUND_MS);
  if (isAsync) await value;
}

/**
 * The worker's side: runs `run` with the setup that the other thread sends, reports how that ended, and ends the thread.
 * @param run blocks; `report` tells the other thread of what happens meanwhile
 */
export function serveAsWorker<Setup, Report>(
  run: (setup: Setup, report: (report: Report) => void) => Report,
): void {
  const scope = globalThis as unknown as {
    onmessage: ((message: { readonly data: Order }) => void) | null;
    postMessage(report: Report | WorkerFailure): void;
    close(): void;
  };
  scope.onmessage = ({ data }) => {
    const use = new Int32Array(data.use);
    if (Atomics.compareExchange(use, 0, USE.none, USE.using) !== USE.none) return scope.close();
    let last: Report | WorkerFailure;
    try {
      last = run(data.setup as Setup, (report) => scope.postMessage(report));
    } catch (error) {
      const message = error instanceof Error ? error.stack ?? error.message : `${error}`;
      last = { kind: "failed", message };
    }
    Atomics.store(use, 0, USE.done);
    Atomics.notify(use, 0);
    scope.postMessage(last);
    scope.close();
  };
}
