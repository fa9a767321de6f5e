import assert from "node:assert/strict";
import { millis, SeededRandom } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { AnnouncementCodec } from "./announcement.ts";
import { type DiscoveryEvent, DiscoveryState } from "./discovery_state.ts";

const NETWORK = "0123456789abcdef0123456789abcdef";
const idOf = (number: number): string => number.toString(16).padStart(32, "0");
const at = (text: string): Endpoint => {
  const endpoint = Endpoint.parse(text);
  assert(endpoint);
  return endpoint;
};

/** Nodes on one wire: what one sends all others receive at once. */
class Wire {
  now = 0;
  readonly nodes: { readonly state: DiscoveryState; address: string; readonly events: DiscoveryEvent[] }[] =
    [];
  sent = 0;
  answers = 0;

  add(role: "leader" | "member" | "seeker", networkId = NETWORK): DiscoveryState {
    const number = this.nodes.length + 1;
    const state = new DiscoveryState(millis(this.now), {
      networkId,
      nodeId: idOf(number),
      role: role === "seeker"
        ? { kind: "seeker" }
        : { kind: "member", port: 51820, isLeader: () => role === "leader" },
      random: new SeededRandom(number),
    });
    this.nodes.push({ state, address: `192.0.2.${number}`, events: [] });
    return state;
  }

  run(forMs: number): void {
    for (const end = this.now + forMs; this.now < end; this.now += 100) {
      for (const from of this.nodes) {
        from.state.handleTimeout(millis(this.now));
        for (let out = from.state.pollTransmit(); out !== undefined; out = from.state.pollTransmit()) {
          this.sent++;
          if (out.destination !== undefined) this.answers++;
          const source = at(`${from.address}:45678`);
          for (const to of this.nodes) {
            const isMeant = out.destination === undefined ||
              out.destination.equals(at(`${to.address}:45678`));
            // By broadcast and by multicast, and back to its sender.
            if (isMeant) {
              for (let i = 0; i < 2; i++) to.state.handleDatagram(millis(this.now), out.datagram, source);
            }
          }
        }
      }
      for (const { state, events } of this.nodes) {
        for (let event = state.pollEvent(); event !== undefined; event = state.pollEvent()) {
          events.push(event);
        }
      }
    }
  }

  found(index: number): string[] {
    return (this.nodes[index]?.events ?? []).map(({ kind, endpoint }) => `${kind} ${endpoint}`);
  }
}

Deno.test("DiscoveryState announces at once, then every 24 to 30 s", () => {
  const wire = new Wire();
  wire.add("member");
  wire.run(100);
  assert.equal(wire.sent, 1);
  wire.run(23_800);
  assert.equal(wire.sent, 1);
  wire.run(300_000);
  assert(wire.sent >= 11 && wire.sent <= 14, `${wire.sent}`);
});

Deno.test("DiscoveryState finds others once, and a newcomer finds everybody within about a second", () => {
  const wire = new Wire();
  wire.add("member");
  wire.add("member");
  wire.run(10_000);
  wire.add("member");
  wire.run(1_200);
  assert.deepEqual(wire.found(2).sort(), ["found 192.0.2.1:51820", "found 192.0.2.2:51820"]);
  assert.deepEqual(wire.found(0).sort(), ["found 192.0.2.2:51820", "found 192.0.2.3:51820"]);
  wire.run(120_000);
  assert.equal(wire.found(0).length, 2, "once each");
});

Deno.test("DiscoveryState reports a new address of a node, forgets the old one, and follows goodbyes", () => {
  const wire = new Wire();
  const a = wire.add("member");
  const b = wire.add("member");
  wire.run(2_000);
  const moved = wire.nodes[1];
  assert(moved);
  moved.address = "192.0.2.77";
  b.handleChange(millis(wire.now));
  wire.run(100);
  assert.deepEqual(wire.found(0), ["found 192.0.2.2:51820", "found 192.0.2.77:51820"]);
  assert.deepEqual(a.endpointsOf(idOf(2)).map(String), ["192.0.2.77:51820", "192.0.2.2:51820"]);
  wire.run(125_000);
  assert.deepEqual(a.endpointsOf(idOf(2)).map(String), ["192.0.2.77:51820"]);
  const goodbye = b.goodbye();
  assert(goodbye);
  a.handleDatagram(millis(wire.now), goodbye, at("192.0.2.66:9"));
  assert.equal(a.size, 1, "a goodbye takes away only where it comes from");
  a.handleDatagram(millis(wire.now), b.goodbye() ?? goodbye, at("192.0.2.77:9"));
  assert.equal(a.size, 0);
});

Deno.test("DiscoveryState answers a seeker as leader only, and a seeker follows leaders only", () => {
  const wire = new Wire();
  wire.add("leader");
  wire.add("member");
  wire.run(5_000);
  wire.add("seeker");
  wire.run(3_000);
  assert.deepEqual(wire.found(2), ["found 192.0.2.1:51820"]);
  assert(wire.answers >= 3, "one for each time it seeks");
  assert.deepEqual(wire.found(1), ["found 192.0.2.1:51820"], "answers are for the seeker");
  assert.equal(wire.nodes[2]?.state.goodbye(), undefined);
});

Deno.test("DiscoveryState drops announcements of another network, garbage and forged sources", () => {
  const wire = new Wire();
  const state = wire.add("member");
  const other = new Wire();
  const foreign = other.add("member", "f".repeat(32)).goodbye();
  assert(foreign);
  const source = at("192.0.2.9:45678");
  state.handleDatagram(millis(0), foreign, source);
  state.handleDatagram(millis(0), foreign.subarray(1), source);
  const codec = new AnnouncementCodec(NETWORK);
  const good = codec.encode({ kind: "announce", port: 1, nonce: "0".repeat(16), nodeId: idOf(9) });
  for (const text of ["0.0.0.0:5", "224.0.0.1:5", "192.0.2.3:0"]) {
    state.handleDatagram(millis(0), good, at(text));
  }
  assert.deepEqual(state.drops.snapshot(), {
    "discovery-too-many": 0,
    "discovery-malformed": 1,
    "discovery-foreign": 1,
    "discovery-source": 3,
  });
  assert.equal(state.size, 0);
});

Deno.test("DiscoveryState stays bounded under a flood that knows the network", () => {
  const state = new Wire().add("leader");
  const codec = new AnnouncementCodec(NETWORK);
  const hex = (number: number): string => number.toString(16).padStart(16, "0");
  for (let i = 0; i < 500; i++) {
    const bytes = codec.encode({ kind: "announce", port: 1, nonce: hex(i), nodeId: idOf(1_000 + i) });
    state.handleDatagram(millis(0), bytes, at("192.0.2.9:1"));
  }
  assert.equal(state.size, 40, "one source");
  for (let i = 0; i < 5_000; i++) {
    const bytes = codec.encode({ kind: "seek", port: 0, nonce: hex(10_000 + i), nodeId: idOf(7) });
    const address = IpAddress.fromBytes(Uint8Array.of(10, 1, i >> 8, i & 255));
    state.handleDatagram(millis(0), bytes, new Endpoint(address, 1));
  }
  let answers = 0;
  while (state.pollTransmit() !== undefined) answers++;
  assert(answers <= 1_000, `${answers} answers to forged sources`);
  for (let i = 0; i < 3_000; i++) {
    const bytes = codec.encode({
      kind: "announce",
      port: 1,
      nonce: hex(20_000 + i),
      nodeId: idOf(9_000 + i),
    });
    const address = IpAddress.fromBytes(Uint8Array.of(10, 2, i >> 8, i & 255));
    state.handleDatagram(millis(10_000 + 2 * i), bytes, new Endpoint(address, 1));
  }
  assert.equal(state.size, 1_024);
});
