// deno-lint-ignore-file no-console -- whoever started it waits for a line
/**
 * A name server of somebody else, in the lab: `name_server.ts ADDRESS:PORT ZONE NAME ADDRESS`.
 * @module
 */

import { DnsServer } from "../../../lib/nameserver/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";

const [at = "", zone = "", name = "", data = ""] = Deno.args;
const endpoint = Endpoint.parse(at);
if (endpoint === undefined) throw new TypeError("usage: name_server.ts ADDRESS:PORT ZONE NAME ADDRESS");
const handle = await new DnsServer({ listen: [endpoint], zone, sockets: "portable" }).start();
handle.add({ name, type: "A", data });
console.log("ready");
