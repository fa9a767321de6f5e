import assert from "node:assert/strict";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { LanSockets } from "./lan_sockets.ts";
import { LocalDatagrams } from "./bound_udp.ts";

const loopback = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));
const group = IpAddress.fromBytes(Uint8Array.of(239, 255, 42, 98));

/** A port that nobody has. */
async function freeUdpPort(): Promise<number> {
  const socket = LocalDatagrams.open({ address: loopback, port: 0 });
  await socket.close();
  return socket.local.port;
}

Deno.test("LanSockets receives what is sent to it, shares its port, and follows interfaces", async () => {
  const port = await freeUdpPort();
  const interfaces: IpAddress[] = [];
  const options = { port, group, ttl: 2, interfaces: () => interfaces };
  const sockets = await LanSockets.open(options);
  const other = await LanSockets.open(options);
  await other.close();
  sockets.send(Uint8Array.of(5), new Endpoint(loopback, port));
  const received = await sockets.receive();
  assert.deepEqual([...received?.datagram ?? []], [5]);
  assert.equal(await sockets.refresh(), false);
  interfaces.push(loopback);
  assert.equal(await sockets.refresh(), true);
  assert.equal(await sockets.refresh(), false);
  interfaces.length = 0;
  assert.equal(await sockets.refresh(), false);
  const waiting = sockets.receive();
  await sockets.close();
  await sockets.close();
  assert.equal(await waiting, undefined);
  assert.equal(await sockets.refresh(), false);
});

Deno.test("LanSockets passes over an address that this host does not have", async () => {
  const nowhere = IpAddress.fromBytes(Uint8Array.of(192, 0, 2, 201));
  const sockets = await LanSockets.open({
    port: await freeUdpPort(),
    group,
    ttl: 2,
    interfaces: () => [nowhere],
  });
  sockets.broadcast(Uint8Array.of(1));
  await sockets.close();
});
