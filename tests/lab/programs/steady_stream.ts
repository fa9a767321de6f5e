// deno-lint-ignore-file no-console -- whoever started it reads the lines
/**
 * A TCP flow that is small and steady: `steady_stream.ts send ADDRESS PORT` listens, prints `ready` and sends 1,000 bytes every
 * 5 ms to whoever connects; `steady_stream.ts receive ADDRESS PORT` connects and prints `tick` for each 20 ms in which bytes came,
 * and `gap MS` for each longer time without.
 * @module
 */

const [role = "", hostname = "", port = ""] = Deno.args;
const SEND_EVERY_MS = 5;
const TICK_MS = 20;
/** Less than this is what a busy machine does. */
const GAP_MS = 50;

if (role === "send") {
  const listener = Deno.listen({ hostname, port: Number(port) });
  console.log("ready");
  const connection = await listener.accept();
  connection.setNoDelay(true);
  const bytes = new Uint8Array(1_000);
  for (;;) {
    await connection.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, SEND_EVERY_MS));
  }
} else {
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const bytes = new Uint8Array(65_536);
  let [lastRead, lastTick] = [performance.now(), 0];
  while (await connection.read(bytes) !== null) {
    const now = performance.now();
    if (now - lastRead > GAP_MS) console.log(`gap ${Math.round(now - lastRead)}`);
    if (now - lastTick > TICK_MS) {
      console.log("tick");
      lastTick = now;
    }
    lastRead = now;
  }
}
