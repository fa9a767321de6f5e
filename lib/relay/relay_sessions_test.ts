import assert from "node:assert/strict";
import { SeededRandom } from "../base/mod.ts";
import { PortPicker, type RelayPorts } from "./relay_forwarder.ts";
import { RelaySessions } from "./relay_sessions.ts";

/** Ports that count what is open. */
class Ports {
  open = 0;
  datagrams = 0;
  isBound = true;
  #next = 1;

  readonly make = (): RelayPorts => {
    this.open++;
    return {
      a: this.#next++,
      b: this.#next++,
      activity: () => ({ datagrams: this.datagrams, bytes: 0, binds: 0, isBound: this.isBound }),
      close: () => void this.open--,
    };
  };
}

const bounds = { perMember: 2, total: 3, idleMs: 1000 };

Deno.test("RelaySessions gives two members the same legs, whoever asks and however often", () => {
  const ports = new Ports();
  const sessions = new RelaySessions(new SeededRandom(1), bounds);
  const first = sessions.open("x", "a", 0, ports.make);
  const again = sessions.open("x", "a", 1, ports.make);
  const turned = sessions.open("a", "x", 2, ports.make);
  assert.ok(typeof first === "object" && typeof turned === "object");
  assert.deepEqual(again, first);
  assert.deepEqual(turned, { a: first.b, b: first.a });
  assert.notDeepEqual(first.a.id, first.b.id);
  assert.ok(!first.a.secret.equals(first.b.secret));
  assert.equal(ports.open, 1);
});

Deno.test("RelaySessions refuses beyond its bounds, and what has no ports", () => {
  const ports = new Ports();
  const sessions = new RelaySessions(new SeededRandom(1), bounds);
  assert.equal(sessions.open("a", "a", 0, ports.make), "not-member");
  assert.equal(sessions.open("a", "b", 0, () => undefined), "no-port");
  assert.equal(sessions.size, 0);
  assert.equal(typeof sessions.open("a", "b", 0, ports.make), "object");
  assert.equal(typeof sessions.open("a", "c", 0, ports.make), "object");
  assert.equal(sessions.open("a", "d", 0, ports.make), "too-many-of-member");
  // Nobody's room is taken by what others ask for.
  assert.equal(typeof sessions.open("d", "a", 0, ports.make), "object");
  assert.equal(typeof sessions.open("a", "d", 0, ports.make), "object");
  assert.equal(sessions.open("e", "f", 0, ports.make), "too-many");
  assert.equal(typeof sessions.open("a", "b", 0, ports.make), "object");
  assert.equal(sessions.end(({ members }) => members.includes("b")), 1);
  assert.equal(ports.open, 2);
  assert.equal(typeof sessions.open("a", "e", 0, ports.make), "object");
  assert.equal(sessions.end(() => true), 3);
  assert.equal(ports.open, 0);
});

Deno.test("RelaySessions ends what nobody uses, and nothing else", () => {
  const ports = new Ports();
  const sessions = new RelaySessions(new SeededRandom(1), bounds);
  sessions.open("a", "b", 0, ports.make);
  assert.equal(sessions.endIdle(999), 0);
  ports.datagrams++;
  assert.equal(sessions.endIdle(999), 0);
  assert.equal(sessions.endIdle(1998), 0);
  sessions.open("b", "a", 1998, ports.make);
  assert.equal(sessions.endIdle(2997), 0);
  assert.equal(sessions.endIdle(2998), 1);
  assert.equal(ports.open, 0);
});

Deno.test("RelaySessions bounds what others ask for with one member", () => {
  const ports = new Ports();
  const sessions = new RelaySessions(new SeededRandom(1), { ...bounds, total: 100, perOther: 2 });
  assert.equal(typeof sessions.open("a", "victim", 0, ports.make), "object");
  assert.equal(typeof sessions.open("b", "victim", 0, ports.make), "object");
  assert.equal(sessions.open("c", "victim", 0, ports.make), "too-many-of-other");
  assert.equal(typeof sessions.open("victim", "c", 0, ports.make), "object");
  sessions.end(({ members }) => members.includes("a"));
  assert.equal(typeof sessions.open("d", "victim", 0, ports.make), "object");
});

Deno.test("RelaySessions ends a session to which one of both never comes, however often it is asked for", () => {
  const ports = new Ports();
  ports.isBound = false;
  const sessions = new RelaySessions(new SeededRandom(1), { ...bounds, idleMs: 120_000 });
  sessions.open("a", "b", 0, ports.make);
  ports.datagrams++;
  sessions.open("a", "b", 14_000, ports.make);
  assert.equal(sessions.endIdle(14_999), 0);
  assert.equal(sessions.endIdle(15_000), 1);
  ports.isBound = true;
  sessions.open("a", "b", 15_000, ports.make);
  assert.equal(sessions.endIdle(60_000), 0);
});

Deno.test("PortPicker gives the ports of its range in turn, past those that are taken", () => {
  const taken = new Set([11]);
  const picker = new PortPicker({ first: 10, last: 13 });
  const tryOpen = (port: number) =>
    taken.has(port) ? "port-taken" : { port, close: () => taken.delete(port) };
  const opened = [1, 2].map(() => {
    const socket = picker.open(tryOpen);
    if (socket !== undefined) taken.add(socket.port);
    return socket?.port;
  });
  assert.deepEqual(opened, [10, 12]);
  const openAndTake = (port: number) => {
    const socket = tryOpen(port);
    if (typeof socket === "object") taken.add(port);
    return socket;
  };
  // One is left, which is not enough, and is free again.
  assert.equal(picker.openPair(openAndTake), undefined);
  assert.deepEqual([...taken].sort(), [10, 11, 12]);
  taken.delete(10);
  assert.deepEqual(picker.openPair(openAndTake)?.map(({ port }) => port).sort(), [10, 13]);
  assert.equal(picker.open(tryOpen), undefined);
});
