import assert from "node:assert/strict";
import {
  CLASS_IN,
  decodeMessage,
  DomainName,
  encodeMessage,
  parseRecord,
  RECORD_RANK,
  RECORD_TYPE,
} from "../dns/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import { openUdp } from "../transport/mod.ts";
import { DnsServer } from "./dns_server.ts";

const loopback = (last: number) => IpAddress.fromBytes(Uint8Array.of(127, 0, 0, last));

/** Asks over UDP from an address. @returns the response code and how many answers there are */
async function ask(
  server: Endpoint,
  from: IpAddress,
  name: string,
  type: number,
): Promise<readonly number[]> {
  const socket = openUdp({ address: from, port: 0 });
  try {
    const query = encodeMessage({
      id: 7,
      flags: 0,
      opcode: 0,
      responseCode: 0,
      questions: [{ name: DomainName.parse(name) ?? DomainName.root, type, class: CLASS_IN }],
      answers: [],
      authority: [],
      additional: [],
    });
    socket.send(query, server);
    const batch = await socket.receiveBatch();
    const message = decodeMessage(batch?.datagram(0).slice() ?? new Uint8Array());
    if (typeof message === "string") throw new Error(message);
    return [message.responseCode, message.answers.length];
  } finally {
    socket.close();
  }
}

for (const sockets of ["fast", "portable"] as const) {
  Deno.test(`DnsServer keeps hidden names from one asker alone, reverse lookups too (${sockets})`, async () => {
    const block = Cidr.parse("10.200.0.0/16");
    assert.ok(block);
    await using handle = await new DnsServer({
      listen: [new Endpoint(loopback(1), 0)],
      cidrs: [block],
      sockets,
    }).start();
    const zone = DomainName.parse("weft.internal.") ?? DomainName.root;
    const parse = (text: { name: string; type: string; data: string }) => {
      const record = parseRecord(zone, text);
      if ("problem" in record) throw new Error(record.problem);
      return record;
    };
    handle.setRecords("member db", RECORD_RANK.member, [
      parse({ name: "db", type: "A", data: "10.200.0.9" }),
    ]);
    handle.setRecords("network db", RECORD_RANK.network, [
      parse({ name: "9.0.200.10.in-addr.arpa.", type: "PTR", data: "db.weft.internal." }),
    ]);
    handle.setRecords("service db web", RECORD_RANK.service, [
      parse({ name: "_http._tcp.web", type: "SRV", data: "0 0 80 db.weft.internal." }),
    ]);
    const [server] = handle.endpoints;
    assert.ok(server);
    const [friend, stranger] = [loopback(2), loopback(3)];
    const all = async (from: IpAddress) => [
      await ask(server, from, "db.weft.internal.", RECORD_TYPE.A),
      await ask(server, from, "9.0.200.10.in-addr.arpa.", RECORD_TYPE.PTR),
      await ask(server, from, "_http._tcp.web.weft.internal.", RECORD_TYPE.SRV),
    ];
    const seen = [[0, 1], [0, 1], [0, 1]];
    const gone = [[3, 0], [3, 0], [3, 0]];
    // What was answered while nothing was hidden lies in the tables.
    assert.deepEqual([await all(friend), await all(stranger)], [seen, seen]);
    await handle.hideFrom((source) => source.equals(stranger) ? (group) => group.includes(" db") : undefined);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual([await all(friend), await all(stranger)], [seen, gone]);
    }
    await handle.hideFrom(undefined);
    assert.deepEqual(await all(stranger), seen);
  });
}
