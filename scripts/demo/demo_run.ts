// deno-lint-ignore-file no-console -- a story is told on standard output
/**
 * What the two forms of the demo share: three nodes that join by token and answer each other.
 * @module
 */

import type { WeftNode } from "../../tests/lab/mod.ts";

/** The names of the three. */
export const NODE_NAMES: readonly string[] = ["a", "b", "c"];

/** The program, as somebody who has only Node.js starts it from the checkout. */
export const WEFT = "npx --yes deno@2.9.6 task weft";

/** How long nodes that got the same Ctrl-C may take until they are asked to stop, in milliseconds. */
const SAME_SIGNAL_MS = 2_000;

/** Prints a run as it goes. */
export class Story {
  readonly #startedAt = performance.now();

  /** Seconds since the beginning. */
  get elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** A line of its own, with space above. */
  chapter(text: string): void {
    console.log(`\n${text}`);
  }

  /** Something that just happened. */
  event(text: string): void {
    console.log(`  ${this.elapsedSeconds.toFixed(1).padStart(5)} s  ${text}`);
  }

  /** More about the last event. */
  detail(text: string): void {
    for (const line of text.trimEnd().split("\n")) console.log(`           ${line}`);
  }

  /** A table of measurements from each to each. */
  matrix(names: readonly string[], cell: (from: number, to: number) => string): void {
    const width = 11;
    const row = (first: string, cells: readonly string[]) =>
      this.detail(first.padEnd(8) + cells.map((text) => text.padStart(width)).join(""));
    row("", names.map((name) => `to ${name}`));
    for (const [from, name] of names.entries()) {
      row(`from ${name}`, names.map((_, to) => from === to ? "–" : cell(from, to)));
    }
  }
}

/** What a form of the demo is given. */
export interface DemoRun {
  readonly story: Story;
  /** Keeps everything up until `interrupted` fires. */
  readonly stay: boolean;
  /** Fires on Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Every node that was started, so that the logs can be shown when something breaks. */
  readonly nodes: WeftNode[];
}

/** Starts the first node as leader and joins the others with what it printed. @returns their overlay addresses */
export async function joinThree(run: DemoRun, nodes: readonly WeftNode[]): Promise<readonly string[]> {
  const addresses: string[] = [];
  let token = "";
  for (const node of nodes) {
    run.nodes.push(node);
    const startedAt = performance.now();
    if (token === "") token = await node.startLeader();
    else await node.start("--join", token);
    const tookMs = performance.now() - startedAt;
    const [address = ""] = (await node.status()).node.addresses;
    const command = addresses.length === 0 ? "weft --leader" : `weft --join ${token.slice(0, 14)}…`;
    run.story.event(`${node.name}: ${command.padEnd(28)} has ${address} after ${tookMs.toFixed(0)} ms`);
    if (addresses.length === 0) {
      run.story.detail(`it prints the command for the others: a token of ${token.length} characters`);
    }
    addresses.push(address);
  }
  for (const node of nodes) {
    await node.untilStatus(
      (status) => status.peers.length === nodes.length - 1,
      10_000,
      "it knows all others",
    );
  }
  run.story.event("each knows both others, from signed records");
  return addresses;
}

/** Asks every node for every other over the message plane, and tells the round trips. */
export async function pingMessagePlane(run: DemoRun, nodes: readonly WeftNode[]): Promise<void> {
  const times = await Promise.all(nodes.map((from) =>
    Promise.all(nodes.map(async (to) => {
      if (from === to) return "";
      const { rttMs } = JSON.parse(await from.expectCommand("ping", to.name, "--json"));
      return `${Number(rttMs).toFixed(2)} ms`;
    }))
  ));
  run.story.event("weft ping, over the message plane (Noise channels on TCP):");
  run.story.matrix(NODE_NAMES, (from, to) => times[from]?.[to] ?? "");
}

/** Stops the nodes as Ctrl-C would. @throws Error when one does not end well */
export async function stopAll(run: DemoRun, nodes: readonly WeftNode[]): Promise<void> {
  // A terminal's Ctrl-C reaches the nodes too, and a second one would cut them off.
  if (run.interrupted.aborted) await endedBy(nodes, AbortSignal.timeout(SAME_SIGNAL_MS));
  const endings = await Promise.all(nodes.map((node) => node.stop()));
  const bad = endings.findIndex((ending) => ending.code !== 0);
  if (bad >= 0) throw new Error(`${nodes[bad]?.name} ended with code ${endings[bad]?.code}`);
  run.story.event("Ctrl-C: every node ended with exit code 0");
}

/** Waits until all nodes have ended by themselves, or the time is over. */
async function endedBy(nodes: readonly WeftNode[], bound: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  bound.addEventListener("abort", () => over.resolve(), { once: true });
  await Promise.race([Promise.all(nodes.map((node) => node.process.finished)), over.promise]);
}

/** Waits for Ctrl-C. */
export function untilInterrupted(run: DemoRun): Promise<void> {
  if (run.interrupted.aborted) return Promise.resolve();
  return new Promise((resolve) => run.interrupted.addEventListener("abort", () => resolve(), { once: true }));
}
