/**
 * Tenants that never meet: a simulation of many hosts, moves, leaving hosts, loss and a hostile member.
 * @module
 */

import assert from "node:assert/strict";
import { builtInDrivers } from "../../drivers/mod.ts";
import { OuterHeader } from "../../lib/net/mod.ts";
import { IpAddress } from "../../lib/net/mod.ts";
import { define, macOf, type Tenant, TenantWorld, testFrame } from "./overlay_tenants.ts";

const HOSTS = 10;
const ROOTLESS = 3;
const TENANTS = 8;
const ENDPOINTS = 8;
const STEPS = 1_500;
const STEP_MS = 20;
/** After so long everybody has followed a move. */
const FOLLOWED_MS = 1_000;
const HOSTILE_TENANT = 0xbad;

interface Sent {
  readonly sequence: number;
  readonly tenant: Tenant;
  readonly to: number | "everybody";
  readonly from: number;
  readonly sentAt: number;
  /** Who has to get it, if nothing is lost; undefined while something moves. */
  readonly expected: readonly number[] | undefined;
}

function started(seed: number): TenantWorld {
  const world = new TenantWorld(seed);
  for (let host = 0; host < HOSTS; host++) world.addHost(host < ROOTLESS);
  const drivers = builtInDrivers();
  const { names } = drivers;
  for (let i = 0; i < TENANTS; i++) {
    const name = names[i % names.length] ?? "vxlan";
    const least = drivers.get(name)?.().capabilities.identifier.min ?? 0;
    const tenant = world.addTenant(name, least + 100 + i);
    for (let endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
      const host = world.hosts[world.pick(HOSTS)];
      world.place(tenant, endpoint, host);
    }
  }
  world.advance(2 * FOLLOWED_MS);
  return world;
}

/** Sends at random. */
function sendSome(world: TenantWorld, sent: Sent[]): void {
  const tenant = world.tenants[world.pick(TENANTS)];
  assert.ok(tenant);
  const from = world.pick(ENDPOINTS);
  const to = world.pick(4) === 0 ? "everybody" : world.pick(ENDPOINTS);
  if (to === from) return;
  const isQuiet = (endpoint: number) => world.now - (tenant.changedAt.get(endpoint) ?? 0) >= FOLLOWED_MS;
  const { now } = world;
  const placed = [...tenant.placed.keys()];
  // A move of an endpoint that is not meant changes nothing, but for a frame to everybody.
  const isKnown = to === "everybody" ? placed.every(isQuiet) : tenant.placed.has(to) && isQuiet(to);
  const isStable = isKnown && isQuiet(from) &&
    [...tenant.changedAt.keys()].every((endpoint) => to !== "everybody" || isQuiet(endpoint));
  const sequence = world.send(tenant, from, to);
  if (sequence === undefined) return;
  const expected = to === "everybody" ? placed.filter((endpoint) => endpoint !== from).sort() : [to];
  sent.push({ sequence, tenant, to, from, sentAt: now, expected: isStable ? expected : undefined });
}

/** Holds the promises to what has arrived. @returns how many sent frames had to arrive somewhere */
function verify(
  world: TenantWorld,
  sent: readonly Sent[],
  isLossy: boolean,
  changed: ReadonlySet<number>,
): number {
  const bySequence = new Map(sent.map((one) => [one.sequence, one]));
  const got = new Map<number, number[]>();
  const ports = new Set<string>();
  for (const { sequence, tenant, portTenant, endpoint, host } of world.arrivals) {
    assert.notEqual(tenant, HOSTILE_TENANT, "a forged frame has arrived");
    assert.equal(portTenant, tenant, `a frame of tenant ${tenant} has arrived at one of ${portTenant}`);
    const one = bySequence.get(sequence);
    assert.ok(one);
    // To whom nobody is known to be it goes to all of the network.
    if (one.to !== "everybody" && one.expected !== undefined && !changed.has(sequence)) {
      assert.equal(endpoint, one.to, "a frame has arrived at somebody else");
    }
    const places = got.get(sequence) ?? [];
    const port = `${sequence} at ${endpoint} of ${host}`;
    assert.ok(!ports.has(port), `a frame has arrived twice: ${port}`);
    ports.add(port);
    got.set(sequence, [...places, endpoint]);
  }
  let checked = 0;
  for (const { sequence, expected } of sent) {
    // What moved while it was on the way may have missed it.
    if (expected === undefined || isLossy || changed.has(sequence)) continue;
    assert.deepEqual((got.get(sequence) ?? []).sort(), expected, `frame ${sequence}`);
    checked++;
  }
  return checked;
}

for (const seed of [1, 2, 3]) {
  Deno.test(`tenants with the same addresses never meet while endpoints move and hosts leave (seed ${seed})`, () => {
    const world = started(seed);
    const sent: Sent[] = [];
    const changed = new Set<number>();
    for (let step = 0; step < STEPS; step++) {
      sendSome(world, sent);
      if (step % 97 === 0) {
        const tenant = world.tenants[world.pick(TENANTS)];
        assert.ok(tenant);
        const here = world.hosts.filter(({ isGone }) => !isGone);
        world.place(tenant, world.pick(ENDPOINTS), here[world.pick(here.length)]);
        noteOnTheWay(world, sent, changed);
      }
      if (step === 700 || step === 1_100) {
        const here = world.hosts.filter(({ isGone }) => !isGone);
        world.leave(here[world.pick(here.length)] ?? assert.fail());
        noteOnTheWay(world, sent, changed);
      }
      world.advance(STEP_MS);
    }
    world.advance(FOLLOWED_MS);
    const checked = verify(world, sent, false, changed);
    assert.ok(checked > STEPS / 3, `${checked} of ${sent.length} frames had to arrive`);
    world.close();
  });

  Deno.test(`no frame arrives twice or elsewhere while a fifth is lost (seed ${seed})`, () => {
    const world = started(seed);
    world.loss = 0.2;
    const sent: Sent[] = [];
    for (let step = 0; step < STEPS; step++) {
      sendSome(world, sent);
      world.advance(STEP_MS);
    }
    world.advance(FOLLOWED_MS);
    verify(world, sent, true, new Set());
    assert.ok(world.arrivals.length > STEPS / 3);
    world.close();
  });

  Deno.test(`a member of one network sends nothing into another one (seed ${seed})`, () => {
    const world = started(seed);
    const [first, ...others] = world.tenants;
    assert.ok(first);
    const hostile = world.addHost(false);
    world.place(first, ENDPOINTS, hostile);
    world.advance(2 * FOLLOWED_MS);
    // Its own program does what it likes: it is in all networks, with all addresses, and everybody is its remote.
    let port = 1_000;
    const ends: number[] = [];
    for (const tenant of others) {
      define(hostile.plane, tenant);
      for (const host of world.hosts) {
        if (host === hostile) continue;
        const isChannel = host.via.kind === "channel";
        const via = isChannel ? { kind: "channel", nodeId: `${host.index}` } as const : host.via;
        hostile.plane.setRemote({ port: port++, network: tenant.id, allowsForeign: true, via });
      }
      const id = hostile.plane.programs.open(() => {});
      const device = { kind: "program", id } as const;
      const definition = { port: port++, network: tenant.id, name: "evil", allowsForeign: true, device };
      hostile.plane.setPort(definition);
      ends.push(id);
    }
    const sent: Sent[] = [];
    for (let step = 0; step < STEPS; step++) {
      sendSome(world, sent);
      const end = ends[world.pick(ends.length)];
      assert.ok(end !== undefined);
      const to = world.pick(3) === 0 ? "everybody" : world.pick(ENDPOINTS);
      hostile.plane.programs.send(end, testFrame(HOSTILE_TENANT, world.pick(ENDPOINTS), to, step));
      world.advance(STEP_MS);
    }
    world.advance(FOLLOWED_MS);
    assert.ok(verify(world, sent, false, new Set()) > STEPS / 3);
    const refused = world.hosts.reduce((sum, { plane }) => {
      const counts = others.map(({ id }) => plane.networkCounts(id)?.drops["not-a-member"] ?? 0);
      return sum + counts.reduce((a, b) => a + b, 0);
    }, 0);
    assert.ok(refused > STEPS, `${refused} frames were refused by membership`);
    world.close();
  });

  Deno.test(`random and forged packets of a member reach no port and stop no plane (seed ${seed})`, () => {
    const world = started(seed);
    const victim = world.hosts.find(({ via }) => via.kind === "member");
    const attacker = world.hosts.findLast(({ via }) => via.kind === "member");
    assert.ok(victim?.via.kind === "member" && attacker?.via.kind === "member" && victim !== attacker);
    const source = IpAddress.parse(attacker.via.address);
    const destination = IpAddress.parse(victim.via.address);
    assert.ok(source && destination);
    for (const name of builtInDrivers().names) {
      const transport = builtInDrivers().get(name)?.().capabilities.transport;
      assert.ok(transport);
      const protocol = transport.kind === "ip" ? transport.protocol : 97;
      const carries = transport.kind === "udp" ? { udpPort: transport.port } : { protocol };
      const header = new OuterHeader({ source, destination, carries });
      for (let i = 0; i < 2_000; i++) {
        const payload = Uint8Array.from({ length: world.pick(120) }, () => world.pick(256));
        const packet = new Uint8Array(header.lengthBytes + payload.length);
        packet.set(payload, header.lengthBytes);
        header.write(packet, 0, payload.length, i);
        victim.plane.receiveFromMesh(packet);
        victim.plane.receiveFromChannel(`${attacker.index}`, packet.subarray(header.lengthBytes - 2));
      }
    }
    assert.equal(world.arrivals.length, 0);
    const tenant = world.tenants.find(({ placed }) => [...placed.values()].includes(victim));
    const [endpoint] = [...tenant?.placed ?? []].find(([, host]) => host === victim) ?? [];
    assert.ok(tenant && endpoint !== undefined);
    const other = (endpoint + 1) % ENDPOINTS;
    world.send(tenant, other, endpoint);
    world.advance(100);
    assert.deepEqual(world.arrivals.map((arrival) => arrival.endpoint), [endpoint], macOf(endpoint));
    world.close();
  });
}

/** What is under way when something changes may be late for it. */
function noteOnTheWay(world: TenantWorld, sent: readonly Sent[], changed: Set<number>): void {
  for (const { sequence, sentAt } of sent.slice(-10)) if (world.now - sentAt < 50) changed.add(sequence);
}
