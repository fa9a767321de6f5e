/**
 * A thousand WireGuard peers in one program: `wg_fast_many_peers.ts JSON` takes a `PeerLoad`, shakes hands with the target as
 * each of them, pings through it as each of them, and prints a `PeerLoadReport`; then it throws away what comes, until it is
 * ended. Only for targets inside a lab.
 * @module
 */

import { type Millis, millis, type RandomSource, SeededRandom, unixMillis } from "../../lib/base/mod.ts";
import { PrivateKey, PublicKey, selectAead } from "../../lib/crypto/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../../lib/net/mod.ts";
import { Device } from "../../lib/wireguard/mod.ts";

/** Which target, and how much load. */
export interface PeerLoad {
  readonly target: string;
  readonly targetPublicKey: string;
  /** The target's address inside the tunnel. */
  readonly targetAddress: string;
  readonly peers: number;
  /** All keys follow from it. */
  readonly seed: number;
  /** All shake hands at the same time; so many wait for an answer to a ping. */
  readonly atOnce: number;
  readonly pingsEach: number;
}

/** How it went. */
export interface PeerLoadReport {
  readonly handshakesMs: number;
  /** Sessions that came into being. */
  readonly sessions: number;
  readonly pingsMs: number;
  readonly answered: number;
  readonly medianPingMs: number;
  readonly p99PingMs: number;
}

/** The network that the peers send from, of `SOURCES` addresses; one address may call only so often (paper §5.3). */
export const PEER_NETWORK = "198.51.100.0/24";
const SOURCES = 200;
const TRANSPORT = 4;
/** Of a handshake: the first initiation of many is answered by a cookie, the next one follows after 5 s (paper §6.1). */
const HANDSHAKE_BOUND_MS = 90_000;
/** A machine that is busy with other tests loses some. */
const PING_ATTEMPTS = 5;
const PING_BOUND_MS = 2_000;

/** @returns the keys of all, in order */
export function peerKeys({ seed, peers }: Pick<PeerLoad, "seed" | "peers">): readonly PrivateKey[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: peers }, () => PrivateKey.generate(random));
}

/** @returns the address inside the tunnel of peer `index` */
export function peerAddress(index: number): string {
  return `10.10.${1 + Math.floor(index / 250)}.${1 + index % 250}`;
}

/** One of the load. */
class LoadPeer {
  readonly device: Device;
  readonly #socket: Deno.DatagramConn;
  readonly #to: Deno.NetAddr;
  readonly #byIndex: Map<number, LoadPeer>;
  #onAnswer: (() => void) | undefined;

  constructor(
    device: Device,
    parts: { socket: Deno.DatagramConn; to: Deno.NetAddr; byIndex: Map<number, LoadPeer> },
  ) {
    this.device = device;
    this.#socket = parts.socket;
    this.#to = parts.to;
    this.#byIndex = parts.byIndex;
  }

  /** Settles with whether there was an answer to what was sent. */
  answered(boundMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), boundMs);
      this.#onAnswer = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  take(datagram: Uint8Array, source: Endpoint): void {
    const outcome = this.device.handleDatagram(now(), datagram, source);
    if (outcome.kind === "packet" || datagram[0] === 2) this.#onAnswer?.();
    this.flush();
  }

  flush(): void {
    for (let out = this.device.pollTransmit(); out !== undefined; out = this.device.pollTransmit()) {
      const { datagram } = out;
      // Answers come to the index that an initiation names.
      if (datagram[0] === 1) {
        this.#byIndex.set(new DataView(datagram.buffer, datagram.byteOffset).getUint32(4), this);
      }
      this.#socket.send(datagram.slice(), this.#to).catch(() => {});
    }
  }
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));

async function run(load: PeerLoad): Promise<never> {
  const endpoint = Endpoint.parse(load.target);
  const publicKey = PublicKey.parse(load.targetPublicKey);
  const allowed = Cidr.parse(`${load.targetAddress}/32`);
  if (!endpoint || !publicKey || !allowed) throw new Error("The load names no target");
  const random = new SeededRandom(load.seed + 1);
  const byIndex = new Map<number, LoadPeer>();
  let dropsTransport = false;
  const sockets = Array.from({ length: SOURCES }, (_, i) => {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: `198.51.100.${i + 1}`, port: 51820 });
    void listen(socket, (datagram) => {
      const at = datagram[0] === 2 ? 8 : 4;
      const index = new DataView(datagram.buffer, datagram.byteOffset).getUint32(at);
      if (!dropsTransport || datagram[0] !== TRANSPORT) byIndex.get(index)?.take(datagram, endpoint);
    });
    return socket;
  });
  const to: Deno.NetAddr = { transport: "udp", hostname: endpoint.address.toString(), port: endpoint.port };
  const peers = peerKeys(load).map((privateKey, i) => {
    const device = makeDevice(privateKey, random);
    device.setPeer(now(), { publicKey, endpoint, allowedIps: [allowed] });
    const socket = sockets[i % SOURCES];
    if (socket === undefined) throw new Error("There is a socket for each");
    return new LoadPeer(device, { socket, to, byIndex });
  });
  setInterval(() => {
    for (const peer of peers) {
      peer.device.handleTimeout(now());
      peer.flush();
    }
  }, 200);

  let startedAt = performance.now();
  let sessions = 0;
  await inTurn(load.peers, peers, async (peer) => {
    peer.device.initiateHandshake(now(), publicKey);
    peer.flush();
    if (await peer.answered(HANDSHAKE_BOUND_MS)) sessions++;
  });
  const handshakesMs = performance.now() - startedAt;

  const times: number[] = [];
  const pings = Array.from({ length: load.pingsEach }, () => peers.keys()).flatMap((each) => [...each]);
  startedAt = performance.now();
  await inTurn(load.atOnce, pings, async (index) => {
    const peer = peers[index];
    if (peer === undefined) return;
    for (let attempt = 0; attempt < PING_ATTEMPTS; attempt++) {
      const sentAt = performance.now();
      peer.device.handlePacket(now(), echoRequest(peerAddress(index), load.targetAddress));
      peer.flush();
      if (!await peer.answered(PING_BOUND_MS)) continue;
      times.push(performance.now() - sentAt);
      return;
    }
  });
  const pingsMs = performance.now() - startedAt;
  times.sort((a, b) => a - b);
  const report: PeerLoadReport = {
    handshakesMs,
    sessions,
    pingsMs,
    answered: times.length,
    medianPingMs: times[times.length >> 1] ?? Infinity,
    p99PingMs: times[Math.floor(times.length * 0.99)] ?? Infinity,
  };
  // deno-lint-ignore no-console -- whoever started this program reads the line
  console.log(JSON.stringify(report));
  dropsTransport = true;
  return await new Promise<never>(() => {});
}

function makeDevice(privateKey: PrivateKey, random: RandomSource): Device {
  return new Device({ privateKey, random, wall: () => unixMillis(Date.now()), aead: selectAead() });
}

/** Does `work` for each of `things`, `atOnce` at the same time. */
async function inTurn<T>(
  atOnce: number,
  things: readonly T[],
  work: (thing: T) => Promise<void>,
): Promise<void> {
  const iterator = things.values();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (const thing of iterator) await work(thing);
  }));
}

async function listen(socket: Deno.DatagramConn, take: (datagram: Uint8Array) => void): Promise<void> {
  for await (const [datagram] of socket) take(datagram);
}

function now(): Millis {
  return millis(performance.now());
}

/** An ICMP echo request over IPv4 (RFC 792). */
function echoRequest(from: string, to: string): Uint8Array {
  const packet = new Uint8Array(84);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, packet.length, 0, 1, 0, 0, 64, 1]);
  packet.set(IpAddress.parse(from)?.bytes ?? [], 12);
  packet.set(IpAddress.parse(to)?.bytes ?? [], 16);
  view.setUint16(10, checksum(view, 0, 20));
  packet.set([8, 0, 0, 0, 0, 7, 0, 1], 20);
  view.setUint16(22, checksum(view, 20, 84));
  return packet;
}

/** RFC 1071. */
function checksum(view: DataView, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
