/**
 * What makes it harder for a tunnel while it is measured: programs that want the processors too, peers that it knows besides.
 * @module
 */

import { CapturedProcess, thisMachine } from "../../tests/lab/mod.ts";
import type { Tunnel } from "./contenders.ts";

/** The kernel ends a busy process then, should nobody else do it. */
const MOST_SECONDS = 60;

/** @returns what `run` does while so many processes do nothing but count */
export async function besideBusyProcesses<T>(count: number, run: () => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < count; i++) {
    const command = ["sh", "-c", `ulimit -t ${MOST_SECONDS}; while :; do :; done`];
    stack.use(new CapturedProcess(thisMachine.command(command), { label: `busy process ${i}` }));
  }
  return await run();
}

/**
 * @returns what `run` does while both ends know `count` peers besides each other, each with an address of its own; undefined
 * where ends can't be told any
 */
export async function amongPeers<T>(
  { from, to }: Tunnel,
  count: number,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const ends = [from, to].flatMap(({ device }) => device ?? []);
  if (ends.length < 2) return undefined;
  if (count === 0) return await run();
  const keys = Array.from({ length: count }, () => crypto.getRandomValues(new Uint8Array(32)).toBase64());
  const added = keys.flatMap((key, i) => ["peer", key, "allowed-ips", `10.202.${i >> 8}.${i & 255}/32`]);
  const removed = keys.flatMap((key) => ["peer", key, "remove"]);
  for (const device of ends) await device.set(...added);
  try {
    return await run();
  } finally {
    for (const device of ends) await device.set(...removed);
  }
}
