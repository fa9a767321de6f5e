// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:idle`: what rootless nodes send while nobody uses them. `--nodes 10,20,40,60` says how many there are,
 * `--seconds N` how long each network is measured. All of one run in this process and are linked over the loopback; what
 * each hands to TCP is counted once all know each other and what their starts bring about has come to rest.
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type AgentOptionsInput, OverlayBootstrap, UnreachableError } from "../mod.ts";
import { freeTcpPort } from "../lib/transport/mod.ts";
import { createScratch } from "../tests/lab/mod.ts";

/** Between the last join and the first byte that counts. */
const REST_MS = 30_000;
const MAX_JOINS = 20;
/** Between two of them. */
const JOIN_PAUSE_MS = 2_000;

interface Sent {
  bytes: number;
  writes: number;
}

/** Whose work is being done: a node's sockets are written to by what the node itself has begun. */
const whose = new AsyncLocalStorage<Sent>();
countWrites(await connectionPrototype());

const { nodes, seconds } = parseArgs({
  options: {
    nodes: { type: "string", default: "10,20,40,60" },
    seconds: { type: "string", default: "60" },
  },
}).values;
const heads = [
  "nodes",
  "mean B/s",
  "leader B/s",
  "least of a member B/s",
  "most of a member B/s",
  "mean writes/s",
];
console.log(`| ${heads.join(" | ")} |\n| ${heads.map(() => "--:").join(" | ")} |`);
for (const number of nodes.split(",")) {
  const cells = await measure(Number(number), Number(seconds));
  console.log(`| ${[number, ...cells].join(" | ")} |`);
}
Deno.exit(0);

/** @returns what all connections of the runtime are made of, which it does not name */
async function connectionPrototype(): Promise<Pick<Deno.Conn, "write">> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  (await listener.accept()).close();
  let owner: object = connection;
  while (!Object.hasOwn(owner, "write")) owner = Object.getPrototypeOf(owner);
  return owner as Deno.Conn;
}

/** Has every write be counted for the node that it is done for. */
function countWrites(prototype: Pick<Deno.Conn, "write">): void {
  const { write } = prototype;
  prototype.write = function (bytes: Uint8Array): Promise<number> {
    const sent = whose.getStore();
    // A single byte is no record: a node sends it to itself, to let its other sockets have their turn.
    if (sent !== undefined && bytes.length > 1) {
      sent.bytes += bytes.length;
      sent.writes++;
    }
    return write.call(this, bytes);
  };
}

/** Joins, and tries it again where a busy machine has not let the leader answer in time. */
async function joined(token: string, options: AgentOptionsInput): Promise<OverlayBootstrap> {
  for (let tries = 1;; tries++) {
    try {
      return await OverlayBootstrap.join(token, options);
    } catch (error) {
      if (!(error instanceof UnreachableError) || tries === MAX_JOINS) throw error;
      await sleep(JOIN_PAUSE_MS);
    }
  }
}

/** @returns what is told of a network of so many nodes */
async function measure(count: number, forSeconds: number): Promise<string[]> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await createScratch(`bench-idle-${count}`));
  const sent: Sent[] = [];
  let token = "";
  for (let i = 0; i < count; i++) {
    const own: Sent = { bytes: 0, writes: 0 };
    sent.push(own);
    await whose.run(own, async () => {
      const port = freeTcpPort();
      const endpoints = `127.0.0.1:${port}`;
      const stateDir = `${path}/${i}`;
      const options = { name: `node-${i}`, stateDir, rootless: true, discovery: false, port, endpoints };
      const overlay = token === ""
        ? await OverlayBootstrap.initLeader(options)
        : await joined(token, options);
      resources.defer(() => overlay.stop());
      await overlay.start();
      if (token === "") token = overlay.control.createToken({ lifetimeMs: 3_600_000 }).token;
    });
  }
  await sleep(REST_MS);
  for (const each of sent) each.bytes = each.writes = 0;
  await sleep(forSeconds * 1000);
  const perSecond = (value: number) => Math.round(value / forSeconds).toLocaleString("en");
  const [leader = 0, ...members] = sent.map(({ bytes }) => bytes);
  const mean = (of: keyof Sent) => sent.reduce((sum, each) => sum + each[of], 0) / count;
  return [
    perSecond(mean("bytes")),
    perSecond(leader),
    perSecond(Math.min(...members)),
    perSecond(Math.max(...members)),
    (mean("writes") / forSeconds).toFixed(1),
  ];
}
