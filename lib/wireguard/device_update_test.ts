import assert from "node:assert/strict";
import { PrivateKey } from "../crypto/mod.ts";
import { Cidr } from "../net/mod.ts";
import { type Host, innerPacket, parseCidr, Simulation } from "./testing/simulation.ts";

function allowed(a: Host, b: Host): string[] | undefined {
  return a.device.peerStatus(b.device.publicKey)?.allowedIps.map(String);
}

Deno.test("Device.updatePeer() changes what it names and keeps the session", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair({ persistentKeepaliveSeconds: 25 });
  const id = simulation.send(a, b);
  simulation.advance(200);
  const { publicKey } = b.device;
  assert.ok(a.device.updatePeer(simulation.now, { publicKey, addAllowedIps: [parseCidr("10.9.0.0/16")] }));
  assert.deepEqual(allowed(a, b), ["10.200.0.2/32", `${Cidr.host(b.address6)}`, "10.9.0.0/16"]);
  const status = a.device.peerStatus(publicKey);
  assert.deepEqual([status?.hasSession, status?.persistentKeepaliveSeconds], [true, 25]);
  assert.ok(status?.endpoint?.equals(b.endpoint));
  a.device.updatePeer(simulation.now, {
    publicKey,
    replaceAllowedIps: true,
    addAllowedIps: [parseCidr("10.8.0.0/16"), Cidr.host(b.address4)],
    removeAllowedIps: [parseCidr("10.8.0.0/16"), parseCidr("10.7.0.0/16")],
    persistentKeepaliveSeconds: 0,
  });
  assert.deepEqual(allowed(a, b), ["10.200.0.2/32"]);
  assert.equal(a.device.peerStatus(publicKey)?.persistentKeepaliveSeconds, 0);
  const second = simulation.send(a, b);
  simulation.advance(200);
  assert.deepEqual(b.received, [id, second]);
});

Deno.test("Device.updatePeer() removes a prefix only from its owner, and a narrower one cuts off at once", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const c = simulation.addHost();
  simulation.addPeer(c, a);
  simulation.addPeer(a, c);
  const wide = parseCidr("10.77.0.0/16");
  const narrow = parseCidr("10.77.1.0/24");
  const destination = parseCidr("10.77.1.1/32").address;
  const send = (id: number) => {
    a.device.handlePacket(simulation.now, innerPacket(a.address4, destination, id));
    simulation.advance(200);
  };
  a.device.updatePeer(simulation.now, { publicKey: b.device.publicKey, addAllowedIps: [wide] });
  send(1);
  a.device.updatePeer(simulation.now, { publicKey: c.device.publicKey, addAllowedIps: [narrow] });
  send(2);
  a.device.updatePeer(simulation.now, { publicKey: b.device.publicKey, removeAllowedIps: [narrow] });
  send(3);
  a.device.updatePeer(simulation.now, { publicKey: c.device.publicKey, removeAllowedIps: [narrow] });
  send(4);
  assert.deepEqual([b.received, c.received], [[1, 4], [2, 3]]);
});

Deno.test("Device.setPrivateKey() ends every session, and peers that know the new key make new ones", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const former = a.device.publicKey;
  simulation.send(a, b);
  simulation.advance(200);
  const same = a.device.privateKey;
  a.device.setPrivateKey(same && PrivateKey.fromBytes(same.exposeBytes()));
  assert.equal(a.device.peerStatus(b.device.publicKey)?.hasSession, true);
  a.device.setPrivateKey(PrivateKey.generate(simulation.random));
  assert.equal(a.device.peerStatus(b.device.publicKey)?.hasSession, false);
  assert.equal(a.device.sessionsInUse, 0);
  b.device.removePeer(former);
  simulation.addPeer(b, a);
  const ids = [simulation.send(a, b)];
  simulation.advance(200);
  assert.deepEqual(b.received.slice(-1), ids);
});

Deno.test("Device.setPrivateKey() removes the peer that has this key", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  a.device.setPrivateKey(b.device.privateKey);
  assert.deepEqual(a.device.peerStatuses(), []);
  assert.equal(a.device.updatePeer(simulation.now, { publicKey: b.device.publicKey }), false);
});

Deno.test("Device without a private key begins and answers no handshake until it has one", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const key = a.device.privateKey;
  a.device.setPrivateKey(undefined);
  assert.equal(a.device.privateKey, undefined);
  simulation.send(a, b);
  simulation.send(b, a);
  simulation.advance(2_000);
  assert.deepEqual([a.received, b.received], [[], []]);
  assert.equal(a.device.peerStatus(b.device.publicKey)?.txBytes, 0);
  a.device.setPrivateKey(key);
  simulation.advance(20_000);
  simulation.send(a, b);
  simulation.advance(20_000);
  assert.ok(b.received.length > 0);
});

Deno.test("Device.setMtu() follows the interface", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  assert.equal(
    a.device.handlePacket(simulation.now, innerPacket(a.address4, b.address4, 1, 9000)),
    "packet-too-long",
  );
  a.device.setMtu(9000);
  assert.equal(
    a.device.handlePacket(simulation.now, innerPacket(a.address4, b.address4, 2, 9000)),
    undefined,
  );
  simulation.advance(200);
  assert.deepEqual(b.received, [2]);
});

Deno.test("Device.updatePeer() takes 130,560 prefixes quickly", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const prefixes: Cidr[] = [];
  for (let i = 0; i < 65_280; i++) {
    prefixes.push(parseCidr(`${i >> 8}.${i & 255}.0.0/16`), parseCidr(`abcd:${i.toString(16)}::/128`));
  }
  const startedAt = performance.now();
  a.device.updatePeer(simulation.now, { publicKey: b.device.publicKey, addAllowedIps: prefixes });
  const c = simulation.addHost();
  a.device.updatePeer(simulation.now, { publicKey: c.device.publicKey, addAllowedIps: prefixes });
  assert.equal(allowed(a, c)?.length, 130_560);
  assert.equal(allowed(a, b)?.length, 2);
  assert.ok(performance.now() - startedAt < 10_000);
});

Deno.test("Device.suspend() is silent until resume, which calls those with a keepalive", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  a.device.updatePeer(simulation.now, { publicKey: b.device.publicKey, persistentKeepaliveSeconds: 1 });
  simulation.advance(5_000);
  a.device.suspend();
  const { txBytes } = a.device.peerStatus(b.device.publicKey) ?? {};
  simulation.send(a, b);
  simulation.advance(5_000);
  assert.equal(a.device.peerStatus(b.device.publicKey)?.txBytes, txBytes);
  a.device.resume(simulation.now);
  simulation.advance(1_000);
  assert.equal(a.device.peerStatus(b.device.publicKey)?.hasSession, true);
});
