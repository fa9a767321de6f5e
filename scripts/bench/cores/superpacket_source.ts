// deno-lint-ignore-file no-console -- a command prints
/**
 * A program that hands an interface whole superpackets of UDP, as fast as the interface takes them:
 * `deno run -A superpacket_source.ts ADDRESS INTERFACE FLOWS SECONDS`. It prints what it has spent, in seconds.
 * @module
 */

import process from "node:process";

// sys/socket.h, netinet/in.h, linux/udp.h
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** What fits the inner MTU of 1,420 bytes. */
const SEGMENT_BYTES = 1392;
/** Sealed, 44 datagrams fit one send. */
const SUPERPACKET_BYTES: number = 44 * SEGMENT_BYTES;
const FIRST_PORT = 20_000;
const REST_MS = 0.2;

const [address = "", interfaceName = "", flows = "1", seconds = "1"] = Deno.args;
const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  sendfile: { parameters: ["i32", "i32", "buffer", "usize"], result: "isize" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
}).symbols;

const sockets = Array.from({ length: Number(flows) }, (_, i) => {
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
  const port = FIRST_PORT + i;
  const bytes = address.split(".").map(Number);
  const target = Uint8Array.of(AF_INET, 0, port >> 8, port & 255, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0);
  if (libc.connect(fd, target, target.length) < 0) throw new Error(`Cannot send to ${address}`);
  const segment = new Uint8Array(Int32Array.of(SEGMENT_BYTES).buffer);
  if (libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, segment, 4) < 0) throw new Error("no UDP_SEGMENT here");
  return fd;
});

/** How many the interface had no room for: it says so nowhere else. */
function dropped(): number {
  return Number(Deno.readTextFileSync(`/sys/class/net/${interfaceName}/statistics/tx_dropped`));
}

// Pages of a file are not copied: what the source spends, the sender can't.
const path = Deno.makeTempFileSync();
Deno.writeFileSync(path, new Uint8Array(SUPERPACKET_BYTES));
const file = libc.open(new TextEncoder().encode(`${path}\0`), 0);
Deno.removeSync(path);
const from = new BigInt64Array(1);
const fromBytes = new Uint8Array(from.buffer);
const length = BigInt(SUPERPACKET_BYTES);
const end = performance.now() + Number(seconds) * 1000;
let before = dropped();
while (performance.now() < end) {
  for (const fd of sockets) {
    from[0] = 0n;
    libc.sendfile(fd, file, fromBytes, length);
  }
  const now = dropped();
  if (now !== before) libc.usleep(REST_MS * 1000);
  before = now;
}
const { user, system } = process.cpuUsage();
console.log((user + system) / 1e6);
