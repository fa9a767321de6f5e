/**
 * Moleculer by its TCP transporter: `moleculer_worker.mjs responder|requester RESPONDER_PORT REQUESTER_PORT`. Payloads
 * are strings, which its default serializer, JSON, carries best.
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";
import { work } from "./worker.mjs";

const { ServiceBroker } = createRequire(import.meta.url)("moleculer");
const [role, ...ports] = process.argv.slice(2);
const urls = ["responder", "requester"].map((nodeID, i) => `127.0.0.1:${ports[i]}/${nodeID}`);

const broker = new ServiceBroker({
  nodeID: role,
  logger: false,
  transporter: { type: "TCP", options: { udpDiscovery: false, urls, useHostname: false } },
});
if (role === "responder") {
  broker.createService({ name: "echo", actions: { bytes: (context) => context.params } });
}
await broker.start();
let services = [];

await work({
  payload: (bytes) => ({ data: "x".repeat(bytes) }),
  request: (payload) => broker.call("echo.bytes", payload),
  async subscribe(count, heard) {
    await Promise.all(services.map((each) => broker.destroyService(each)));
    services = Array.from(
      { length: count },
      (_, i) => broker.createService({ name: `subscriber-${i}`, events: { "bench.event": () => heard() } }),
    );
    await broker.waitForServices(services.map(({ name }) => name));
  },
  publish: (payload) => broker.broadcast("bench.event", payload),
  close: () => broker.stop(),
});
