/**
 * An agent that answers from a table, and writes down what it was asked.
 * @module
 */

import { controlSocketPath } from "../control_client.ts";

/** For `GET /status` the status code, and what stands in the answer. */
export type FakeAnswers = Readonly<Record<string, readonly [status: number, body: unknown]>>;

/** Where it answers, and what it was asked. */
export interface FakeAgent {
  readonly stateDir: string;
  readonly asked: readonly string[];
}

/** Answers at the control socket of a state directory of its own, until `use` has returned. */
export async function withFakeAgent(
  answers: FakeAnswers,
  use: (agent: FakeAgent) => Promise<void>,
): Promise<void> {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const asked: string[] = [];
  const server = Deno.serve(
    { transport: "unix", path: controlSocketPath(stateDir), onListen() {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const asking = `${request.method} ${pathname}${search}`;
      const body = await request.text();
      asked.push(body === "" ? asking : `${asking} ${body}`);
      const [status, answer] = answers[asking] ?? [500, undefined];
      return answer === undefined ? new Response("oops", { status }) : Response.json(answer, { status });
    },
  );
  try {
    await use({ stateDir, asked });
  } finally {
    await server.shutdown();
    await Deno.remove(stateDir, { recursive: true });
  }
}
