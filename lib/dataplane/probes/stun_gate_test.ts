import assert from "node:assert/strict";
import { Counters, millis } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { checkProbe, ProbeGate } from "./probe_gate.ts";
import { StunGate } from "./stun_gate.ts";

const endpoint = (text: string) => Endpoint.parse(text) ?? assert.fail(text);
const server = endpoint("192.0.2.1:3478");
const server6 = endpoint("[2001:db8::1]:3478");

function message(type: number, id: number): Uint8Array {
  const datagram = new Uint8Array(20);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, type);
  view.setUint32(4, 0x2112_a442);
  view.setUint32(16, id);
  return datagram;
}

function opened() {
  const counters = new Counters<"foreign-stun">(["foreign-stun"]);
  const gate = new StunGate(counters);
  const admits = (at: number, id: number, from = server) =>
    gate.admits(millis(at), Uint8Array.of(7, ...message(0x0101, id)), 1, () => from);
  const ask = (at: number, id: number, to = server) => gate.noteAsked(millis(at), message(1, id), to);
  return { counters, admits, ask };
}

Deno.test("StunGate admits one answer to each request, from the server that was asked, within ten seconds", () => {
  const { counters, admits, ask } = opened();
  assert.equal(admits(0, 1), false, "nothing was asked");
  ask(0, 1);
  ask(0, 2, server6);
  assert.equal(admits(10, 3), false, "another transaction");
  assert.equal(admits(10, 1, endpoint("192.0.2.1:3479")), false, "another port");
  assert.equal(admits(10, 1, server6), false, "another server");
  assert.equal(admits(10, 1), true);
  assert.equal(admits(10, 1), false, "a second time");
  assert.equal(admits(9_999, 2, server6), true);
  ask(20_000, 4);
  assert.equal(admits(30_000, 4), false, "too late");
  assert.equal(counters.get("foreign-stun"), 6);
});

Deno.test("StunGate keeps 32 requests, the newest", () => {
  const { admits, ask } = opened();
  for (let id = 0; id < 40; id++) ask(0, id);
  assert.deepEqual(Array.from({ length: 40 }, (_, id) => admits(1, id)).indexOf(true), 8);
  for (let id = 40; id < 72; id++) ask(1, id);
  assert.ok(admits(1, 40));
});

Deno.test("ProbeGate takes requests of STUN for no datagrams of paths, and checkProbe() nothing else of STUN", () => {
  const gate = new ProbeGate();
  checkProbe(message(1, 5));
  assert.throws(() => checkProbe(message(0x0101, 5)), RangeError);
  gate.noteOutgoing(millis(0), message(1, 5), server);
  assert.ok(gate.stun.admits(millis(0), message(0x0101, 5), 0, () => server));
  assert.equal(gate.stun.admits(millis(0), message(0x0101, 5), 0, () => server), false);
  assert.equal(gate.counters.get("foreign-stun"), 1);
});
