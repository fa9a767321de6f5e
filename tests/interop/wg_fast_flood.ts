/**
 * A flood of transport messages as fast as the host sends them: `wg_fast_flood.ts JSON` takes a `TransportFlood`, makes a
 * session as an honest peer, then sends what it is told for as long as it is told, and prints how many datagrams. Only
 * for targets inside a lab.
 * @module
 */

import { type Millis, millis, SeededRandom, unixMillis } from "../../lib/base/mod.ts";
import { PrivateKey, PublicKey, selectAead } from "../../lib/crypto/mod.ts";
import { Cidr, Endpoint } from "../../lib/net/mod.ts";
import { Device } from "../../lib/wireguard/mod.ts";

/** What is sent: random bytes, messages for sessions that there are not, or the same authentic message again and again. */
export type TransportFloodKind = "garbage" | "unknown" | "replayed";

/** What to do to whom. */
export interface TransportFlood {
  readonly kind: TransportFloodKind;
  /** `address:port`, IPv4. */
  readonly target: string;
  readonly targetPublicKey: string;
  /** 64 hexadecimal digits; the target knows the public half of it as a peer with `ownAddress`. */
  readonly privateKey: string;
  readonly ownAddress: string;
  readonly targetAddress: string;
  readonly milliseconds: number;
  /** Datagrams a second at most. */
  readonly rate: number;
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const DATAGRAM_BYTES = 1040;
const BATCH_DATAGRAMS = 32;

if (import.meta.main) {
  const flood: TransportFlood = JSON.parse(Deno.args[0] ?? "{}");
  const datagram = await authenticMessage(flood);
  const batch = new Uint8Array(BATCH_DATAGRAMS * DATAGRAM_BYTES);
  const random = new SeededRandom(1);
  for (let at = 0; at < batch.length; at += DATAGRAM_BYTES) {
    batch.set(datagram, at);
    if (flood.kind === "garbage") random.fill(batch.subarray(at, at + DATAGRAM_BYTES));
    if (flood.kind === "unknown") random.fill(batch.subarray(at + 4, at + 8));
  }
  // deno-lint-ignore no-console -- whoever started this program reads the lines
  console.log("ready");
  const sent = await send(flood, batch);
  // deno-lint-ignore no-console -- whoever started this program reads the lines
  console.log(JSON.stringify({ sent }));
  Deno.exit(0);
}

/** Makes a session and seals a message that the target takes once. */
async function authenticMessage(flood: TransportFlood): Promise<Uint8Array> {
  const endpoint = Endpoint.parse(flood.target);
  const publicKey = PublicKey.parse(flood.targetPublicKey);
  const allowed = Cidr.parse(`${flood.targetAddress}/32`);
  if (!endpoint || !publicKey || !allowed) throw new Error("The flood names no target");
  const random = new SeededRandom(crypto.getRandomValues(new Int32Array(1))[0] ?? 0);
  const now = (): Millis => millis(performance.now());
  const device = new Device({
    privateKey: PrivateKey.fromBytes(Uint8Array.fromHex(flood.privateKey)),
    random,
    wall: () => unixMillis(Date.now()),
    aead: selectAead(),
  });
  device.setPeer(now(), { publicKey, endpoint, allowedIps: [allowed] });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const to: Deno.NetAddr = { transport: "udp", hostname: endpoint.address.toString(), port: endpoint.port };
  device.initiateHandshake(now(), publicKey);
  for (;;) {
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      await socket.send(out.datagram.slice(), to);
    }
    if (device.peerStatus(publicKey)?.hasSession) break;
    const [datagram] = await socket.receive();
    device.handleDatagram(now(), datagram, endpoint);
  }
  // A UDP packet to a port where nobody listens would be answered; its checksum is wrong, so it is not.
  const packet = new Uint8Array(1008);
  packet.set([0x45, 0, 1008 >> 8, 1008 & 255, 0, 1, 0, 0, 64, 17]);
  packet.set(flood.ownAddress.split(".").map(Number), 12);
  packet.set(flood.targetAddress.split(".").map(Number), 16);
  device.handlePacket(now(), packet);
  const datagram = device.pollTransmit()?.datagram.slice();
  if (datagram?.length !== DATAGRAM_BYTES) throw new Error("The message has another length");
  return datagram;
}

/** @returns how many datagrams were sent */
async function send(
  { target, milliseconds, rate }: TransportFlood,
  batch: Uint8Array<ArrayBuffer>,
): Promise<number> {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  });
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
  libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, new Uint8Array(Int32Array.of(DATAGRAM_BYTES).buffer), 4);
  const [host = "", port = ""] = target.split(":");
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, Number(port) >> 8, Number(port) & 255, ...host.split(".").map(Number)]);
  const length = BigInt(batch.length);
  const startedAt = performance.now();
  let sent = 0;
  for (let past = 0; past < milliseconds; past = performance.now() - startedAt) {
    while (sent < past * rate / 1000) {
      libc.sendto(fd, batch, length, 0, address, 16);
      sent += BATCH_DATAGRAMS;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return sent;
}
