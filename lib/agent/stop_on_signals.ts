/**
 * Ending a program with its node when the system asks for that, as a rolling deployment does.
 * @module
 */

/** What is stopped: a `Node`, an `OverlayBootstrap`, or several of them behind one `stop`. */
export interface Stoppable {
  /** Waits for what is under way, and closes everything. */
  stop(): Promise<void>;
}

/** How a program ends. */
export interface StopOnSignalsOptions {
  /** SIGINT and SIGTERM unless given; on Windows SIGINT and SIGBREAK. */
  readonly signals?: readonly Deno.Signal[];
  /** Ends the process unless given. @param code 0 when everything has stopped, 130 at the second signal */
  readonly exit?: (code: number) => void;
}

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];
/** What shells expect of a process that a signal has ended. */
const INTERRUPTED = 130;

/**
 * Stops a node at the first signal, which lets the calls under way end, and ends the process then; the second signal ends
 * it at once.
 *
 * @example
 * ```ts
 * import { Node, stopOnSignals } from "@weft/mesh";
 * const stateDir = await Deno.makeTempDir();
 * const node = await Node.lead({ name: "worker", stateDir });
 * using _signals = stopOnSignals(node);
 * await node.stop();
 * await Deno.remove(stateDir, { recursive: true });
 * ```
 * @returns what takes the handlers of signals away again
 */
export function stopOnSignals(
  node: Stoppable,
  { signals = SIGNALS, exit = (code) => Deno.exit(code) }: StopOnSignalsOptions = {},
): Disposable {
  let asked = 0;
  const handler = () => {
    if (asked++ > 0) return exit(INTERRUPTED);
    // What is reported so ends the process with 1, unless the program says otherwise.
    node.stop().then(() => exit(0), reportError);
  };
  for (const signal of signals) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, handler);
    },
  };
}
