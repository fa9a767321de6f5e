import assert from "node:assert/strict";
import { SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { AnnouncementCodec } from "./announcement.ts";
import { Discovery, type DiscoverySocket } from "./discovery.ts";
import type { DiscoveryEvent } from "./discovery_state.ts";

const NETWORK = "0123456789abcdef0123456789abcdef";
const SELF = "1".repeat(32);
const OTHER = "2".repeat(32);
const there = Endpoint.parse("192.0.2.2:45678") as Endpoint;

/** One node whose neighbours are this test. */
class TestNode {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly codec = new AnnouncementCodec(NETWORK);
  readonly announced: string[] = [];
  readonly answered: string[] = [];
  readonly events: DiscoveryEvent[] = [];
  isClosed = false;
  readonly #arrived: Uint8Array[] = [];
  #wake = (): void => {};
  readonly discovery = new Discovery({
    networkId: NETWORK,
    nodeId: SELF,
    role: { kind: "member", port: 51820, isLeader: () => true },
    random: new SeededRandom(1),
    clock: this.clock,
    timers: this.timers,
    log: silentLogger,
    socket: this.#socket(),
    providers: ["multicast", "broadcast"].map((name) => ({
      name,
      announce: (datagram) => void this.announced.push(`${name} ${this.#kindOf(datagram)}`),
    })),
    observer: (event) => void this.events.push(event),
  });

  async receive(kind: "announce" | "seek", nonce: string): Promise<void> {
    const port = kind === "seek" ? 0 : 51999;
    this.#arrived.push(this.codec.encode({ kind, port, nonce: nonce.repeat(16), nodeId: OTHER }));
    this.#wake();
    for (let i = 0; i < 8; i++) await Promise.resolve();
  }

  #kindOf(datagram: Uint8Array): string {
    const read = this.codec.decode(datagram);
    return typeof read === "object" ? read.kind : "garbage";
  }

  #socket(): DiscoverySocket {
    return {
      receive: async () => {
        for (;;) {
          const datagram = this.#arrived.shift();
          if (datagram !== undefined) return { datagram, source: there };
          if (this.isClosed) return undefined;
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
      },
      send: (datagram, destination) => void this.answered.push(`${destination} ${this.#kindOf(datagram)}`),
      close: () => {
        this.isClosed = true;
        this.#wake();
        return Promise.resolve();
      },
    };
  }
}

Deno.test("Discovery announces by every provider, answers a seeker, and says goodbye", async () => {
  const node = new TestNode();
  const { discovery, announced } = node;
  discovery.start();
  assert.deepEqual(announced.splice(0), ["multicast announce", "broadcast announce"]);
  node.timers.advance(30_000);
  assert.deepEqual(announced.splice(0), ["multicast announce", "broadcast announce"]);
  await node.receive("seek", "a");
  assert.deepEqual(node.answered, ["192.0.2.2:45678 here"]);
  discovery.handleChange();
  assert.equal(announced.splice(0).length, 2, "a change is told at once");
  await discovery.close();
  await discovery.close();
  assert.deepEqual(announced, ["multicast goodbye", "broadcast goodbye"]);
  assert(node.isClosed);
  assert.equal(node.timers.size, 0, "nothing is left behind");
});

Deno.test("Discovery tells who has announced itself, and answers a newcomer within a second", async () => {
  const node = new TestNode();
  node.discovery.start();
  await node.receive("announce", "b");
  assert.deepEqual(node.events.map(({ kind, endpoint }) => `${kind} ${endpoint}`), [
    "found 192.0.2.2:51999",
  ]);
  assert.deepEqual(node.discovery.endpointsOf(OTHER).map(String), ["192.0.2.2:51999"]);
  assert.equal(node.discovery.size, 1);
  node.announced.length = 0;
  node.timers.advance(1_000);
  assert.equal(node.announced.length, 2);
  await node.discovery.close();
});
