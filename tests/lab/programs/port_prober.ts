// deno-lint-ignore-file no-console -- whoever started it reads the lines
/**
 * Tries ports of others and tells who has tried its own: `port_prober.ts GO ADDRESS PORTS OTHERS`, lists with commas. It listens on
 * all ports with TCP and UDP and prints `ready`; once the file GO is there it connects to and sends to every port of every
 * other, and prints as JSON which connections came about, from which port, and from whom datagrams have come.
 * @module
 */

import { setTimeout as wait } from "node:timers/promises";

const [go = "", hostname = "", portList = "", otherList = ""] = Deno.args;
const ports = portList.split(",").map(Number);
const others = otherList.split(",");
/** From which datagrams are sent, so that rules for source ports can be held against it. */
const SOURCE_PORT = 40_000;
const CONNECT_MS = 6_000;
const ROUNDS = 3;

const received = new Set<string>();
for (const port of ports) {
  const listener = Deno.listen({ hostname, port });
  (async () => {
    for await (const connection of listener) connection.close();
  })();
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  (async () => {
    for await (const [, source] of socket) {
      if (source.transport === "udp") received.add(`${source.hostname} ${port}`);
    }
  })();
}
console.log("ready");
while (!await Deno.stat(go).then(() => true, () => false)) await wait(50);

const connected: { to: string; port: number; from: number }[] = [];
const tries = others.flatMap((to) =>
  ports.map(async (port) => {
    const aborted = AbortSignal.timeout(CONNECT_MS);
    try {
      const connection = await Deno.connect({ hostname: to, port, signal: aborted });
      connected.push({ to, port, from: (connection.localAddr as Deno.NetAddr).port });
      connection.close();
    } catch {
      // Refused, or never answered: which of them is the policy's matter.
    }
  })
);
const sender = Deno.listenDatagram({ transport: "udp", hostname, port: SOURCE_PORT });
for (let round = 0; round < ROUNDS; round++) {
  for (const to of others) {
    for (const port of ports) {
      // A local denial may be told as an error of an earlier datagram.
      await sender.send(new Uint8Array(8), { transport: "udp", hostname: to, port }).catch(() => {});
    }
  }
  await wait(1_000);
}
await Promise.all(tries);
await wait(2_000);
console.log(JSON.stringify({ connected, received: [...received] }));
await wait(60_000);
