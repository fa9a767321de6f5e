/**
 * weft: the owner is a process of its own, and the benchmark a member that joined, both rootless on loopback.
 * @module
 */

import {
  type Collection,
  type Queue,
  type QueueWorker,
  shardOf,
  type ShardsOption,
} from "../../../lib/data/mod.ts";
import { Node } from "../../../mod.ts";
import { freePort, waitFor } from "../../../tests/lab/mod.ts";
import { startNats } from "./nats.ts";
import { WorkerProcess } from "../services/worker_process.ts";
import type { BenchQueue, BenchValue, Contender, DataBench } from "./contenders.ts";

const READY_BOUND_MS = 30_000;

/** How the collection is kept. */
interface Kind {
  readonly name: string;
  readonly seal?: string;
  readonly shards?: Exclude<ShardsOption, number>;
  /** Whether its owner has a server of NATS keep it. */
  readonly isOnNats?: boolean;
}

/** From a member of the mesh. */
export const weft: Contender = contender({ name: "weft" });
/** What its owner can't read. */
export const weftSealed: Contender = contender({ name: "weft, sealed", seal: "role=program" });
/** On two members, which follow each other. */
export const weftReplicated: Contender = contender({
  name: "weft, 16 shards with a replica",
  shards: { count: 16, over: "role=data", replicas: 1 },
});
/** On two members, which have some each. */
export const weftSharded: Contender = contender({
  name: "weft, 16 shards",
  shards: { count: 16, over: "role=data", replicas: 0 },
});

/** Kept by a server of NATS, at which its owner is a client. */
export const weftOnNats: Contender = contender({ name: "weft on NATS", isOnNats: true });

function contender(kind: Kind): Contender {
  return {
    name: kind.name,
    async open(stack, folder) {
      const run = async (script: string, ...args: string[]) => {
        const path = new URL(script, import.meta.url).pathname;
        const command = [Deno.execPath(), "run", "--quiet", "-A", path, ...args];
        const process = stack.use(new WorkerProcess(`${kind.name}: ${script}`, command));
        return { ...await process.ready(READY_BOUND_MS) as Record<string, unknown>, pid: process.pid };
      };
      const server = kind.isOnNats ? `nats://127.0.0.1:${(await startNats(stack, folder)).port}` : "";
      const owner: Record<string, unknown> & { readonly pid: number } = await run(
        "./weft_owner.ts",
        ...[`${folder}/owner`, String(freePort()), kind.seal ?? "", server],
      );
      if (kind.shards !== undefined) {
        for (const name of ["data-1", "data-2"]) {
          await run("./weft_member.ts", `${folder}/${name}`, name, String(owner["dataToken"]));
        }
      }
      const member = await Node.join(String(owner["token"]), {
        name: "member",
        stateDir: `${folder}/member`,
      });
      stack.defer(() => member.stop());
      await waitFor(
        async () => (await member.members()).length === (kind.shards === undefined ? 2 : 4),
        READY_BOUND_MS,
        { what: "all members, as the owner knows them" },
      );
      return { ...await weftBench(member, kind), pid: owner.pid };
    },
  };
}

type Value = BenchValue & { readonly [name: string]: string | number };

/** @returns the collections and queues of a mesh @param node of whichever member */
export async function weftBench(
  node: Pick<Node, "collection" | "queue" | "transaction">,
  { seal, shards }: Omit<Kind, "name"> = {},
): Promise<DataBench> {
  const open = (): Promise<Collection<Value>> =>
    node.collection<Value>(shards === undefined ? "values" : "spread", {
      key: "id",
      ...seal !== undefined && { seal },
      ...shards !== undefined && { shards },
    });
  // Whom the owner has let in a moment ago may not answer it yet.
  const values = await waitFor(open, READY_BOUND_MS, { what: "a collection" });
  const jobs: Queue<Value> = await node.queue<Value>("jobs", { maxLength: 1_000_000 });
  return {
    put: (value) => values.put({ ...value }),
    get: (id) => values.get(id),
    transfer,
    shards: shards && { count: shards.count, of: (id) => shardOf(id, shards.count) },
    async watch(handle) {
      const watch = values.watch();
      await watch.ready;
      const reading = (async () => {
        for await (const { value } of watch) handle(value);
      })();
      return {
        async [Symbol.asyncDispose]() {
          watch.close();
          await reading;
        },
      };
    },
    // Of a queue it makes no difference whether collections are sealed or in shards.
    queue: seal === undefined && shards === undefined ? queueOf(jobs) : undefined,
  };

  function transfer(from: string, to: string): Promise<void> {
    return node.transaction(async (tx) => {
      const [one, other] = await Promise.all([tx.get(values, from), tx.get(values, to)]);
      if (one === undefined || other === undefined) throw new Error("there are no such values");
      await tx.put(values, { ...one, count: one.count - 1 });
      await tx.put(values, { ...other, count: other.count + 1 });
    });
  }
}

function queueOf(jobs: Queue<Value>): BenchQueue {
  return {
    push: (value) => jobs.push({ ...value }),
    work(concurrency, handle) {
      const worker: QueueWorker = jobs.work(({ value }) => handle(value), { concurrency });
      return Promise.resolve(worker);
    },
  };
}
