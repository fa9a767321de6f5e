/**
 * Serves bytes by chance: `bulk_server.ts ADDRESS PORT SEED BYTES`. Prints `ready` once it listens, and ends with SIGTERM.
 * @module
 */

import { SeededRandom } from "../../../lib/base/mod.ts";

const [hostname = "127.0.0.1", port = "8080", seed = "1", lengthBytes = "0"] = Deno.args;
const bytes = new Uint8Array(Number(lengthBytes));
new SeededRandom(Number(seed)).fill(bytes);

Deno.serve({
  hostname,
  port: Number(port),
  // deno-lint-ignore no-console -- whoever started this program waits for the line
  onListen: () => console.log("ready"),
}, () => new Response(bytes));
