/**
 * An attacker on the network: first an honest WireGuard peer, to have real datagrams in hand, then a flood of what is left
 * of them. `attacker.ts JSON` takes an `Attack` and prints an `AttackReport`. Only for targets inside a lab.
 * @module
 */

import { type Millis, millis, SeededRandom, unixMillis } from "../../../lib/base/mod.ts";
import { PrivateKey, PublicKey } from "../../../lib/crypto/mod.ts";
import { Cidr, Endpoint } from "../../../lib/net/mod.ts";
import { Device } from "../../../lib/wireguard/mod.ts";

/** What to do to whom. */
export interface Attack {
  /** The WireGuard key and `address:port` of the target; the TCP port has the same number. */
  readonly targetPublicKey: string;
  readonly target: string;
  /** 64 hexadecimal digits; the target knows the public half of it as a device. */
  readonly privateKey: string;
  /** The overlay addresses of both ends. */
  readonly ownAddress: string;
  readonly targetAddress: string;
  /** Datagrams of the flood, all kinds together. */
  readonly datagrams: number;
  readonly seed: number;
}

/** The kinds of the flood. */
export type FloodKind = "random" | "truncated" | "flipped" | "replayed" | "reflected";

/** What was sent and what came back, in bytes, by kind. */
export interface AttackReport {
  readonly kinds: Readonly<Record<FloodKind, { sent: number; sentBytes: number; receivedBytes: number }>>;
  readonly tcp: { connections: number; sentBytes: number; receivedBytes: number };
}

if (import.meta.main) {
  const attack: Attack = JSON.parse(Deno.args[0] ?? "{}");
  const random = new SeededRandom(attack.seed);
  const corpus = await gatherCorpus(attack, random);
  const kinds: Readonly<Record<FloodKind, () => Uint8Array>> = {
    random: () => randomDatagram(random),
    truncated: () => truncated(random, pick(random, [...corpus.sent, ...corpus.received])),
    flipped: () => flipped(random, pick(random, [...corpus.sent, ...corpus.received])),
    replayed: () => pick(random, corpus.sent),
    reflected: () => pick(random, corpus.received),
  };
  const report: Partial<Record<FloodKind, { sent: number; sentBytes: number; receivedBytes: number }>> = {};
  const share = Math.ceil(attack.datagrams / Object.keys(kinds).length);
  for (const [kind, make] of Object.entries(kinds)) {
    report[kind as FloodKind] = await flood(attack.target, share, make);
  }
  const tcp = await floodTcp(attack.target, random);
  // deno-lint-ignore no-console -- whoever started this program reads the line
  console.log(JSON.stringify({ kinds: report, tcp }));
  Deno.exit(0);
}

/** Real datagrams of one session, from both ends. */
interface Corpus {
  readonly sent: readonly Uint8Array[];
  readonly received: readonly Uint8Array[];
}

/** Makes handshakes and sends packets as an honest peer, and keeps every datagram. */
async function gatherCorpus(attack: Attack, random: SeededRandom): Promise<Corpus> {
  const endpoint = Endpoint.parse(attack.target);
  const publicKey = PublicKey.parse(attack.targetPublicKey);
  const allowed = Cidr.parse(`${attack.targetAddress}/32`);
  if (!endpoint || !publicKey || !allowed) throw new Error("The attack names no target");
  const device = new Device({
    privateKey: PrivateKey.fromBytes(Uint8Array.fromHex(attack.privateKey)),
    random,
    wall: () => unixMillis(Date.now()),
  });
  const now = (): Millis => millis(performance.now());
  device.setPeer(now(), { publicKey, endpoint, allowedIps: [allowed] });
  using stack = new DisposableStack();
  const listening = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const socket = stack.adopt(listening, (open) => open.close());
  const to: Deno.NetAddr = { transport: "udp", hostname: endpoint.address.toString(), port: endpoint.port };
  const [sent, received]: [Uint8Array[], Uint8Array[]] = [[], []];
  for (let i = 0; i < 40; i++) {
    device.handlePacket(now(), echoRequest(attack.ownAddress, attack.targetAddress, i));
    if (i % 10 === 9) device.initiateHandshake(now(), publicKey);
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      sent.push(out.datagram.slice());
      await socket.send(out.datagram, to);
    }
    const [datagram, from] = await socket.receive();
    const source = from as Deno.NetAddr;
    received.push(datagram);
    const address = Endpoint.parse(`${source.hostname}:${source.port}`);
    if (address !== undefined) device.handleDatagram(now(), datagram, address);
  }
  return { sent, received };
}

/** Sends `count` datagrams from a port of its own, as fast as it can. */
async function flood(
  target: string,
  count: number,
  make: () => Uint8Array,
): Promise<{ sent: number; sentBytes: number; receivedBytes: number }> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const colon = target.lastIndexOf(":");
  const to: Deno.NetAddr = {
    transport: "udp",
    hostname: target.slice(0, colon),
    port: Number(target.slice(colon + 1)),
  };
  let receivedBytes = 0;
  const receiving = (async () => {
    for await (const [datagram] of socket) receivedBytes += datagram.length;
  })();
  let sentBytes = 0;
  for (let sent = 0; sent < count; sent += 64) {
    const batch = Array.from({ length: Math.min(64, count - sent) }, make);
    await Promise.all(batch.map((datagram) => socket.send(datagram, to)));
    for (const datagram of batch) sentBytes += datagram.length;
  }
  // Answers to the last ones are still on their way.
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.close();
  await receiving;
  return { sent: count, sentBytes, receivedBytes };
}

/** Opens many connections: some say garbage, some begin a handshake and stop, some say nothing at all. */
async function floodTcp(target: string, random: SeededRandom): Promise<AttackReport["tcp"]> {
  const colon = target.lastIndexOf(":");
  const to = { hostname: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
  const tcp = { connections: 0, sentBytes: 0, receivedBytes: 0 };
  const idle: Deno.TcpConn[] = [];
  for (let i = 0; i < 300; i++) {
    try {
      const connection = await Deno.connect(to);
      tcp.connections++;
      idle.push(connection);
      const reading = (async () => {
        const block = new Uint8Array(4096);
        for (;;) {
          const length = await connection.read(block).catch(() => null);
          if (length === null) return;
          tcp.receivedBytes += length;
        }
      })();
      if (i % 3 === 0) continue;
      const garbage = randomDatagram(random);
      // A length that is honest makes the target read to the end of the frame; the other kind is random throughout.
      if (i % 3 === 1) new DataView(garbage.buffer).setUint16(0, Math.max(0, garbage.length - 2));
      await connection.write(garbage).catch(() => {});
      tcp.sentBytes += garbage.length;
      if (i % 2 === 0) connection.close();
      void reading;
    } catch {
      // the target accepts no more for now, which is its right
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const connection of idle) {
    try {
      connection.close();
    } catch {
      // closed before
    }
  }
  return tcp;
}

function randomDatagram(random: SeededRandom): Uint8Array {
  const head = new Uint8Array(2);
  random.fill(head);
  const length = 2 + ((head[0] ?? 0) << 8 | (head[1] ?? 0)) % 1498;
  const datagram = new Uint8Array(length);
  random.fill(datagram.subarray(0, Math.min(length, 64)));
  // Half of them carry the type of a WireGuard message (WireGuard paper §5.4), to get further in.
  if ((datagram[1] ?? 0) < 128) datagram.set([1 + (datagram[1] ?? 0) % 4, 0, 0, 0].slice(0, length));
  return datagram;
}

function truncated(random: SeededRandom, datagram: Uint8Array): Uint8Array {
  return datagram.slice(0, integer(random, datagram.length));
}

function flipped(random: SeededRandom, datagram: Uint8Array): Uint8Array {
  const copy = datagram.slice();
  const at = integer(random, copy.length);
  copy[at] = (copy[at] ?? 0) ^ 1 << integer(random, 8);
  return copy;
}

function pick<T>(random: SeededRandom, items: readonly T[]): T {
  const item = items[integer(random, items.length)];
  if (item === undefined) throw new Error("There is nothing to pick from");
  return item;
}

/** @returns an integer from 0 to `below` - 1 */
function integer(random: SeededRandom, below: number): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  return new DataView(bytes.buffer).getUint32(0) % below;
}

/** An ICMP echo request (RFC 792) in an IPv4 packet (RFC 791 §3.1), so that the target's host answers. */
function echoRequest(from: string, to: string, sequence: number): Uint8Array {
  const packet = new Uint8Array(84);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0x40, 0, 64, 1]);
  packet.set(from.split(".").map(Number), 12);
  packet.set(to.split(".").map(Number), 16);
  view.setUint16(10, checksum(packet.subarray(0, 20)));
  packet.set([8, 0, 0, 0, 0x77, 0x65], 20);
  view.setUint16(26, sequence);
  view.setUint16(22, checksum(packet.subarray(20)));
  return packet;
}

/** RFC 1071 §1. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] ?? 0) << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
