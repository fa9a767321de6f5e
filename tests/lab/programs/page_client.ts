/**
 * Fetches a page: `page_client.ts URL`. Prints `{"text": …, "ms": …}`.
 * @module
 */

const startedAt = performance.now();
const response = await fetch(Deno.args[0] ?? "", { signal: AbortSignal.timeout(5_000) });
const text = await response.text();
if (!response.ok) throw new Error(`The server answers ${response.status}: ${text}`);
// deno-lint-ignore no-console -- whoever started this program reads the line
console.log(JSON.stringify({ text, ms: performance.now() - startedAt }));
