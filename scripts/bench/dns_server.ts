// deno-lint-ignore-file no-console -- whoever started it waits for a line
/**
 * A name server with a zone of `MEMBERS` names, for `deno task bench:dns`: `dns_server.ts fast|portable PORT`.
 * @module
 */

import { addressRecord, DomainName, RECORD_RANK, RECORD_TYPE, reverseName } from "../../lib/dns/mod.ts";
import { DnsServer } from "../../lib/nameserver/mod.ts";
import { Cidr, Endpoint } from "../../lib/net/mod.ts";
import { memberAddress, memberName, MEMBERS } from "./dns_zone.ts";

const [sockets = "", port = ""] = Deno.args;
const endpoint = Endpoint.parse(`127.0.0.1:${port}`);
const cidr = Cidr.parse("10.200.0.0/16");
if ((sockets !== "fast" && sockets !== "portable") || endpoint === undefined || cidr === undefined) {
  throw new TypeError("usage: dns_server.ts fast|portable PORT");
}
const handle = await new DnsServer({ listen: [endpoint], cidrs: [cidr], sockets }).start();
for (
  const [name, address] of Array.from(
    { length: MEMBERS },
    (_, i) => [memberName(i), memberAddress(i)] as const,
  )
) {
  const owner = DomainName.parse(name) ?? DomainName.root;
  const pointer = {
    name: reverseName(address),
    type: RECORD_TYPE.PTR,
    class: 1,
    ttlSeconds: 300,
    data: owner.wire,
  };
  handle.setRecords(name, RECORD_RANK.member, [addressRecord(owner, address, 300), pointer]);
}
console.log("ready");
