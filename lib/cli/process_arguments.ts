/**
 * Join tokens among the arguments of this process, where every user of the machine can read them for as long as it runs
 * (`ps`, /proc/PID/cmdline of proc(5)). They are overwritten before anything else is done.
 * @module
 */

/** What a token looks like, wherever it stands. */
const TOKEN = /weft1-[A-Za-z0-9_-]+/g;
/** Of /proc/PID/stat, counted behind the name of the program, which may have blanks: `arg_start` is field 48, `ppid` 4. */
const ARG_START = 48 - 3;
const PARENT = 4 - 3;
/** Whoever has started this process, and the shells and tools before that. */
const MAX_ANCESTORS = 8;

/** Who still shows a token in its arguments. */
export interface ShownToken {
  /** The process. */
  readonly pid: number;
  /** The program that it runs. */
  readonly program: string;
}

/** Whether there is a token among arguments. */
export function hasToken(args: readonly string[]): boolean {
  return args.some((word) => word.search(TOKEN) >= 0);
}

/**
 * Overwrites all tokens in the memory that the system shows as the arguments of this process, and looks whether they are
 * gone; `Deno.args` stays as it is.
 * @returns the processes that show one all the same: this one where the system does not let it be changed, and those that
 * have started it with the token in their own arguments
 */
export function hideTokens(args: readonly string[]): readonly ShownToken[] {
  if (!hasToken(args)) return [];
  try {
    overwrite();
  } catch {
    // What is still shown is found below.
  }
  return showing(new Set(args.flatMap((word) => word.match(TOKEN) ?? [])));
}

/** @throws the system's error where there is no such memory, or it may not be written */
function overwrite(): void {
  const shown = Deno.readFileSync("/proc/self/cmdline");
  const fields = statOf("self");
  const start = Number(fields[ARG_START]);
  if (!(start > 0) || Number(fields[ARG_START + 1]) - start !== shown.length) return;
  // One character a byte, so that places in the text are places in memory.
  for (const { index, 0: token } of new TextDecoder("latin1").decode(shown).matchAll(TOKEN)) {
    const dash = new Uint8Array(token.length);
    dash[0] = 0x2d;
    try {
      writeByFile(start + index, dash);
    } catch {
      writeByPointer(start + index, dash);
    }
  }
}

/** The way that needs nothing but files. @throws the system's error */
function writeByFile(address: number, bytes: Uint8Array): void {
  using memory = Deno.openSync("/proc/self/mem", { write: true });
  memory.seekSync(address, Deno.SeekMode.Start);
  memory.writeSync(bytes);
}

/** A program whose file has capabilities may not open its own memory (ptrace(2), "dumpable"), and writes to it directly. */
function writeByPointer(address: number, bytes: Uint8Array): void {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  if (pointer === null) return;
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes.length)).set(bytes);
}

function showing(tokens: ReadonlySet<string>): readonly ShownToken[] {
  const found: ShownToken[] = [];
  let pid = Deno.pid;
  for (let depth = 0; depth < MAX_ANCESTORS && pid > 1; depth++) {
    try {
      const words = new TextDecoder().decode(Deno.readFileSync(`/proc/${pid}/cmdline`)).split("\0");
      const isShown = words.some((word) => word.match(TOKEN)?.some((token) => tokens.has(token)));
      // Some write other things over their first argument.
      if (isShown) found.push({ pid, program: Deno.readTextFileSync(`/proc/${pid}/comm`).trim() });
      pid = Number(statOf(pid)[PARENT]);
    } catch {
      // Another one may be gone meanwhile, or be hidden from this user; where this one can't be looked at, it was not changed.
      if (pid === Deno.pid) found.push({ pid, program: "weft" });
      break;
    }
  }
  return found;
}

/** @returns the fields of proc(5) from the third on, the state */
function statOf(pid: number | "self"): readonly string[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
