/**
 * Leads out of networks: `gateway_program.ts STATE MESH-INTERFACE [NETWORK DEVICE BLOCK,BLOCK]…`. Prints `ready`, and takes it
 * back with SIGTERM.
 * @module
 */

import { GatewayHost, HostJournal, Netlink, SqliteStateStore } from "../../../lib/host/mod.ts";
import { Cidr } from "../../../lib/net/mod.ts";

const [stateDir = "", meshInterface = "weft0", ...rest] = Deno.args;
const store = SqliteStateStore.open(stateDir);
const journal = new HostJournal(store);
const network = Netlink.open();
journal.undoAll(network);
const host = new GatewayHost({ meshInterface, network, journal });
const gateways = [];
for (let i = 0; i + 2 < rest.length; i += 3) {
  const [name = "", device = "", blocks = ""] = rest.slice(i, i + 3);
  const parsed = blocks.split(",").map((text) => Cidr.parse(text)).filter((cidr) => cidr !== undefined);
  gateways.push({ network: name, device, blocks: parsed });
}
host.follow(gateways);
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready", JSON.stringify(host.lacks));
Deno.addSignalListener("SIGTERM", () => {
  host.close();
  network.close();
  store.close();
  Deno.exit(0);
});
setInterval(() => {}, 1_000_000);
