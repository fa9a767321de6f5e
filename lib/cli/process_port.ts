/**
 * The real process behind the command line.
 * @module
 */

import type { UnitReport } from "../api/mod.ts";
import type { KeyReader, ProcessPort } from "./ports.ts";
import { hideTokens } from "./process_arguments.ts";
import { readSecretLine } from "./secret_line.ts";
import { serviceManager } from "./systemd/mod.ts";
import { prepareSecretFile } from "./whole_file.ts";

/** A file that is named on a command line and larger than this was named by mistake. */
const MAX_TEXT_BYTES = 1 << 20;

/** The first packets, handshakes and requests still use much that is not needed later. */
const SETTLING_MS = 5_000;

/** A name server of the mesh that has not answered by then does not. */
const NAME_TIMEOUT_MS = 3_000;
/** Between two looks for a reader of the output. */
const READER_LOOK_MS = 250;
const STDOUT_FD = 1;

/** systemd.service(5), "ExecReload=": what daemons take it for. */
const RELOAD_SIGNAL: Deno.Signal = "SIGHUP";

const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** @returns this process */
export function systemProcess(): ProcessPort {
  const environment = Deno.env.toObject();
  const reloads = reloadSignal();
  return {
    environment,
    manager: serviceManager(environment),
    isRoot: Deno.uid() === 0,
    pid: Deno.pid,
    isJournal: isJournal(environment["JOURNAL_STREAM"], "/proc/self/fd/2"),
    get unit() {
      return ownUnit();
    },
    async readText(path) {
      using file = path === "-" ? undefined : await Deno.open(path);
      return await readBounded((file ?? Deno.stdin).readable);
    },
    openFile: async (path) => path === "-" ? Deno.stdin.readable : (await Deno.open(path)).readable,
    readSecret,
    readKeys,
    readBytes: (path) => Deno.readFile(path),
    get isTyped() {
      return Deno.stdin.isTerminal();
    },
    prepareSecretFile,
    async othersMay(path) {
      if (path === "-") return undefined;
      const { isFile, mode } = await Deno.stat(path);
      // Pipes and devices are of whoever made them; on Windows there is no mode.
      if (!isFile || mode === null) return undefined;
      return mode & 0o002 ? "write" : mode & 0o044 ? "read" : undefined;
    },
    async canResolve(ipAddr, name, type) {
      const signal = AbortSignal.timeout(NAME_TIMEOUT_MS);
      try {
        return (await Deno.resolveDns(name, type, { nameServer: { ipAddr }, signal })).length > 0;
      } catch {
        return false;
      }
    },
    hideTokens,
    onStopSignal(handler) {
      const listeners = STOP_SIGNALS.map((signal) => {
        const listener = () => {
          if (signal !== RELOAD_SIGNAL || !reloads.isAsked()) handler();
        };
        Deno.addSignalListener(signal, listener);
        return { signal, listener };
      });
      return () => {
        for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
      };
    },
    onReloadSignal: (handler) => reloads.subscribe(handler),
    onReaderGone,
    onUncaught(handler) {
      let isTold = false;
      const take = (event: Event, error: unknown): void => {
        event.preventDefault();
        if (!isTold) handler(error);
        isTold = true;
      };
      const takeRejection = (event: PromiseRejectionEvent) => take(event, event.reason);
      const takeError = (event: ErrorEvent) => take(event, event.error);
      addEventListener("unhandledrejection", takeRejection);
      addEventListener("error", takeError);
      return () => {
        removeEventListener("unhandledrejection", takeRejection);
        removeEventListener("error", takeError);
      };
    },
    onStarted() {
      Deno.unrefTimer(setTimeout(watchMemory, SETTLING_MS));
    },
    exit: (code) => Deno.exit(code),
  };
}

function readKeys(): KeyReader | undefined {
  if (!Deno.stdin.isTerminal()) return undefined;
  Deno.stdin.setRaw(true, { cbreak: true });
  const bytes = new Uint8Array(16);
  let reading: Promise<string | undefined> | undefined;
  return {
    // One that was not waited for is the next one's.
    next() {
      reading ??= Deno.stdin.read(bytes).then((count) => {
        reading = undefined;
        if (count === null) return new Promise<undefined>(() => {});
        return new TextDecoder().decode(bytes.subarray(0, count)).slice(0, 1);
      });
      return reading;
    },
    close: () => Deno.stdin.setRaw(false),
  };
}

/** Who takes SIGHUP for a request to read the settings again, and whether it is one. */
function reloadSignal(): {
  readonly isAsked: () => boolean;
  readonly subscribe: (handler: () => void) => () => void;
} {
  let handlers = 0;
  const hadTerminal = Deno.stdin.isTerminal();
  // Of a terminal that has hung up nothing can be asked any more.
  const isAsked = () => handlers > 0 && !(hadTerminal && !Deno.stdin.isTerminal());
  return {
    isAsked,
    subscribe(handler) {
      if (Deno.build.os === "windows") return () => {};
      const listener = () => {
        if (isAsked()) handler();
      };
      handlers++;
      Deno.addSignalListener(RELOAD_SIGNAL, listener);
      return () => {
        handlers--;
        Deno.removeSignalListener(RELOAD_SIGNAL, listener);
      };
    },
  };
}

/**
 * systemd.exec(5), `$JOURNAL_STREAM`: device and inode of the journal's end; who has led the output elsewhere since has
 * other ones there.
 */
export function isJournal(stream: string | undefined, path: string): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = Deno.statSync(path);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function onReaderGone(handler: () => void): () => void {
  const ended = new AbortController();
  void (async () => {
    const { openReaderCheck } = await import("../host/mod.ts");
    if (ended.signal.aborted) return;
    const check = openReaderCheck(STDOUT_FD);
    const timer = setInterval(() => {
      if (!check.isGone()) return;
      ended.abort();
      handler();
    }, READER_LOOK_MS);
    Deno.unrefTimer(timer);
    ended.signal.addEventListener("abort", () => {
      clearInterval(timer);
      check[Symbol.dispose]();
    });
  })().catch(() => {});
  return () => ended.abort();
}

/** systemd.exec(5), "Environment variables": what a shell of a unit starts inherits them, and has another number. */
function ownUnit(): UnitReport | undefined {
  if (Deno.env.get("INVOCATION_ID") === undefined) return undefined;
  if (![`${Deno.pid}`, undefined].includes(Deno.env.get("SYSTEMD_EXEC_PID"))) return undefined;
  try {
    return unitOf(Deno.readTextFileSync("/proc/self/cgroup"));
  } catch {
    return undefined;
  }
}

/** @param cgroup what /proc/self/cgroup says (cgroups(7)) @returns the service that it is of */
export function unitOf(cgroup: string): UnitReport | undefined {
  const [, above = "", name] =
    /^(?:0::|\d+:name=systemd:)(.*\/)([\w:.@\\-]+\.service)(?:\/.*)?$/m.exec(cgroup) ?? [];
  // A manager of units is none that has started this.
  return name === undefined || /^user@/.test(name)
    ? undefined
    : { name, isUser: /\/user@\d+\.service\//.test(above) };
}

async function readSecret(prompt: string): Promise<string> {
  if (!Deno.stdin.isTerminal()) return await readSecretLine(Deno.stdin, false);
  await Deno.stderr.write(new TextEncoder().encode(prompt));
  // The terminal shows nothing then, and leaves Ctrl-C to the reader, after whom it is as it was.
  Deno.stdin.setRaw(true);
  try {
    return await readSecretLine(Deno.stdin, true);
  } finally {
    Deno.stdin.setRaw(false);
    await Deno.stderr.write(Uint8Array.of(0x0a));
  }
}

async function readBounded(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_TEXT_BYTES) throw new RangeError(`it is larger than ${MAX_TEXT_BYTES} bytes`);
  }
  return text + decoder.decode();
}

/** Gives back what only the start needed, and from then on what is left after a flood. */
async function watchMemory(): Promise<void> {
  const { MEMORY_CHECK_MS, MEMORY_NOTE_MS, MemoryReclaimer, releaseFreeMemory, releaseProgramPages } =
    await import("../host/mod.ts");
  const { cpuUsage } = await import("node:process");
  releaseFreeMemory();
  releaseProgramPages();
  const reclaimer = new MemoryReclaimer({
    residentBytes: () => Deno.memoryUsage().rss,
    workedMs: () => {
      const { user, system } = cpuUsage();
      return (user + system) / 1_000;
    },
    release: releaseFreeMemory,
  }, performance.now());
  Deno.unrefTimer(setInterval(() => reclaimer.note(), MEMORY_NOTE_MS));
  Deno.unrefTimer(setInterval(() => reclaimer.check(performance.now()), MEMORY_CHECK_MS));
}
