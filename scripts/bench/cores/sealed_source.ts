// deno-lint-ignore-file no-console -- a command prints
/**
 * A WireGuard peer that has sealed everything before it sends the first of it, so that to send costs next to nothing:
 * `deno run -A sealed_source.ts JSON` takes a `SealedLoad`, shakes hands, seals, sends as fast as the other end takes it,
 * and prints a `SealedReport`. Only for targets inside a lab.
 * @module
 */

import process from "node:process";
import { millis, SeededRandom, unixMillis } from "../../../lib/base/mod.ts";
import { PrivateKey, PublicKey, WasmBatchCipher } from "../../../lib/crypto/mod.ts";
import { makeSuperpacket } from "../../../lib/dataplane/fast/testing/superpackets.ts";
import { Cidr, Endpoint } from "../../../lib/net/mod.ts";
import { Device } from "../../../lib/wireguard/mod.ts";

/** Who receives, and how much. */
export interface SealedLoad {
  /** The receiver's IPv4 address, port, public key and address inside. */
  readonly address: string;
  readonly port: number;
  readonly publicKey: string;
  readonly innerAddress: string;
  /** The sender's own. */
  readonly privateKey: string;
  readonly ownAddress: string;
  /** The receiver's process, which is asked how much has come, and its interface. */
  readonly pid: number;
  readonly interfaceName: string;
  readonly flows: number;
  readonly superpackets: number;
  /** Bytes of a packet inside, without its headers of IP and UDP. */
  readonly payloadBytes: number;
}

/** How it went, up to the last that was taken. */
export interface SealedReport {
  /** Of datagrams, as they were sent, and of packets that came out. */
  readonly sentBytes: number;
  readonly takenBytes: number;
  readonly seconds: number;
  /** What the sender has spent meanwhile. */
  readonly processorSeconds: number;
}

// sys/socket.h, netinet/in.h, linux/udp.h
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** How many datagrams go with a send: what a superpacket becomes, and what a send takes. */
const MOST_SEGMENTS = 64;
const MOST_BYTES = 62_000;
const FIRST_PORT = 20_000;
const HEADERS_BYTES = 28;
/** So much may be under way; the other end's socket has room for more. */
const WINDOW_BYTES = 1_500_000;
const LOOK_EACH = 8;
const REST_US = 100;
/** What has not come out after that is lost. */
const LOSS_MS = 20;
const PAGES = 64;
const OUT_AT = 2 << 20;

const load: SealedLoad = JSON.parse(Deno.args[0] ?? "{}");
const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  sendfile: { parameters: ["i32", "i32", "buffer", "usize"], result: "isize" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
}).symbols;

const fd = openSocket();
const { file, sends } = sealAll();
console.log(JSON.stringify(sendAll()));

function openSocket(): number {
  const socket = libc.socket(AF_INET, SOCK_DGRAM, 0);
  const bytes = load.address.split(".").map(Number);
  const target = Uint8Array.of(AF_INET, 0, load.port >> 8, load.port & 255, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0);
  if (libc.connect(socket, target, target.length) < 0) throw new Error(`Cannot send to ${load.address}`);
  // A struct timeval: one second.
  libc.setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(1n, 0n).buffer), 16);
  return socket;
}

/** Shakes hands. @returns the session, whose keys are those of `cipher` */
function openSession(cipher: WasmBatchCipher) {
  const random = new SeededRandom(Date.now() % 2 ** 31);
  const privateKey = PrivateKey.parse(load.privateKey);
  const publicKey = PublicKey.parse(load.publicKey);
  const endpoint = Endpoint.parse(`${load.address}:${load.port}`);
  const allowed = Cidr.parse(`${load.innerAddress}/32`);
  if (!privateKey || !publicKey || !endpoint || !allowed) throw new Error("The load names no target");
  const now = () => millis(performance.now());
  const device = new Device({ privateKey, random, wall: () => unixMillis(Date.now()), aead: cipher.aead });
  device.setPeer(now(), { publicKey, endpoint, allowedIps: [allowed] });
  device.initiateHandshake(now(), publicKey);
  const received = new Uint8Array(2048);
  const inner = allowed.address.bytes;
  for (let attempts = 0; attempts < 10; attempts++) {
    device.handleTimeout(now());
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      libc.send(fd, out.datagram.slice(), BigInt(out.datagram.length), 0);
    }
    const session = device.batches.peerAt(inner)?.sessionForBatch(now());
    if (session !== undefined) return session;
    const length = Number(libc.recv(fd, received, BigInt(received.length), 0));
    if (length > 0) device.handleDatagram(now(), received.slice(0, length), endpoint);
  }
  throw new Error("There is no session");
}

/** @returns a file of all that is to be sent, and how long each send of it is */
function sealAll(): { readonly file: number; readonly sends: Int32Array } {
  const cipher = new WasmBatchCipher(PAGES);
  const session = openSession(cipher);
  const bytes = new Uint8Array(cipher.memory.buffer);
  const at = Math.ceil((cipher.freeFrom + 4096) / 64) * 64;
  const datagramBytes = Math.ceil((load.payloadBytes + HEADERS_BYTES) / 16) * 16 + 32;
  const segments = Math.min(MOST_SEGMENTS, Math.floor(MOST_BYTES / datagramBytes));
  const { packet, header } = makeSuperpacket({
    protocol: "udp",
    version: 4,
    payloadBytes: segments * load.payloadBytes,
    gsoSize: load.payloadBytes,
  });
  packet.set(load.ownAddress.split(".").map(Number), 12);
  packet.set(load.innerAddress.split(".").map(Number), 16);
  // A folder of the system's memory: the pages of its files are sent without being copied.
  const path = Deno.makeTempFileSync({ dir: "/dev/shm" });
  const target = Deno.openSync(path, { write: true });
  const lengths = new Int32Array(load.superpackets);
  const head = new DataView(new ArrayBuffer(10));
  head.setUint8(0, header.flags);
  head.setUint8(1, header.gsoType);
  head.setUint16(4, header.gsoSize, true);
  head.setUint16(6, header.checksumStart, true);
  head.setUint16(8, header.checksumOffset, true);
  const packetView = new DataView(packet.buffer);
  for (let i = 0; i < load.superpackets; i++) {
    packetView.setUint16(20, FIRST_PORT + i % load.flows);
    packetView.setUint16(22, FIRST_PORT + i % load.flows);
    bytes.set(new Uint8Array(head.buffer), at - 10);
    bytes.set(packet, at);
    const batch = cipher.sealSuperpacket({
      at,
      lengthBytes: packet.length,
      out: OUT_AT,
      roomBytes: 128 << 10,
      key: session.sendKey,
      counter: session.counter.claim(segments),
      remoteIndex: session.remoteIndex,
      mtuBytes: 1420,
    });
    if (typeof batch === "string") throw new Error(`Cannot seal: ${batch}`);
    lengths[i] = batch.lengthBytes;
    const segment = new Uint8Array(Int32Array.of(batch.segmentBytes).buffer);
    if (i === 0 && libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, segment, 4) < 0) {
      throw new Error("no UDP_SEGMENT");
    }
    target.writeSync(bytes.subarray(OUT_AT, OUT_AT + batch.lengthBytes));
  }
  target.close();
  const opened = libc.open(new TextEncoder().encode(`${path}\0`), 0);
  Deno.removeSync(path);
  return { file: opened, sends: lengths };
}

/** @returns bytes that the receiver's interface was given */
function takenBytes(): number {
  const text = Deno.readTextFileSync(`/proc/${load.pid}/net/dev`);
  return Number(text.split(`${load.interfaceName}:`)[1]?.trim().split(/\s+/)[0]);
}

function sendAll(): SealedReport {
  const offset = new BigInt64Array(1);
  const offsetBytes = new Uint8Array(offset.buffer);
  const before = process.cpuUsage();
  const first = takenBytes();
  const startedAt = performance.now();
  let taken = 0;
  let lost = 0;
  let sent = 0;
  let lastAt = startedAt;
  const look = (): boolean => {
    const now = takenBytes() - first;
    if (now !== taken) lastAt = performance.now();
    taken = now;
    if (performance.now() - lastAt < LOSS_MS) return sent - lost - taken > WINDOW_BYTES;
    lost = sent - taken;
    return false;
  };
  for (let i = 0; i < sends.length; i++) {
    const length = sends[i] ?? 0;
    const sentNow = Number(libc.sendfile(fd, file, offsetBytes, BigInt(length)));
    if (sentNow !== length) offset[0] = sends.slice(0, i + 1).reduce((sum, each) => sum + BigInt(each), 0n);
    sent += length;
    while (i % LOOK_EACH === 0 && look()) libc.usleep(REST_US);
  }
  for (let last = -1; last !== taken;) {
    last = taken;
    libc.usleep(LOSS_MS * 1000);
    look();
  }
  const { user, system } = process.cpuUsage(before);
  return {
    sentBytes: sent,
    takenBytes: taken,
    seconds: (lastAt - startedAt) / 1000,
    processorSeconds: (user + system) / 1e6,
  };
}
