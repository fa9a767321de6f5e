// deno-lint-ignore-file no-console -- whoever started it reads the lines
/**
 * A site's name server in the lab, with a wildcard: `recording_name_server.ts ADDRESS PORT DOMAIN ADDRESS`. It answers
 * everything below the domain with one address, says of all else that it does not exist, and prints what it is asked for.
 * @module
 */

import { addressRecord, decodeMessage, DomainName, encodeMessage, FLAG } from "../../../lib/dns/mod.ts";
import { IpAddress } from "../../../lib/net/mod.ts";

const [hostname = "", port = "", domain = "", data = ""] = Deno.args;
const zone = DomainName.parse(domain);
const address = IpAddress.parse(data);
if (zone === undefined || address === undefined) {
  throw new TypeError("usage: recording_name_server.ts ADDRESS PORT DOMAIN ADDRESS");
}
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });
console.log("ready");
for await (const [bytes, source] of socket) {
  const query = decodeMessage(bytes);
  if (typeof query === "string") continue;
  const [question] = query.questions;
  if (question === undefined) continue;
  console.log(`asked ${question.name}`);
  const isKnown = question.name.isWithin(zone);
  const answers = isKnown && question.type === 1 ? [addressRecord(question.name, address, 60)] : [];
  const response = { ...query, flags: FLAG.QR | FLAG.RD | FLAG.RA, edns: undefined, answers };
  await socket.send(encodeMessage({ ...response, responseCode: isKnown ? 0 : 3 }), source);
}
