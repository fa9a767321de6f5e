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
    return {
      pid,
      put: async (value) => {
        const body = { key: btoa(value.id), value: btoa(JSON.stringify(value)) };
        return await (await ask("kv/put", body)).json();
      },
      get: async (id) => {
        const { kvs } = await (await ask("kv/range", { key: btoa(id) })).json() as { kvs?: KeyValue[] };
        return kvs?.[0] && JSON.parse(atob(kvs[0].value));
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
            abort.abort();
            await reading;
          },
        };
      },
    };
  },
};
