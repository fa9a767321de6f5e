/**
 * NATS core by its official client: `nats_worker.mjs responder|requester PORT [CA]`, with TLS when there is a CA.
 * @module
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { work } from "./worker.mjs";

const { connect } = createRequire(import.meta.url)("@nats-io/transport-node");
const [role, port, ca] = process.argv.slice(2);
/**
 * After so many events the publisher asks the subscriber to confirm, and waits for the confirmation before. The flush
 * that the client offers is not enough: it confirms that the server has the events, and the server cuts subscribers off
 * for which too many wait.
 */
const WINDOW = 1_024;

const connection = await connect({
  servers: `127.0.0.1:${port}`,
  // Else it takes a stack trace for each request.
  noAsyncTraces: true,
  ...(ca === undefined ? {} : { tls: { ca: readFileSync(ca, "utf8") } }),
});
if (role === "responder") {
  connection.subscribe("echo.bytes", {
    callback: (error, message) => error ?? message.respond(message.data),
  });
  await connection.flush();
}
let subscriptions = [];
let confirmation = Promise.resolve();

await work({
  payload: (bytes) => new Uint8Array(bytes).fill(7),
  request: (payload) => connection.request("echo.bytes", payload, { timeout: 10_000 }),
  async subscribe(count, heard) {
    for (const each of subscriptions) each.unsubscribe();
    const options = { callback: (error) => error ?? heard() };
    subscriptions = Array.from({ length: count }, () => connection.subscribe("bench.event", options));
    await connection.flush();
  },
  publish(payload, published) {
    connection.publish("bench.event", payload);
    if (published % WINDOW !== WINDOW - 1) return;
    const before = confirmation;
    // It comes behind the events, on the same connection.
    confirmation = connection.request("echo.bytes", payload, { timeout: 10_000 });
    return before;
  },
  flush: async () => void await Promise.all([confirmation, connection.flush()]),
  close: () => connection.close(),
});
