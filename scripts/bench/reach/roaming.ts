/**
 * A TCP flow through the mesh while one of its ends changes its network.
 * @module
 */

import { type AttachmentKind, CapturedProcess, Internet, labProgram, pause } from "../../../tests/lab/mod.ts";
import { firstLine } from "./cell.ts";
import { type Contender, HOST_NAMES, type Member } from "./contenders.ts";

/** Who moves where, and with whom it talks. */
export interface Journey {
  readonly from: AttachmentKind;
  readonly to: AttachmentKind;
  readonly partner: AttachmentKind;
}

/** A journey, and the longest time for which each contender's flow stood still, in milliseconds. */
export interface RoamingCell {
  readonly journey: Journey;
  /** Undefined when it did not go on within the bound. */
  readonly results: Record<string, { readonly sendingMs?: number; readonly receivingMs?: number }>;
}

/** What is tried: there, and back again. */
export const JOURNEYS: readonly Journey[] = [
  { from: "open", to: "endpoint-independent-nat", partner: "open" },
  { from: "endpoint-independent-nat", to: "endpoint-independent-nat", partner: "endpoint-independent-nat" },
  { from: "endpoint-independent-nat", to: "endpoint-dependent-nat", partner: "endpoint-dependent-nat" },
  { from: "endpoint-independent-nat", to: "udp-blocked", partner: "endpoint-independent-nat" },
  { from: "dual-stack-nat", to: "ipv6-only", partner: "open" },
];

const BOUND_MS = 8_000;
const PORT = 5300;

/** Measures all contenders on a journey, each in an Internet of its own. */
export async function measureJourney(
  journey: Journey,
  contenders: readonly Contender[],
  log: (text: string) => void,
): Promise<RoamingCell> {
  const results: RoamingCell["results"] = {};
  for (const contender of contenders) {
    const { from, partner } = journey;
    const internet = await Internet.of({ hub: "open", a: from, b: partner });
    try {
      results[contender.name] = await travel(internet, contender, journey);
    } catch (error) {
      log(`${contender.name}: ${firstLine(error)}`);
      results[contender.name] = {};
    } finally {
      await internet[Symbol.asyncDispose]();
    }
  }
  return { journey, results };
}

/** First the traveller only receives, on the way there; then it sends, on the way back. */
async function travel(
  internet: Internet,
  contender: Contender,
  journey: Journey,
): Promise<{ sendingMs?: number; receivingMs?: number }> {
  const { a, b } = await contender.open(internet);
  const home = internet.host(HOST_NAMES.a).network;
  const abroad = await internet.network(journey.to);
  const there = await gapWhile(b, a, () => a.host.moveTo(abroad));
  if (home === undefined) return {};
  const back = await gapWhile(a, b, () => a.host.moveTo(home));
  return {
    ...there === undefined ? {} : { receivingMs: there },
    ...back === undefined ? {} : { sendingMs: back },
  };
}

/** @returns how long the flow stood still, at most, in milliseconds; undefined when it did not go on */
async function gapWhile(
  sender: Member,
  receiver: Member,
  move: () => Promise<void>,
): Promise<number | undefined> {
  const run = ({ host }: Member, ...args: readonly string[]) =>
    new CapturedProcess(host.namespace.command(labProgram("steady_stream.ts", args)), { label: host.name });
  await using source = run(sender, "send", sender.address, `${PORT}`);
  await source.until(({ stdout }) => stdout.includes("ready"), 10_000, "it listens");
  await using sink = run(receiver, "receive", sender.address, `${PORT}`);
  const ticks = () => sink.stdout.split("tick").length - 1;
  try {
    await sink.until(() => ticks() >= 5, BOUND_MS, "the flow begins");
  } catch {
    // It may be broken since the last move.
    return undefined;
  }
  const before = sink.stdout.length;
  await move();
  // What was underway already when the move was over does not count.
  await pause(100);
  const seen = ticks();
  try {
    await sink.until(() => ticks() >= seen + 5, BOUND_MS, "the flow goes on");
  } catch {
    return undefined;
  }
  const gaps = [...sink.stdout.slice(before).matchAll(/^gap (\d+)$/gm)].map(([, ms]) => Number(ms));
  return Math.max(0, ...gaps);
}
