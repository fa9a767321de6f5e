/**
 * An HTTP proxy that knows CONNECT alone (RFC 9110 §9.3.6): `connect_proxy.ts ADDRESS PORT`. Prints `ready` once it listens,
 * and ends with SIGTERM.
 * @module
 */

const [hostname = "127.0.0.1", port = "3128"] = Deno.args;
const HEAD_BYTES = 4096;

const listener = Deno.listen({ hostname, port: Number(port) });
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
for await (const client of listener) serve(client).catch(() => client.close());

async function serve(client: Deno.TcpConn): Promise<void> {
  client.setNoDelay(true);
  const { head, rest } = await readHead(client);
  const [, host = "", targetPort = ""] = /^CONNECT \[?([^\s\]]+)\]?:(\d+) HTTP\/1\.[01]\r\n/.exec(head) ?? [];
  if (host === "") return await refuse(client, "405 Method Not Allowed");
  let target: Deno.TcpConn;
  try {
    target = await Deno.connect({
      hostname: host,
      port: Number(targetPort),
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    return await refuse(client, "502 Bad Gateway");
  }
  target.setNoDelay(true);
  await write(client, "HTTP/1.1 200 Connection established\r\n\r\n");
  if (rest.length > 0) await target.write(rest);
  await Promise.allSettled([
    client.readable.pipeTo(target.writable),
    target.readable.pipeTo(client.writable),
  ]);
}

/** Reads to the empty line. */
async function readHead(client: Deno.TcpConn): Promise<{ head: string; rest: Uint8Array }> {
  const bytes = new Uint8Array(HEAD_BYTES);
  let length = 0;
  for (;;) {
    const count = await client.read(bytes.subarray(length));
    if (count === null || length + count === HEAD_BYTES) throw new Error("no request");
    length += count;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end + 2), rest: bytes.slice(end + 4, length) };
  }
}

async function refuse(client: Deno.TcpConn, status: string): Promise<void> {
  await write(client, `HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  client.close();
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}
