/**
 * weft: the owner is a process of its own, and the benchmark a member that joined, both rootless on loopback.
 * @module
 */

import type { Collection, Queue, QueueWorker } from "../../../lib/data/mod.ts";
import { Node } from "../../../mod.ts";
import { freePort } from "../../../tests/lab/mod.ts";
import { WorkerProcess } from "../services/worker_process.ts";
import type { BenchValue, Contender, DataBench } from "./contenders.ts";

const READY_BOUND_MS = 30_000;

/** From a member of the mesh. */
export const weft: Contender = {
  name: "weft",
  async open(stack, folder) {
    const script = new URL("./weft_owner.ts", import.meta.url).pathname;
    const command = [Deno.execPath(), "run", "--quiet", "-A", script, `${folder}/owner`, String(freePort())];
    const owner = stack.use(new WorkerProcess("weft's owner", command));
    const { token } = await owner.ready(READY_BOUND_MS);
    const member = await Node.join(String(token), { name: "member", stateDir: `${folder}/member` });
    stack.defer(() => member.stop());
    return await weftBench(member);
  },
};

type Value = BenchValue & { readonly [name: string]: string | number };

/** @returns the collections and queues of a mesh @param node of whichever member */
export async function weftBench(
  node: Pick<Node, "collection" | "queue" | "transaction">,
): Promise<DataBench> {
  const values: Collection<Value> = await node.collection<Value>("values", { key: "id" });
  const jobs: Queue<Value> = await node.queue<Value>("jobs", { maxLength: 1_000_000 });
  return {
    put: (value) => values.put({ ...value }),
    get: (id) => values.get(id),
    transfer: (from, to) =>
      node.transaction(async (tx) => {
        const [one, other] = await Promise.all([tx.get(values, from), tx.get(values, to)]);
        if (one === undefined || other === undefined) throw new Error("there are no such values");
        await tx.put(values, { ...one, count: one.count - 1 });
        await tx.put(values, { ...other, count: other.count + 1 });
      }),
    push: (value) => jobs.push({ ...value }),
    work(concurrency, handle) {
      const worker: QueueWorker = jobs.work(({ value }) => handle(value), { concurrency });
      return Promise.resolve(worker);
    },
  };
}
