// deno-lint-ignore-file no-console -- whoever started it reads the line
/**
 * Points a resolv.conf at a zone and puts it back, again and again: `point_resolver.ts PATH TIMES`. Prints how often
 * that failed.
 * @module
 */

import { MemoryStateStore } from "../../../lib/base/mod.ts";
import { HostJournal, pointResolver } from "../../../lib/host/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";

const [path = "", times = ""] = Deno.args;
const server = Endpoint.parse("10.200.0.1:53");
const settings = {
  zone: "weft.internal.",
  otherZones: [],
  servers: server === undefined ? [] : [server],
  interfaceName: "weft0",
};
const journal = new HostJournal(new MemoryStateStore());
let failed = 0;
for (let i = 0; i < Number(times); i++) {
  try {
    const pointed = await pointResolver({ kind: "resolv.conf", path }, settings, journal);
    await pointed.revert();
  } catch {
    failed++;
  }
}
console.log(`failed ${failed}`);
