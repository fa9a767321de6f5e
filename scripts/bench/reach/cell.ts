/**
 * One cell of the matrix: two members in their places, which meet for the first time.
 * @module
 */

import {
  CapturedProcess,
  type DirectPath,
  directPath,
  Internet,
  measureThroughput,
  pause,
  type Place,
} from "../../../tests/lab/mod.ts";
import { type Contender, HOST_NAMES, type Member, type RunningMesh } from "./contenders.ts";
import type { Pair } from "./options.ts";
import { PathCounters, pathName, type SeenPath } from "./path_counters.ts";

/** What one contender did in a cell. Times are in milliseconds since both were members. */
export interface CellResult {
  /** From starting the members until both were in. */
  readonly upMs?: number;
  /** Until the first answer to an echo request. */
  readonly firstPacketMs?: number;
  /** Until packets passed by without the hub. */
  readonly directMs?: number;
  /** The path before there was much to carry, by what was counted on the wires. */
  readonly path?: string;
  /** The path of most of what was carried then. */
  readonly carriedBy?: string;
  /** The path by the contender's own word. */
  readonly says?: string;
  readonly bitsPerSecond?: number;
  /** Why nothing was measured. */
  readonly failure?: string;
}

/** A cell, and what each contender did in it. */
export interface Cell {
  readonly pair: Pair;
  /** What theory allows. */
  readonly theory: DirectPath;
  readonly results: Record<string, CellResult>;
}

const FIRST_BOUND_MS = 6_000;
const DIRECT_BOUND_MS = 6_000;
const SETTLE_MS = 600;
const LOOK_MS = 150;
const PING_INTERVAL_SECONDS = 0.05;
/** So that what a mesh says by itself is little beside it. */
const PING_BYTES = 900;
const LEAST_CARRIED_BYTES = 100_000;
const THROUGHPUT_SECONDS = 2;

/** Measures all contenders in a cell, each in an Internet of its own. */
export async function measureCell(pair: Pair, contenders: readonly Contender[]): Promise<Cell> {
  const results: Record<string, CellResult> = {};
  let theory: DirectPath = "none";
  for (const contender of contenders) {
    const internet = await Internet.of({
      [HOST_NAMES.hub]: "open",
      [HOST_NAMES.a]: pair[0],
      [HOST_NAMES.b]: pair[1],
    });
    try {
      theory = directPath(internet.host("a").reachability, internet.host("b").reachability);
      results[contender.name] = await measure(internet, contender, theory !== "none");
    } finally {
      await internet[Symbol.asyncDispose]();
    }
  }
  return { pair, theory, results };
}

async function measure(internet: Internet, contender: Contender, mayBeDirect: boolean): Promise<CellResult> {
  const counters = await PathCounters.start(internet.host(HOST_NAMES.a), internet.host(HOST_NAMES.hub));
  let mesh: RunningMesh;
  try {
    mesh = await contender.open(internet);
  } catch (error) {
    return { failure: firstLine(error) };
  }
  const { upMs } = mesh;
  const meeting = await meet(mesh, counters, mayBeDirect);
  if (meeting.firstPacketMs === undefined) return { upMs, ...meeting, ...await ownWord(mesh) };
  const throughput = await carry(mesh.a, mesh.b);
  const carrier = await counters.look(LEAST_CARRIED_BYTES);
  const carriedBy = carrier === undefined ? {} : { carriedBy: pathName(carrier) };
  return { upMs, ...meeting, ...await ownWord(mesh), ...throughput, ...carriedBy };
}

/** Sends echo requests from the first moment on. */
async function meet(
  { a, b }: RunningMesh,
  counters: PathCounters,
  mayBeDirect: boolean,
): Promise<Pick<CellResult, "firstPacketMs" | "directMs" | "path">> {
  const startedAt = performance.now();
  const passedMs = () => performance.now() - startedAt;
  const options = ["-n", "-i", `${PING_INTERVAL_SECONDS}`, "-s", `${PING_BYTES}`];
  await using ping = new CapturedProcess(a.host.namespace.command(["ping", ...options, b.address]));
  while (!ping.stdout.includes("bytes from")) {
    if (passedMs() > FIRST_BOUND_MS || ping.ended !== undefined) return {};
    await pause(5);
  }
  const firstPacketMs = passedMs();
  await counters.look(0);
  let last: SeenPath | undefined;
  const boundMs = mayBeDirect ? DIRECT_BOUND_MS : firstPacketMs + SETTLE_MS;
  do {
    await pause(LOOK_MS);
    last = await counters.look(2 * PING_BYTES) ?? last;
    if (last?.isDirect === true) return { firstPacketMs, directMs: passedMs(), path: pathName(last) };
  } while (passedMs() < boundMs);
  return { firstPacketMs, ...last === undefined ? {} : { path: pathName(last) } };
}

async function carry(from: Member, to: Member): Promise<Pick<CellResult, "bitsPerSecond">> {
  const bounded: Place = {
    label: from.host.name,
    command: (command) => from.host.namespace.command(["timeout", `${THROUGHPUT_SECONDS + 4}`, ...command]),
  };
  try {
    const target = { place: to.host.namespace, address: to.address };
    const { bitsPerSecond } = await measureThroughput(bounded, target, ["-t", `${THROUGHPUT_SECONDS}`]);
    return { bitsPerSecond };
  } catch {
    // It connected no more, or stood still.
    return {};
  }
}

async function ownWord(mesh: RunningMesh): Promise<Pick<CellResult, "says">> {
  const says = await mesh.says().catch(() => undefined);
  return says === undefined ? {} : { says };
}

/** @returns what an error says, in one line */
export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : `${error}`).split("\n")[0] ?? "";
}
