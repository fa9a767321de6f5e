/**
 * A reverse proxy with TLS: `tls_proxy.ts LISTEN:PORT TARGET:PORT CERTIFICATE KEY PATH`. It passes requests for the path on,
 * and answers 404 to others. Prints `ready` once it listens.
 * @module
 */

const [listen = "", target = "", certificate = "", key = "", path = ""] = Deno.args;
const listener = Deno.listenTls({
  ...address(listen),
  cert: await Deno.readTextFile(certificate),
  key: await Deno.readTextFile(key),
  alpnProtocols: ["http/1.1"],
});
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
for await (const client of listener) relay(client).catch(() => {});

async function relay(client: Deno.TlsConn): Promise<void> {
  using _client = client;
  const block = new Uint8Array(16_384);
  const length = await client.read(block) ?? 0;
  const head = new TextDecoder().decode(block.subarray(0, length));
  if (!head.startsWith(`GET ${path} HTTP/1.1\r\n`)) {
    await client.write(new TextEncoder().encode("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"));
    return;
  }
  using server = await Deno.connect(address(target));
  await server.write(block.subarray(0, length));
  await Promise.race([
    client.readable.pipeTo(server.writable, { preventClose: true }).catch(() => {}),
    server.readable.pipeTo(client.writable, { preventClose: true }).catch(() => {}),
  ]);
}

function address(text: string): { hostname: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { hostname: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
