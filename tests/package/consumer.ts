/**
 * A program as users of the library write it: it is type-checked, never run. What a type must refuse has an
 * `@ts-expect-error` above it.
 * @module
 */

import {
  action,
  type CallAnswer,
  CallError,
  defineService,
  Node,
  type Schema,
  type StatusReport,
  WeftError,
} from "@weft/mesh";

declare const numbers: Schema<unknown, { a: number; b: number }>;

const math = defineService({
  path: "math",
  actions: {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    later: async ({ text }: { text: string }, { caller }) => {
      await Promise.resolve(caller);
      return text.length;
    },
    multiply: action({ params: numbers, handler: ({ a, b }) => a * b, idempotent: true }),
    async *count({ to }: { to: number }) {
      for (let i = 0; i < to; i++) yield i;
    },
    ping: () => "pong" as const,
  },
  events: { added: { schema: numbers } },
});

/** Offers the service, and calls it by all that the types say. */
export async function useServices(token: string): Promise<number> {
  await using node = await Node.join(token, { name: "adder", stateDir: "./adder" });
  await node.addService(math);

  const client = node.service<typeof math>("math");
  const sum: number = await client.request("add", { a: 1, b: 2 });
  const length: number = await client.request("later", { text: "one" });
  const product: number = await client.request("multiply", { a: 1, b: 2 }, { timeoutMs: 1_000 });
  const counted: ReadableStream<number> = await client.request("count", { to: 3 });
  const pong: "pong" = await client.request("ping");
  client.subscribe("added", ({ data }) => data.a + data.b);
  // @ts-expect-error: there is no such action
  await client.request("divide", { a: 1, b: 2 });
  // @ts-expect-error: a is no number
  await client.request("add", { a: "1", b: 2 });
  // @ts-expect-error: it answers with a number
  const text: string = await client.request("add", { a: 1, b: 2 });

  const unchecked = await node.request("math/add", { a: 1, b: 2 });
  // @ts-expect-error: nobody has said what it is
  unchecked.toFixed();
  // @ts-expect-error: where it is put to says nothing
  const claimed: number = await node.request("math/add", { a: 1, b: 2 });
  const said = await node.request<number>("math/add", { a: 1, b: 2 });
  const everywhere = await node.request<readonly CallAnswer[]>("math/add", { a: 1, b: 2 }, { mode: "all" });
  const results = everywhere.map((answer) => answer.ok === true ? answer.result : answer.error.code);
  const { value: first = 0 } = await counted.getReader().read();
  return sum + length + product + first + said + claimed + text.length + pong.length + results.length;
}

/** Reads what others say of themselves, and what went wrong. */
export function describe(status: StatusReport, error: unknown): string {
  const peers = status.peers.map(({ name, healthy, rttMs }) => `${name} ${healthy} ${rttMs ?? "-"}`);
  if (error instanceof CallError) return `${error.code} ${error.executed}`;
  return error instanceof WeftError ? `${error.message} ${error.hint ?? ""}` : peers.join("\n");
}
