import assert from "node:assert/strict";
import { ExitUse } from "./exit_use.ts";

type Parts = ConstructorParameters<typeof ExitUse>[0];
type Host = Parameters<ExitUse["start"]>[0];

const NODE_ID = "a".repeat(32);

function world(): { exit: ExitUse; calls: string[] } {
  const calls: string[] = [];
  const kept = new Map<string, Uint8Array>();
  const store = {
    get: (_: string, key: string) => kept.get(key),
    put: (_: string, key: string, value: Uint8Array) => void kept.set(key, value),
    delete: (_: string, key: string) => void kept.delete(key),
  };
  const parts = {
    store,
    book: { approved: [] },
    ownerOf: () => undefined,
    ownFamilies: () => [],
    dials: () => [],
  };
  const exit = new ExitUse(parts as unknown as Parts);
  const host = {
    network: {
      setExit: () => {
        calls.push("set");
        throw new Error("the kernel refuses");
      },
      clearExit: () => void calls.push("clear"),
    },
    journal: { record: () => void calls.push("record"), forget: () => void calls.push("forget") },
    fixed: { interfaceName: "weft0", port: 1, uid: 0, overlay: [] },
  };
  exit.start(host as unknown as Host);
  return { exit, calls };
}

Deno.test("ExitUse takes back what a failed plan may have left, when it is forgotten and when it is closed", () => {
  for (const end of ["forget", "close"] as const) {
    const { exit, calls } = world();
    exit.choose({ nodeId: NODE_ID } as Parameters<ExitUse["choose"]>[0], false);
    assert.throws(() => exit.follow(), /refuses/);
    exit[end]();
    assert.deepEqual(calls, ["record", "set", "clear", "forget"]);
    assert.equal(exit.failure, undefined);
    exit[end]();
    assert.equal(calls.length, 4);
  }
});
