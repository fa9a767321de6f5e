import assert from "node:assert/strict";
import { SeededRandom, type SpanEnd, type SpanStart, type Tracer, VirtualClock } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { Device } from "../../wireguard/mod.ts";
import { HandshakeSpans } from "./handshake_spans.ts";

const [at, other] = ["192.0.2.1:51820", "192.0.2.2:51820"].map((text) =>
  Endpoint.parse(text) ?? assert.fail()
);
const all = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** Two devices whose datagrams go where and when the test says, and the spans of each. */
function pair() {
  const random = new SeededRandom(7);
  const clock = new VirtualClock();
  const keys = [PrivateKey.generate(random), PrivateKey.generate(random)] as const;
  const make = (own: 0 | 1) => {
    const device = new Device({ privateKey: keys[own], random, wall: () => clock.wall() });
    const peer = keys[own === 0 ? 1 : 0].publicKey;
    const endpoint = own === 0 ? other : at;
    device.setPeer(clock.now(), { publicKey: peer, ...endpoint && { endpoint }, allowedIps: [all] });
    const spans: (SpanStart & SpanEnd & { readonly name: string; readonly endedAt: number })[] = [];
    const tracer: Tracer = {
      start: (name, start) => ({
        end: (end) => void spans.push({ name, ...start, ...end, endedAt: clock.wall() }),
      }),
    };
    const watch = new HandshakeSpans({ tracer, clock, describe: () => ({ "weft.peer": `node-${1 - own}` }) });
    const settle = () => {
      for (let event = device.pollEvent(); event; event = device.pollEvent()) watch.handleDeviceEvent(event);
    };
    const take = () => {
      const sent: Uint8Array[] = [];
      for (let next = device.pollTransmit(); next; next = device.pollTransmit()) {
        sent.push(next.datagram.slice());
      }
      return sent;
    };
    return { device, peer, spans, settle, take };
  };
  const [a, b] = [make(0), make(1)];
  const advance = (ms: number) => {
    clock.advance(ms);
    for (const { device, settle } of [a, b]) {
      device.handleTimeout(clock.now());
      settle();
    }
  };
  const carry = (from: typeof a, to: typeof a) => {
    for (const datagram of from.take()) to.device.handleDatagram(clock.now(), datagram, at ?? assert.fail());
    to.settle();
  };
  return { a, b, clock, advance, carry };
}

Deno.test("HandshakeSpans has a span of each end, from the first initiation to the confirmed session", () => {
  const { a, b, clock, advance, carry } = pair();
  const begunAt = clock.wall();
  a.device.initiateHandshake(clock.now(), a.peer);
  a.settle();
  a.take();
  // Lost; the second attempt arrives.
  advance(5_400);
  advance(20);
  carry(a, b);
  const answeredAt = clock.wall();
  advance(20);
  carry(b, a);
  advance(20);
  carry(a, b);
  assert.deepEqual(a.spans, [{
    name: "weft.wireguard.handshake",
    kind: "client",
    startedAt: begunAt,
    attributes: { "weft.peer": "node-1", "weft.attempts": 2 },
    error: undefined,
    endedAt: begunAt + 5_440,
  }]);
  assert.deepEqual(b.spans, [{
    name: "weft.wireguard.handshake",
    kind: "server",
    startedAt: answeredAt,
    attributes: { "weft.peer": "node-0" },
    error: undefined,
    endedAt: answeredAt + 40,
  }]);
});

Deno.test("HandshakeSpans says how a handshake failed: unanswered, cancelled, never confirmed", () => {
  const { a, b, clock, advance, carry } = pair();
  const told = (from: typeof a) => from.spans.map(({ kind, error }) => [kind, error]);
  a.device.initiateHandshake(clock.now(), a.peer);
  for (let turn = 0; turn < 130; turn++) advance(1_000);
  assert.deepEqual(told(a), [["client", "Unanswered"]]);
  assert.equal(a.spans[0]?.attributes?.["weft.attempts"], 19);
  a.device.initiateHandshake(clock.now(), a.peer);
  a.settle();
  carry(a, b);
  b.take();
  advance(5_400);
  carry(a, b);
  assert.deepEqual(told(b), [["server", "Unconfirmed"]]);
  a.device.removePeer(a.peer);
  a.settle();
  assert.deepEqual(told(a).at(-1), ["client", "Cancelled"]);
});
