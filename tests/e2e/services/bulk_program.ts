/**
 * A program with a lot to say: `TOKEN NAME STATE_DIR PORT`.
 * @module
 */

import { Node } from "../../../mod.ts";

const CHUNK_BYTES = 65_536;

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
await using node = await Node.join(token, {
  name,
  stateDir,
  port,
  endpoints: `127.0.0.1:${port}`,
  limits: { maxPayloadBytes: 100 << 20, compressFromBytes: Infinity },
});
await node.addService({
  path: "bulk",
  actions: {
    small: (value: number) => value,
    stream: async function* ({ bytes }: { bytes: number }) {
      const chunk = new Uint8Array(CHUNK_BYTES).fill(7);
      for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
    },
    whole: ({ bytes }: { bytes: number }) => new Uint8Array(bytes).fill(7),
  },
});
// deno-lint-ignore no-console -- the test reads it
console.log("ready", node.name);
await node.closed;
