/**
 * A TCP proxy that tells what passed: `recording_proxy.ts LISTEN:PORT TARGET:PORT`. Prints `ready` once it listens, then for
 * every connection, when it is over, a line of JSON with the bytes in both directions.
 * @module
 */

const [listen = "", target = ""] = Deno.args;

const listener = Deno.listen(address(listen));
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
for await (const client of listener) relay(client).catch(() => {});

async function relay(client: Deno.TcpConn): Promise<void> {
  using server = await Deno.connect(address(target));
  using _client = client;
  const [toTarget, fromTarget] = await Promise.all([copy(client, server), copy(server, client)]);
  // deno-lint-ignore no-console -- whoever started this program reads the line
  console.log(JSON.stringify({ toTarget: toTarget.toHex(), fromTarget: fromTarget.toHex() }));
}

/** Copies until either end is over. @returns everything that passed */
async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<Uint8Array> {
  const passed: number[] = [];
  const block = new Uint8Array(65_536);
  try {
    for (;;) {
      const length = await from.read(block);
      if (length === null) break;
      passed.push(...block.subarray(0, length));
      await to.write(block.subarray(0, length));
    }
    await to.closeWrite();
  } catch {
    // one end has hung up; what passed until then is the answer
  }
  return Uint8Array.from(passed);
}

function address(text: string): { hostname: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { hostname: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
