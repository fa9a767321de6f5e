/**
 * A proxy that connects for whoever knows its password: `password_proxy.ts LISTEN:PORT USER:PASSWORD`. Prints `ready` once it
 * listens, and `connect HOST:PORT` for each connection.
 * @module
 */

const [listen = "", userPass = ""] = Deno.args;
const listener = Deno.listen(address(listen));
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
for await (const client of listener) relay(client).catch(() => {});

async function relay(client: Deno.TcpConn): Promise<void> {
  using _client = client;
  const block = new Uint8Array(16_384);
  const length = await client.read(block) ?? 0;
  const head = new TextDecoder().decode(block.subarray(0, length));
  const answer = (text: string) => client.write(new TextEncoder().encode(`HTTP/1.1 ${text}\r\n\r\n`));
  const [, target] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  if (target === undefined) return void await answer("405 Method Not Allowed");
  if (!head.includes(`\r\nProxy-Authorization: Basic ${btoa(userPass)}\r\n`)) {
    return void await answer("407 Proxy Authentication Required");
  }
  using server = await Deno.connect(address(target));
  // deno-lint-ignore no-console -- whoever started this program reads the line
  console.log(`connect ${target}`);
  await answer("200 Connection established");
  await Promise.race([
    client.readable.pipeTo(server.writable, { preventClose: true }).catch(() => {}),
    server.readable.pipeTo(client.writable, { preventClose: true }).catch(() => {}),
  ]);
}

function address(text: string): { hostname: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { hostname: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
