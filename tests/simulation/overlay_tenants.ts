/**
 * Many hosts with endpoints of several tenants, in memory and under a virtual clock: all tenants have the same block and the
 * same MAC addresses. Some hosts reach others by the mesh, some by channels alone.
 * @module
 */

import assert from "node:assert/strict";
import { randomUint32, SeededRandom, VirtualClock, VirtualTimers } from "../../lib/base/mod.ts";
import {
  type FramePlane,
  MemoryUnderlay,
  type PlaneRemote,
  PortableFrames,
} from "../../lib/dataplane/mod.ts";
import { IpAddress } from "../../lib/net/mod.ts";

/** Marks frames of the test in the EtherType's place (IEEE 802-2014 §9.2.4, local experimental 2). */
const TEST_TYPE = 0x88b6;
const HEADER_BYTES = 14;
const MAX_LATENCY_MS = 20;
/** How long it takes at most until a host has heard of a change. */
const MAX_RUMOUR_MS = 500;

/** What a tenant's network is. */
export interface Tenant {
  readonly id: number;
  readonly driver: string;
  readonly identifier: number;
  readonly payload: "ethernet" | "ip";
  /** Where each endpoint is, by its number; what the network's key has signed. */
  readonly placed: Map<number, SimHost>;
  readonly changedAt: Map<number, number>;
}

/** One frame that has arrived. */
export interface Arrival {
  readonly sequence: number;
  readonly tenant: number;
  /** The tenant whose port it arrived at. */
  readonly portTenant: number;
  readonly endpoint: number;
  /** Of the port: an endpoint that moves has two for a moment. */
  readonly host: number;
}

interface LocalPort {
  readonly program: number;
  readonly port: number;
}

/** One host: a plane, and what it has been told. */
export class SimHost {
  readonly plane: PortableFrames;
  readonly index: number;
  readonly via: PlaneRemote["via"];
  readonly #world: TenantWorld;
  readonly #local = new Map<string, LocalPort>();
  readonly #remotes = new Map<string, number>();
  readonly #bindings = new Map<string, string>();
  readonly #networks = new Set<number>();
  #nextPort = 1;
  isGone = false;

  constructor(world: TenantWorld, index: number, plane: PortableFrames, via: PlaneRemote["via"]) {
    this.#world = world;
    this.index = index;
    this.plane = plane;
    this.via = via;
  }

  /** Does what the network's key says of a tenant now. */
  follow(tenant: Tenant): void {
    if (this.isGone) return;
    const { plane } = this;
    const { id, placed } = tenant;
    const isMember = [...placed.values()].includes(this);
    const wanted = new Map(isMember ? placed : []);
    if (isMember && !this.#networks.has(id)) {
      this.#networks.add(id);
      define(plane, tenant);
    }
    for (const [endpoint, host] of wanted) if (host === this) this.#openPort(tenant, endpoint);
    const hosts = new Set([...wanted.values()].filter((host) => host !== this));
    for (const host of hosts) this.#port(tenant, host);
    for (const [endpoint, host] of wanted) {
      const port = host === this
        ? this.#local.get(`${id}/${endpoint}`)?.port
        : this.#remotes.get(`${id}/${host.index}`);
      const key = `${id}/${endpoint}`;
      assert.ok(port !== undefined);
      if (this.#bindings.get(key) === `${port}`) continue;
      this.#bindings.set(key, `${port}`);
      plane.setBinding({ network: id, port, mac: macOf(endpoint), addresses: [addressOf(endpoint)] });
    }
    for (const key of [...this.#local.keys()]) {
      const [network, endpoint] = key.split("/").map(Number) as [number, number];
      if (network === id && wanted.get(endpoint) !== this) this.#closePort(key);
    }
    for (const [key, port] of [...this.#remotes]) {
      const [network, host] = key.split("/").map(Number);
      if (network !== id || [...hosts].some(({ index }) => index === host)) continue;
      plane.removeRemote(port);
      this.#remotes.delete(key);
    }
    if (isMember || !this.#networks.delete(id)) return;
    plane.removeNetwork(id);
    for (const key of [...this.#bindings.keys()]) if (key.startsWith(`${id}/`)) this.#bindings.delete(key);
  }

  /** Sends a frame from a local endpoint. @returns whether the endpoint is here already */
  send(tenant: number, endpoint: number, frame: Uint8Array): boolean {
    const local = this.#local.get(`${tenant}/${endpoint}`);
    return local !== undefined && this.plane.programs.send(local.program, frame);
  }

  #openPort({ id }: Tenant, endpoint: number): void {
    const key = `${id}/${endpoint}`;
    if (this.#local.has(key)) return;
    const port = this.#nextPort++;
    const program = this.plane.programs.open((frame) =>
      this.#world.note({ portTenant: id, endpoint, host: this.index }, frame)
    );
    this.#local.set(key, { program, port });
    const device = { kind: "program", id: program } as const;
    this.plane.setPort({ port, network: id, name: `e${endpoint}`, allowsForeign: false, device });
  }

  #closePort(key: string): void {
    const local = this.#local.get(key);
    if (local === undefined) return;
    this.#local.delete(key);
    this.plane.removePort(local.port);
    this.plane.programs.close(local.program);
  }

  #port({ id }: Tenant, host: SimHost): void {
    const key = `${id}/${host.index}`;
    if (this.#remotes.has(key)) return;
    const port = this.#nextPort++;
    this.#remotes.set(key, port);
    // Who has no packet plane, or is one that has none, is reached by its channel.
    const isChannel = host.via.kind === "channel" || this.via.kind === "channel";
    const via: PlaneRemote["via"] = isChannel ? { kind: "channel", nodeId: `${host.index}` } : host.via;
    this.plane.setRemote({ port, network: id, allowsForeign: false, via });
  }
}

/** All hosts and tenants. */
export class TenantWorld {
  readonly hosts: SimHost[] = [];
  readonly tenants: Tenant[] = [];
  readonly arrivals: Arrival[] = [];
  readonly #random: SeededRandom;
  readonly #clock = new VirtualClock();
  readonly #timers = new VirtualTimers(this.#clock);
  readonly #underlay = new MemoryUnderlay(this.#timers);
  /** The share of packets that are lost between hosts. */
  loss = 0;
  #sequence = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  get now(): number {
    return this.#clock.now();
  }

  /** @returns a number from 0 to `below - 1` */
  pick(below: number): number {
    return randomUint32(this.#random) % below;
  }

  advance(ms: number): void {
    this.#timers.advance(ms);
  }

  /** @param isRootless it has channels alone */
  addHost(isRootless: boolean): SimHost {
    const index = this.hosts.length;
    const text = `10.42.0.${index + 1}`;
    const address = IpAddress.parse(text);
    assert.ok(address);
    const link = isRootless
      ? undefined
      : this.#underlay.join([address], (packet) => void host.plane.receiveFromMesh(packet));
    const plane = new PortableFrames({
      clock: this.#clock,
      timers: this.#timers,
      random: this.#random,
      onPortEvent: (event) => {
        if (event.kind !== "channel-packet") return;
        const packet = event.packet.slice();
        const to = this.hosts[Number(event.nodeId)];
        this.#later(() => to?.plane.receiveFromChannel(`${index}`, packet));
      },
      ...link && {
        sendMesh: (packet: Uint8Array) => {
          const copy = packet.slice();
          this.#later(() => link.send(copy));
          return true;
        },
      },
    });
    plane.setOwnAddresses([text]);
    const via: PlaneRemote["via"] = isRootless
      ? { kind: "channel", nodeId: `${index}` }
      : { kind: "member", publicKey: `${index}`, address: text };
    const host: SimHost = new SimHost(this, index, plane, via);
    this.hosts.push(host);
    return host;
  }

  addTenant(driver: string, identifier: number): Tenant {
    const id = this.tenants.length + 1;
    const placed = new Map<number, SimHost>();
    const tenant: Tenant = { id, driver, identifier, payload: "ethernet", placed, changedAt: new Map() };
    this.tenants.push(tenant);
    return tenant;
  }

  /** The network's key says where an endpoint is from now on; each host hears it some time later. */
  place(tenant: Tenant, endpoint: number, host: SimHost | undefined): void {
    if (host === undefined) tenant.placed.delete(endpoint);
    else tenant.placed.set(endpoint, host);
    tenant.changedAt.set(endpoint, this.now);
    for (const other of this.hosts) {
      this.#timers.setTimer(this.pick(MAX_RUMOUR_MS), () => other.follow(tenant));
    }
  }

  /** A host is switched off; the network's key takes its endpoints away later. */
  leave(host: SimHost): void {
    host.isGone = true;
    host.plane.close();
    for (const tenant of this.tenants) {
      for (const [endpoint, at] of [...tenant.placed]) {
        if (at === host) this.place(tenant, endpoint, undefined);
      }
    }
  }

  /** @returns the sequence number of what was sent, or undefined when the endpoint is not there yet */
  send(tenant: Tenant, from: number, to: number | "everybody"): number | undefined {
    const sequence = ++this.#sequence;
    const frame = testFrame(tenant.id, from, to, sequence);
    return tenant.placed.get(from)?.send(tenant.id, from, frame) === true ? sequence : undefined;
  }

  note(port: Pick<Arrival, "portTenant" | "endpoint" | "host">, frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    if (view.getUint16(12) !== TEST_TYPE) return;
    this.arrivals.push({ tenant: view.getUint32(14), sequence: view.getUint32(18), ...port });
  }

  close(): void {
    for (const { plane } of this.hosts) plane.close();
  }

  #later(run: () => void): void {
    if (this.pick(10_000) < this.loss * 10_000) return;
    this.#timers.setTimer(1 + this.pick(MAX_LATENCY_MS), run);
  }
}

/** Sets a tenant's network up. */
export function define(plane: FramePlane, { id, driver, identifier }: Tenant): void {
  const wire = { driver, identifier, options: {}, underlay: { kind: "mesh" } } as const;
  plane.setNetwork({ network: id, name: `tenant-${id}`, mtuBytes: 1300, stormLimit: 10_000, ...wire });
}

/** The same in all tenants' networks. */
export function macOf(endpoint: number): string {
  return `02:00:00:00:00:${endpoint.toString(16).padStart(2, "0")}`;
}

/** The same in all tenants' networks. */
export function addressOf(endpoint: number): string {
  return `10.0.0.${endpoint + 1}`;
}

/** A frame that says whose it is. */
export function testFrame(
  tenant: number,
  from: number,
  to: number | "everybody",
  sequence: number,
): Uint8Array {
  const frame = new Uint8Array(64);
  const view = new DataView(frame.buffer);
  frame.set(to === "everybody" ? new Uint8Array(6).fill(0xff) : Uint8Array.of(2, 0, 0, 0, 0, to));
  frame.set(Uint8Array.of(2, 0, 0, 0, 0, from), 6);
  view.setUint16(12, TEST_TYPE);
  view.setUint32(HEADER_BYTES, tenant);
  view.setUint32(HEADER_BYTES + 4, sequence);
  return frame;
}
