/**
 * NATS JetStream by its own client, from the benchmark's process: what `put`, `get` and `watch` of its key-value library send,
 * and a queue, which is a stream of what no consumer has acknowledged. The server has each write on its disk before it answers.
 * @module
 */

import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { freePort } from "../../../tests/lab/mod.ts";
import { NATS_SERVER } from "../../../tests/interop/nats/nats_process.ts";
import type { BenchValue, Contender } from "./contenders.ts";
import { startServer } from "./server_process.ts";

/** Starts a server that answers when it has a write on its disk. @returns its port and process id */
export async function startNats(
  stack: AsyncDisposableStack,
  folder: string,
): Promise<{ readonly port: number; readonly pid: number }> {
  const port = freePort();
  await Deno.writeTextFile(
    `${folder}/nats.conf`,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}/jetstream", sync_interval: always }\n`,
  );
  return { port, pid: await startServer(stack, [NATS_SERVER, "-c", `${folder}/nats.conf`], port) };
}

/** Its client, straight at the server. */
export const nats: Contender = {
  name: "NATS",
  async open(stack, folder) {
    const { port, pid } = await startNats(stack, folder);
    const connection = await connect({ servers: `127.0.0.1:${port}`, noAsyncTraces: true });
    stack.defer(() => connection.close());
    const manager = await jetstreamManager(connection);
    const stream = "KV_values";
    await manager.streams.add({
      ...{ name: stream, subjects: ["$KV.values.>"], max_msgs_per_subject: 64 },
      ...{ allow_direct: true, allow_rollup_hdrs: true, deny_delete: true },
    });
    await manager.streams.add({ name: "jobs", subjects: ["jobs"], retention: RetentionPolicy.Workqueue });
    const client = jetstream(connection);
    const encoder = new TextEncoder();
    return {
      pid,
      put: (value) => client.publish(`$KV.values.${value.id}`, encoder.encode(JSON.stringify(value))),
      get: async (id) =>
        (await manager.direct.getMessage(stream, { last_by_subj: `$KV.values.${id}` }))?.json<BenchValue>(),
      queue: {
        push: (value) => client.publish("jobs", encoder.encode(JSON.stringify(value))),
        async work(concurrency, handle) {
          const { name } = await manager.consumers.add("jobs", {
            ack_policy: AckPolicy.Explicit,
            max_ack_pending: concurrency,
          });
          const consumer = await client.consumers.get("jobs", name);
          const messages = await consumer.consume({
            max_messages: concurrency,
            callback: (message) => {
              handle(message.json<BenchValue>());
              message.ack();
            },
          });
          return {
            async [Symbol.asyncDispose]() {
              await messages.close();
              await manager.consumers.delete("jobs", name);
            },
          };
        },
      },
      async watch(handle) {
        const consumer = await client.consumers.get(stream, { deliver_policy: DeliverPolicy.New });
        const messages = await consumer.consume({
          callback: (message) => handle(message.json<BenchValue>()),
        });
        return {
          async [Symbol.asyncDispose]() {
            await messages.close();
          },
        };
      },
    };
  },
};
