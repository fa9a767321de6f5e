/**
 * Serves one page: `page_server.ts ADDRESS PORT TEXT`, in which `{from}` stands for the address of whoever asks. Prints
 * `ready` once it listens, and ends with SIGTERM.
 * @module
 */

const [hostname = "127.0.0.1", port = "8080", text = ""] = Deno.args;

Deno.serve({
  hostname,
  port: Number(port),
  // deno-lint-ignore no-console -- whoever started this program waits for the line
  onListen: () => console.log("ready"),
}, (_, { remoteAddr }) => {
  const from = "hostname" in remoteAddr ? remoteAddr.hostname : "";
  const headers = { "content-type": "text/plain; charset=utf-8" };
  return new Response(text.replaceAll("{from}", from), { headers });
});
