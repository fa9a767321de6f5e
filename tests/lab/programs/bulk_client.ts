/**
 * Fetches bytes: `bulk_client.ts URL`. Prints `{"bytes": …, "sha256": …, "ms": …}`.
 * @module
 */

import { createHash } from "node:crypto";

const startedAt = performance.now();
const response = await fetch(Deno.args[0] ?? "");
const hash = createHash("sha256");
let bytes = 0;
for await (const chunk of response.body ?? []) {
  bytes += chunk.length;
  hash.update(chunk);
}
// deno-lint-ignore no-console -- whoever started this program reads the line
console.log(JSON.stringify({ bytes, sha256: hash.digest("hex"), ms: performance.now() - startedAt }));
