/**
 * A TCP flow between two hosts that sends a little all the time, and how long it stands still while something happens.
 * @module
 */

import { CapturedProcess } from "../captured_process.ts";
import { labProgram } from "../programs.ts";
import { pause } from "../wait_for.ts";
import type { InternetHost } from "./internet_host.ts";

const PORT = 5300;

/** An end of a flow. */
export interface FlowEnd {
  readonly host: InternetHost;
  /** Where the other end finds it. */
  readonly address: string;
}

/**
 * @param receiver it dials, and says nothing itself
 * @param boundMs how long the flow may stand still
 * @returns the longest time for which nothing arrived, in milliseconds; undefined when it did not go on within the bound
 */
export async function longestGap(
  sender: FlowEnd,
  receiver: FlowEnd,
  boundMs: number,
  event: () => Promise<void>,
): Promise<number | undefined> {
  const run = ({ host }: FlowEnd, ...args: readonly string[]) =>
    new CapturedProcess(host.namespace.command(labProgram("steady_stream.ts", args)), { label: host.name });
  await using source = run(sender, "send", sender.address, `${PORT}`);
  await source.until(({ stdout }) => stdout.includes("ready"), 10_000, "it listens");
  await using sink = run(receiver, "receive", sender.address, `${PORT}`);
  const ticks = () => sink.stdout.split("tick").length - 1;
  try {
    await sink.until(() => ticks() >= 5, boundMs, "the flow begins");
  } catch {
    // It may be broken since the last event.
    return undefined;
  }
  const before = sink.stdout.length;
  await event();
  // What was underway already when it was over does not count.
  await pause(100);
  const seen = ticks();
  try {
    await sink.until(() => ticks() >= seen + 5, boundMs, "the flow goes on");
  } catch {
    return undefined;
  }
  const gaps = [...sink.stdout.slice(before).matchAll(/^gap (\d+)$/gm)].map(([, ms]) => Number(ms));
  return Math.max(0, ...gaps);
}
