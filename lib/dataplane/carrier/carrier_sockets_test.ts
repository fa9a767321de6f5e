import assert from "node:assert/strict";
import { IpAddress } from "../../net/mod.ts";
import { type DatagramSocket, openUdp } from "../../transport/mod.ts";
import { carrierSockets } from "../open_carrier_sockets.ts";
import type { CarrierSocket } from "./carrier_socket.ts";

const PATIENCE_MS = 20_000;
const LOOPBACK = IpAddress.parse("127.0.0.1") ?? assert.fail();

/** A socket, its partner, and what the socket has heard. */
class World implements Disposable {
  readonly partner: DatagramSocket = openUdp({ port: 0, address: LOOPBACK });
  readonly heard: Uint8Array[] = [];
  readonly socket: CarrierSocket;
  turns = 0;

  constructor(open: ReturnType<typeof carrierSockets>) {
    this.socket = open({
      peerPort: this.partner.localPort,
      onDatagram: (datagram) => this.heard.push(datagram.slice()),
      onTurn: () => this.turns++,
    });
  }

  /** @returns the lengths of the datagrams that come to the partner, in order */
  async received(count: number): Promise<number[]> {
    const lengths: number[] = [];
    while (lengths.length < count) {
      const batch = await this.partner.receiveBatch() ?? assert.fail();
      for (let i = 0; i < batch.count; i++) {
        assert.ok(batch.source(i).equals(this.socket.endpoint));
        assert.ok(batch.datagram(i).every((byte) => byte === (batch.datagram(i).length & 255)));
        lengths.push(batch.datagram(i).length);
      }
    }
    return lengths;
  }

  [Symbol.dispose](): void {
    this.socket.close();
    this.socket.close();
    this.partner.close();
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < end, "it does not come");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const filled = (length: number) => new Uint8Array(length).fill(length & 255);

function testSockets(name: string, isPortable: boolean): void {
  Deno.test(`${name} carrier sockets send every datagram to their partner`, async () => {
    const open = carrierSockets(isPortable);
    using world = new World(open);
    using other = new World(open);
    const lengths = [100, 1452, 1452, 1452, 700, 700, 1452, 60_000, 32, 32, 31, 500];
    for (const [i, length] of lengths.entries()) {
      world.socket.send(filled(length));
      // They share what gathers.
      if (i % 4 === 0) other.socket.send(filled(i + 40));
    }
    world.socket.flush();
    other.socket.flush();
    // The runtime sends what is given to it in one turn in any order.
    const inOrder = (received: number[]) => isPortable ? received.sort((a, b) => a - b) : received;
    const all = isPortable ? lengths.toSorted((a, b) => a - b) : lengths;
    assert.deepEqual(inOrder(await world.received(lengths.length)), all);
    assert.deepEqual(inOrder(await other.received(3)), [40, 44, 48]);
  });

  Deno.test(`${name} carrier sockets hear their partner alone`, async () => {
    using world = new World(carrierSockets(isPortable));
    const stranger = openUdp({ port: 0, address: LOOPBACK });
    stranger.send(filled(60), world.socket.endpoint);
    await until(() => world.socket.foreign === 1);
    stranger.close();
    for (const length of [60, 61, 1452]) world.partner.send(filled(length), world.socket.endpoint);
    await until(() => world.heard.length === 3);
    assert.deepEqual(world.heard, [filled(60), filled(61), filled(1452)]);
    await until(() => world.turns > 0);
    assert.ok(world.socket.endpoint.address.isLoopback);
  });

  Deno.test(`${name} carrier sockets can be closed while they hear, and others opened`, async () => {
    const open = carrierSockets(isPortable);
    for (let i = 0; i < 3; i++) {
      using world = new World(open);
      world.partner.send(filled(60), world.socket.endpoint);
      await until(() => world.heard.length === 1);
      world.partner.send(filled(60), world.socket.endpoint);
    }
  });
}

testSockets("portable", true);
if (Deno.build.os === "linux") testSockets("fast", false);
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
else console.log("skipped: fast carrier sockets: they need Linux");
