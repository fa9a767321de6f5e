/**
 * Takes many bytes and says what came: `hash_server.ts ADDRESS PORT`. Every request is answered with the SHA-256 of its
 * body in hexadecimal. Prints `ready` once it listens, and ends with SIGTERM.
 * @module
 */

import { createHash } from "node:crypto";

const [hostname = "127.0.0.1", port = "8080"] = Deno.args;

Deno.serve({
  hostname,
  port: Number(port),
  // deno-lint-ignore no-console -- whoever started this program waits for the line
  onListen: () => console.log("ready"),
}, async (request) => {
  const hash = createHash("sha256");
  for await (const chunk of request.body ?? []) hash.update(chunk);
  return new Response(hash.digest("hex"));
});
