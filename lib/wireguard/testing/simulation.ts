/**
 * Tests of devices run here: hosts on a virtual clock, with a seeded network between them that loses, repeats and
 * reorders what it is told to.
 * @module
 */

import assert from "node:assert/strict";
import { type Millis, millis, randomFraction, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { PresharedKey, PrivateKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { Device } from "../device.ts";
import type { DeviceOptions } from "../device_context.ts";
import type { DeviceEvent, DropReason } from "../outcomes.ts";
import type { WireGuardPeerConfig } from "../peer_config.ts";

/** What the network does to a datagram. */
export interface Network {
  lossRate: number;
  duplicateRate: number;
  minDelayMs: number;
  maxDelayMs: number;
  /** Says false of a datagram that is to vanish. */
  passes: (sent: Sent) => boolean;
}

/** A datagram as the network saw it. */
export interface Sent {
  readonly atMs: number;
  readonly from: Host;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly datagram: Uint8Array;
  /** 1 to 4. */
  readonly type: number;
}

export function parseEndpoint(text: string): Endpoint {
  const parsed = Endpoint.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function parseCidr(text: string): Cidr {
  const parsed = Cidr.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** An IP packet between two addresses of one family that carries the number `id`. */
export function innerPacket(
  source: IpAddress,
  destination: IpAddress,
  id: number,
  lengthBytes = 84,
): Uint8Array {
  const packet = new Uint8Array(lengthBytes);
  const view = new DataView(packet.buffer);
  if (source.family === 4) {
    packet[0] = 0x45;
    view.setUint16(2, lengthBytes);
    packet[8] = 64;
    packet.set(source.bytes, 12);
    packet.set(destination.bytes, 16);
  } else {
    packet[0] = 0x60;
    view.setUint16(4, lengthBytes - 40);
    packet[7] = 64;
    packet.set(source.bytes, 8);
    packet.set(destination.bytes, 24);
  }
  if (lengthBytes >= 48) view.setUint32(lengthBytes - 4, id);
  return packet;
}

/** A device with its addresses, and a record of all that it did. */
export class Host {
  readonly device: Device;
  readonly address4: IpAddress;
  readonly address6: IpAddress;
  endpoint: Endpoint;
  /** The numbers of the inner packets that came in. */
  readonly received: number[] = [];
  readonly packets: Uint8Array[] = [];
  readonly events: { readonly atMs: number; readonly event: DeviceEvent }[] = [];

  constructor(number: number, options: DeviceOptions) {
    this.device = new Device(options);
    this.endpoint = parseEndpoint(`192.0.2.${number}:51820`);
    this.address4 = IpAddress.fromBytes(Uint8Array.of(10, 200, 0, number));
    const bytes = new Uint8Array(16);
    bytes.set([0xfd, 0], 0);
    bytes[15] = number;
    this.address6 = IpAddress.fromBytes(bytes);
  }

  /** How often an event of this kind happened. */
  count(kind: DeviceEvent["kind"]): number {
    return this.events.filter(({ event }) => event.kind === kind).length;
  }

  dropped(reason: DropReason): number {
    return this.device.counters.get(reason);
  }
}

/** Everything together. */
export class Simulation {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom;
  readonly hosts: Host[] = [];
  readonly network: Network = {
    lossRate: 0,
    duplicateRate: 0,
    minDelayMs: 10,
    maxDelayMs: 10,
    passes: () => true,
  };
  /** All datagrams that were sent, those included that the network lost. */
  readonly sent: Sent[] = [];
  readonly #inFlight: { readonly arrivesAtMs: number; readonly sent: Sent }[] = [];
  #packets = 0;

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
  }

  get now(): Millis {
    return this.clock.now();
  }

  addHost(options: Partial<DeviceOptions> = {}): Host {
    const privateKey = PrivateKey.generate(this.random);
    const wall = () => this.clock.wall();
    const host = new Host(this.hosts.length + 1, { privateKey, random: this.random, wall, ...options });
    this.hosts.push(host);
    return host;
  }

  /** Makes `remote` a peer of `local`, with its addresses and, unless told otherwise, its endpoint. */
  addPeer(
    local: Host,
    remote: Host,
    config: Partial<WireGuardPeerConfig> = {},
    isEndpointKnown = true,
  ): void {
    local.device.setPeer(this.now, {
      publicKey: remote.device.publicKey,
      ...(isEndpointKnown ? { endpoint: remote.endpoint } : {}),
      allowedIps: [Cidr.host(remote.address4), Cidr.host(remote.address6)],
      ...config,
    });
    this.#drain();
  }

  /** Two hosts that know each other. */
  addPair(config: Partial<WireGuardPeerConfig> = {}): [Host, Host] {
    const [a, b] = [this.addHost(), this.addHost()];
    this.addPeer(a, b, config);
    this.addPeer(b, a, config);
    return [a, b];
  }

  /** Sends an inner packet. @returns its number */
  send(
    from: Host,
    to: Host,
    options: { readonly family?: number; readonly lengthBytes?: number } = {},
  ): number {
    const { family = 4, lengthBytes = 84 } = options;
    const [source, destination] = family === 4 ? [from.address4, to.address4] : [from.address6, to.address6];
    const id = this.#packets++;
    from.device.handlePacket(this.now, innerPacket(source, destination, id, lengthBytes));
    this.#drain();
    return id;
  }

  /** Begins a handshake. */
  initiate(from: Host, to: Host): void {
    from.device.initiateHandshake(this.now, to.device.publicKey);
    this.#drain();
  }

  /** Hands `host` a datagram at once. @returns its outcome as text */
  inject(host: Host, datagram: Uint8Array, source: Endpoint): string {
    const outcome = host.device.handleDatagram(this.now, datagram, source);
    const text = outcome.kind === "dropped" ? outcome.reason : outcome.kind;
    if (outcome.kind === "packet") this.#keep(host, outcome.packet);
    this.#drain();
    return text;
  }

  /** Lets time pass, from one thing that happens to the next. */
  advance(byMs: number): void {
    const end = this.now + byMs;
    this.#drain();
    for (;;) {
      let next = end;
      for (const host of this.hosts) next = Math.min(next, host.device.pollTimeout() ?? Infinity);
      for (const { arrivesAtMs } of this.#inFlight) next = Math.min(next, arrivesAtMs);
      this.clock.advance(Math.max(0, next - this.now));
      const isLast = this.now >= end;
      this.#deliver();
      for (const host of this.hosts) host.device.handleTimeout(this.now);
      this.#drain();
      if (isLast && !this.#inFlight.some(({ arrivesAtMs }) => arrivesAtMs <= this.now)) return;
    }
  }

  /** What `from` sent of this type since `sinceMs`. */
  sentBy(from: Host, type?: number, sinceMs = 0): Sent[] {
    return this.sent.filter((one) =>
      one.from === from && (type === undefined || one.type === type) && one.atMs >= sinceMs
    );
  }

  /** Makes what is sent visible and gives it to the network. */
  #drain(): void {
    for (const from of this.hosts) {
      for (let out = from.device.pollTransmit(); out !== undefined; out = from.device.pollTransmit()) {
        const datagram = out.datagram.slice();
        const { endpoint: destination } = out;
        const type = datagram[0] ?? 0;
        const sent = { atMs: this.now, from, source: from.endpoint, destination, datagram, type };
        this.sent.push(sent);
        if (this.network.passes(sent)) this.#carry(sent);
      }
      for (let event = from.device.pollEvent(); event !== undefined; event = from.device.pollEvent()) {
        from.events.push({ atMs: this.now, event });
      }
    }
  }

  #carry(sent: Sent): void {
    const { lossRate, duplicateRate, minDelayMs, maxDelayMs } = this.network;
    const copies = randomFraction(this.random) < duplicateRate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (randomFraction(this.random) < lossRate) continue;
      const delayMs = minDelayMs + Math.floor(randomFraction(this.random) * (maxDelayMs - minDelayMs));
      this.#inFlight.push({ arrivesAtMs: this.now + delayMs, sent });
    }
  }

  #deliver(): void {
    for (let i = 0; i < this.#inFlight.length;) {
      const flight = this.#inFlight[i];
      if (flight === undefined || flight.arrivesAtMs > this.now) {
        i++;
        continue;
      }
      this.#inFlight.splice(i, 1);
      const { datagram, destination, source } = flight.sent;
      const host = this.hosts.find(({ endpoint }) => endpoint.equals(destination));
      if (host === undefined) continue;
      const outcome = host.device.handleDatagram(this.now, datagram, source);
      if (outcome.kind === "packet") this.#keep(host, outcome.packet);
    }
  }

  #keep(host: Host, packet: Uint8Array): void {
    host.packets.push(packet.slice());
    host.received.push(new DataView(packet.buffer, packet.byteOffset).getUint32(packet.length - 4));
  }
}

/** A preshared key of one repeated byte. */
export function presharedKey(byte: number): PresharedKey {
  return PresharedKey.fromBytes(new Uint8Array(32).fill(byte));
}

/** `ms` after the clock's zero. */
export function at(ms: number): Millis {
  return millis(ms);
}
