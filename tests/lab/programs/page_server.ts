/**
 * Serves one page: `page_server.ts ADDRESS PORT TEXT`. Prints `ready` once it listens, and ends with SIGTERM.
 * @module
 */

const [hostname = "127.0.0.1", port = "8080", text = ""] = Deno.args;

Deno.serve({
  hostname,
  port: Number(port),
  // deno-lint-ignore no-console -- whoever started this program waits for the line
  onListen: () => console.log("ready"),
}, () => new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } }));
