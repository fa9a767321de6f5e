/**
 * etcd by the JSON of its own gateway, as programs without gRPC use it: one server alone, which has each write on its disk
 * before it answers.
 * @module
 */

import { freePort } from "../../../tests/lab/mod.ts";
import type { BenchValue, Contender } from "./contenders.ts";
import { startServer } from "./server_process.ts";

interface KeyValue {
  readonly value: string;
  readonly mod_revision: string;
}

interface Read {
  readonly id: string;
  readonly revision: string;
  readonly value: BenchValue;
}

/** From the benchmark's process. */
export const etcd: Contender = {
  name: "etcd",
  async open(stack, folder) {
    const [port, peerPort] = [freePort(), freePort()];
    const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const pid = await startServer(stack, [
      ...["etcd", "--data-dir", `${folder}/etcd`, "--log-level", "error"],
      ...["--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", `default=${peerUrl}`],
    ], port);
    const ask = async (path: string, body: unknown, signal?: AbortSignal) => {
      const answer = await fetch(`${url}/v3/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        ...signal !== undefined && { signal },
      });
      if (!answer.ok) throw new Error(`etcd has answered ${answer.status}: ${await answer.text()}`);
      return answer;
    };
    const read = async (id: string): Promise<Read> => {
      const { kvs } = await (await ask("kv/range", { key: btoa(id) })).json() as { kvs?: KeyValue[] };
      const [entry] = kvs ?? [];
      if (entry === undefined) throw new Error(`etcd has no ${id}`);
      return { id, revision: entry.mod_revision, value: JSON.parse(atob(entry.value)) };
    };
    return {
      pid,
      put: async (value) => {
        const body = { key: btoa(value.id), value: btoa(JSON.stringify(value)) };
        return await (await ask("kv/put", body)).json();
      },
      get: read,
      transfer: async (from, to) => {
        for (;;) {
          const [one, other] = await Promise.all([read(from), read(to)]);
          const isSame = ({ id, revision }: Read) => ({
            key: btoa(id),
            target: "MOD",
            mod_revision: revision,
          });
          const put = ({ id, value }: Read, by: number) => ({
            request_put: {
              key: btoa(id),
              value: btoa(JSON.stringify({ ...value, count: value.count + by })),
            },
          });
          const body = { compare: [isSame(one), isSame(other)], success: [put(one, -1), put(other, 1)] };
          const { succeeded } = await (await ask("kv/txn", body)).json() as { succeeded?: boolean };
          if (succeeded === true) return;
        }
      },
      async watch(handle) {
        const abort = new AbortController();
        const body = { create_request: { key: btoa("k"), range_end: btoa("l") } };
        const answer = await ask("watch", body, abort.signal);
        const lines = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
        await lines?.read();
        const reading = (async () => {
          let rest = "";
          for (;;) {
            const { done, value = "" } = await lines?.read() ?? { done: true };
            if (done) return;
            const texts = (rest + value).split("\n");
            rest = texts.pop() ?? "";
            for (const text of texts) {
              const { result: { events = [] } } = JSON.parse(text) as {
                result: { events?: { kv: KeyValue }[] };
              };
              for (const { kv } of events) handle(JSON.parse(atob(kv.value)) as BenchValue);
            }
          }
        })().catch(() => {});
        return {
          async [Symbol.asyncDispose]() {
            // An aborted answer does not end who waits for more of it.
            await lines?.cancel();
            abort.abort();
            await reading;
          },
        };
      },
    };
  },
};
