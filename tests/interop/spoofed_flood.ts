/**
 * Floods a WireGuard device with initiations of strangers whose MAC1 is right, each from another address of
 * 198.18.0.0/15 (RFC 2544 §C.2.2), which must all be this host's own. `spoofed_flood.ts JSON` takes a `Flood`, floods
 * until the count is reached or SIGTERM comes, and prints a `FloodReport`. Only for targets inside a lab.
 * @module
 */

import process from "node:process";
import { millis, type RandomSource, SeededRandom } from "../../lib/base/mod.ts";
import { nobleAead, PresharedKey, PrivateKey, PublicKey } from "../../lib/crypto/mod.ts";
import { CookieGenerator } from "../../lib/wireguard/cookies.ts";
import { createInitiation } from "../../lib/wireguard/handshake.ts";

/** What to do to whom. */
export interface Flood {
  /** The WireGuard key, IPv4 address and port of the target. */
  readonly targetPublicKey: string;
  readonly address: string;
  readonly port: number;
  /** Initiations a second. */
  readonly rate: number;
  readonly most: number;
  readonly seed: number;
}

/** What was sent and what came back from the target. */
export interface FloodReport {
  readonly sent: number;
  readonly tookMs: number;
  /** Answers by their type, the first byte. */
  readonly answers: readonly number[];
  readonly longestAnswerBytes: number;
}

const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_UDP = 17;
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const RECEIVE_BUFFER_BYTES = 16 << 20;
const HEADERS_BYTES = 28;
const FIRST_SOURCE = 0xc612_0000;
const SOURCES = 1 << 17;
/** Sent in turn: the target keeps nothing by which it could tell them from new ones. */
const INITIATIONS = 64;
/** What is on its way when the flood ends still counts. */
const AFTERMATH_MS = 300;

function initiationsOf({ targetPublicKey }: Flood, random: RandomSource): Uint8Array[] {
  const publicKey = PublicKey.parse(targetPublicKey);
  if (publicKey === undefined) throw new TypeError(`${targetPublicKey} is no public key`);
  const signer = new CookieGenerator(publicKey, 0);
  const stranger = { privateKey: PrivateKey.generate(random), random, aead: nobleAead };
  return Array.from({ length: INITIATIONS }, (_, localIndex) => {
    const { message } = createInitiation(stranger, {
      publicKey,
      presharedKey: PresharedKey.none(),
      localIndex,
      timestamp: new Uint8Array(12),
    });
    signer.sign(millis(0), message);
    return message;
  });
}

async function run(flood: Flood, messages: readonly Uint8Array[], sockets: RawSockets): Promise<FloodReport> {
  let isStopped = false;
  process.on("SIGTERM", () => isStopped = true);
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  let sent = 0;
  while (!isStopped && sent < flood.most) {
    const due = Math.min(flood.most, Math.ceil(elapsedMs() / 1000 * flood.rate));
    for (; sent < due; sent++) sockets.send(sent, messages[sent % messages.length] ?? new Uint8Array(0));
    sockets.receiveAnswers();
    await pause(1);
  }
  const tookMs = elapsedMs();
  await pause(AFTERMATH_MS);
  sockets.receiveAnswers();
  return { sent, tookMs, answers: sockets.answers, longestAnswerBytes: sockets.longestAnswerBytes };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One socket that sends whole IPv4 packets, and one that sees every UDP packet that comes in (raw(7)). */
class RawSockets {
  readonly answers: number[] = [0, 0, 0, 0, 0];
  longestAnswerBytes = 0;
  readonly #libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  }).symbols;
  readonly #sender: number;
  readonly #receiver: number;
  readonly #target: Uint8Array;
  readonly #port: number;
  /** `struct sockaddr_in` */
  readonly #to = new Uint8Array(16);
  readonly #received = new Uint8Array(2048);

  constructor({ address, port }: Flood) {
    this.#target = Uint8Array.from(address.split("."), Number);
    this.#port = port;
    this.#to[0] = AF_INET;
    this.#to.set(this.#target, 4);
    this.#sender = this.#libc.socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    this.#receiver = this.#libc.socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    if (this.#sender < 0 || this.#receiver < 0) throw new Error("Cannot open raw sockets");
    const size = new Uint8Array(Int32Array.of(RECEIVE_BUFFER_BYTES).buffer);
    this.#libc.setsockopt(this.#receiver, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length);
  }

  /** The kernel adds the length, the identification and the checksum of the IPv4 header; UDP does without one. */
  send(number: number, payload: Uint8Array): void {
    const packet = new Uint8Array(HEADERS_BYTES + payload.length);
    const view = new DataView(packet.buffer);
    packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_UDP]);
    // An odd factor reaches every source once before any comes again.
    view.setUint32(12, FIRST_SOURCE + number * 40_503 % SOURCES);
    packet.set(this.#target, 16);
    view.setUint16(20, 1024 + number % 60_000);
    view.setUint16(22, this.#port);
    view.setUint16(24, 8 + payload.length);
    packet.set(payload, HEADERS_BYTES);
    const sent = this.#libc.sendto(this.#sender, packet, BigInt(packet.length), 0, this.#to, this.#to.length);
    if (sent < 0n) throw new Error("Cannot send");
  }

  receiveAnswers(): void {
    const packet = this.#received;
    const view = new DataView(packet.buffer);
    for (;;) {
      const length = Number(
        this.#libc.recv(this.#receiver, packet, BigInt(packet.length), MSG_DONTWAIT),
      );
      if (length < 0) return;
      const at = ((packet[0] ?? 0) & 15) * 4;
      if (view.getUint16(at) !== this.#port) continue;
      const type = packet[at + 8] ?? 0;
      this.answers[type] = (this.answers[type] ?? 0) + 1;
      this.longestAnswerBytes = Math.max(this.longestAnswerBytes, length - at - 8);
    }
  }
}

if (import.meta.main) {
  const flood: Flood = JSON.parse(Deno.args[0] ?? "{}");
  const report = await run(flood, initiationsOf(flood, new SeededRandom(flood.seed)), new RawSockets(flood));
  // deno-lint-ignore no-console -- whoever started this program reads the line
  console.log(JSON.stringify(report));
  Deno.exit(0);
}
