/**
 * The systems that keep collections and queues, as the benchmark uses them.
 * @module
 */

/** What is written and pushed: some 100 bytes of JSON. */
export interface BenchValue {
  readonly id: string;
  readonly count: number;
  readonly text: string;
}

/** Collections and queues of one system, open. Each operation is durable when it settles. */
export interface DataBench {
  /** The process that keeps them; undefined where that is the benchmark's own. */
  readonly pid?: number | undefined;
  put(value: BenchValue): Promise<unknown>;
  /** Reads what was put under a key, from where it is kept. */
  get(id: string): Promise<unknown>;
  /** Reads two values and writes both, all or nothing, without losing to others; undefined of what can't. */
  readonly transfer?: ((from: string, to: string) => Promise<unknown>) | undefined;
  /** In how many shards it keeps values, and which has a key; undefined where there are none. */
  readonly shards?: { readonly count: number; of(id: string): number } | undefined;
  /** Tells of each change until it is disposed of; undefined of what can't. */
  readonly watch?: ((handle: (value: BenchValue) => void) => Promise<AsyncDisposable>) | undefined;
  /** Undefined of what has none. */
  readonly queue?: BenchQueue | undefined;
}

/** A queue that nobody else uses. */
export interface BenchQueue {
  /** Pushes a message. */
  push(value: BenchValue): Promise<unknown>;
  /** Has so many messages handled at the same time, each acknowledged when `handle` returns, in place of who did before. */
  work(concurrency: number, handle: (value: BenchValue) => void): Promise<AsyncDisposable>;
}

/** A system under measurement. */
export interface Contender {
  readonly name: string;
  /** Brings it up, which `stack` takes down. @param folder an empty one, on the disk that is measured */
  open(stack: AsyncDisposableStack, folder: string): Promise<DataBench>;
}
