import assert from "node:assert/strict";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { PortInUseError } from "./errors.ts";
import { LocalDatagrams } from "./bound_udp.ts";

const loopback = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));

Deno.test("LocalDatagrams carries a datagram and says where it came from", async () => {
  const a = LocalDatagrams.open({ address: loopback, port: 0 });
  const b = LocalDatagrams.open({ address: loopback, port: 0 });
  const bytes = Uint8Array.of(1, 2, 3);
  a.send(bytes, b.local);
  bytes.fill(0);
  const received = await b.receive();
  assert.deepEqual([...received?.datagram ?? []], [1, 2, 3]);
  assert(received?.source.equals(a.local));
  a.close();
  b.close();
  a.close();
  a.send(bytes, b.local);
  assert.equal(await b.receive(), undefined);
});

Deno.test("LocalDatagrams waits no longer when it is closed, and a port that is nobody's does no harm", async () => {
  const a = LocalDatagrams.open({ address: loopback, port: 0 });
  a.send(Uint8Array.of(1), new Endpoint(loopback, 9));
  const waiting = a.receive();
  await new Promise((resolve) => setTimeout(resolve, 50));
  a.close();
  assert.equal(await waiting, undefined);
});

Deno.test("LocalDatagrams.open() says that a port is taken, unless it is shared", () => {
  const a = LocalDatagrams.open({ address: loopback, port: 0, isShared: true });
  const { port } = a.local;
  assert.throws(() => LocalDatagrams.open({ address: loopback, port }), PortInUseError);
  LocalDatagrams.open({ address: loopback, port, isShared: true }).close();
  a.close();
});
