import assert from "node:assert/strict";
import { silentLogger, StateError, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { type AgingParts, startUpkeep } from "./upkeep.ts";

Deno.test("startUpkeep() looks after all else when one thing can't be kept, and says so once until it could", () => {
  const calls = new Map<string, number>();
  const count = (name: string) => () => void calls.set(name, (calls.get(name) ?? 0) + 1);
  const logged: string[] = [];
  let isFull = true;
  const node = {
    mesh: {
      identity: { id: "a" },
      replica: {
        handleTimeout: () => {
          if (isFull) throw new StateError("the disk is full");
        },
      },
    },
    session: undefined,
    networks: { lookAfter: count("networks") },
    policies: { lookAfter: count("policies") },
    routes: { lookAfter: count("routes") },
    view: { watch: { look: count("view") } },
    names: { custom: { refresh: count("names") } },
    services: { adverts: { advertiseSoon: count("services") } },
    shareTokens: count("tokens"),
  } as unknown as AgingParts;
  const own = { rejoin: { lookAfter: count("rejoin") }, dataPlane: { lookAfter: count("data plane") } };
  const timers = new VirtualTimers(new VirtualClock());
  const error = (text: string, fields?: Readonly<Record<string, unknown>>) =>
    void logged.push(`${text}: ${fields?.["error"]}`);
  const end = startUpkeep({ timers, log: { ...silentLogger, error } }, node, own as never);
  const pass = (times: number) => {
    for (let i = 0; i < times; i++) timers.advance(10_000);
  };
  pass(3);
  const names = [
    "rejoin",
    "networks",
    "policies",
    "routes",
    "data plane",
    "tokens",
    "view",
    "names",
    "services",
  ];
  assert.deepEqual([...calls], names.map((name) => [name, 3]));
  assert.deepEqual(logged, ["cannot look after the state: StateError: the disk is full"]);
  isFull = false;
  pass(1);
  isFull = true;
  pass(2);
  assert.equal(logged.length, 2, "it is said again when it is so again");
  end();
});
