// deno-lint-ignore-file no-console -- a command prints
/**
 * Measures what a relay carries, between hosts in namespaces: `deno task bench:relay` prints a table of Mbit/s by the kind of
 * forwarder and the number of sessions, each of which carries datagrams of 1,452 bytes in batches, as the fast plane sends.
 * Root and Linux.
 * @module
 */

import { decodeHex } from "../lib/base/mod.ts";
import { encodeBind, LegSecret, openBound } from "../lib/relay/mod.ts";
import { type Host, Lab } from "../tests/lab/mod.ts";
import type { PrintedCounts, PrintedLeg } from "../tests/interop/relay_program.ts";

const RUNS = [["fast", 1], ["fast", 8], ["portable", 1], ["portable", 8]] as const;
const SECONDS = 4;
const DATAGRAM_BYTES = 1452;
const SEGMENTS = 40;
const PATIENCE_MS = 20_000;
const MODULE = new URL(import.meta.url).pathname;
const PROGRAM = new URL("../tests/interop/relay_program.ts", import.meta.url).pathname;

if (Deno.args[0] === "send") send(Deno.args[1] ?? "", Deno.args[2] ?? "", Number(Deno.args[3]));
else if (import.meta.main) await measureAll();

async function measureAll(): Promise<void> {
  console.log("| forwarder | sessions | Mbit/s in | Mbit/s carried | cores |");
  console.log("| --------- | -------: | --------: | -------------: | ----: |");
  for (const [kind, count] of RUNS) console.log(await measure(kind, count));
}

async function measure(kind: string, count: number): Promise<string> {
  await using lab = await Lab.create(["A", "B", "R"]);
  const [a, b, r] = [lab.host("A"), lab.host("B"), lab.host("R")];
  const relay = lab.use(r.namespace.spawn(deno(PROGRAM, "host", kind, `${count}`)));
  await relay.until(({ stdout }) => stdout.includes("\n"), PATIENCE_MS, "it relays");
  const sessions = JSON.parse(relay.stdout.split("\n")[0] ?? "") as [PrintedLeg, PrintedLeg][];
  const end = (host: Host, which: 0 | 1, seconds: number) => {
    const legs = JSON.stringify(sessions.map((legs) => legs[which]));
    return lab.use(host.namespace.spawn(deno(MODULE, "send", r.address4, legs, `${seconds}`)));
  };
  // One end only listens.
  const listening = end(b, 1, 0);
  await listening.until(({ stdout }) => stdout.includes("bound"), PATIENCE_MS, "it is bound");
  const before = await ticks(relay.pid);
  const sending = end(a, 0, SECONDS);
  await sending.until(({ stdout }) => stdout.includes("sent"), PATIENCE_MS, "it has sent");
  const sent = Number(/sent (\d+)/.exec(sending.stdout)?.[1]);
  const cores = (await ticks(relay.pid) - before) / 100 / SECONDS;
  await new Promise((resolve) => setTimeout(resolve, 200));
  const counts = JSON.parse(relay.stdout.trimEnd().split("\n").at(-1) ?? "") as PrintedCounts;
  const carried = counts.bytes.reduce((sum, bytes) => sum + bytes, 0) - (counts.drops["socket-full"] ?? 0);
  const rate = (bytes: number) => `${Math.round(bytes * 8 / SECONDS / 1e6)}`;
  return `| ${kind.padEnd(9)} | ${`${count}`.padStart(8)} | ${rate(sent).padStart(9)} | ${
    rate(carried).padStart(14)
  } | ${cores.toFixed(2).padStart(5)} |`;
}

function deno(program: string, ...args: readonly string[]): readonly string[] {
  return [Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", program, ...args];
}

/** @returns what a process has had of the processors, in hundredths of a second */
async function ticks(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Binds each leg from a socket of its own, and sends batches by all of them in turn. */
function send(address: string, text: string, seconds: number): void {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  });
  const [AF_INET, SOCK_DGRAM, SOL_UDP, UDP_SEGMENT] = [2, 2, 17, 103];
  const sockets = (JSON.parse(text) as PrintedLeg[]).map((leg) => {
    const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
    const to = Uint8Array.from([
      AF_INET,
      0,
      leg.port >> 8,
      leg.port & 255,
      ...address.split(".").map(Number),
      ...new Uint8Array(8),
    ]);
    const key = { id: hex(leg.id), secret: LegSecret.fromBytes(hex(leg.secret)) };
    const answer = new Uint8Array(48);
    for (let counter = 1; openBound(answer, key) === undefined; counter++) {
      const bind = Uint8Array.from(encodeBind("bind", key, counter));
      libc.sendto(fd, bind, 48n, 0, to, 16);
      libc.recv(fd, answer, 48n, 0);
    }
    libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, new Uint8Array(Int32Array.of(DATAGRAM_BYTES).buffer), 4);
    return { fd, to };
  });
  console.log("bound");
  const batch = new Uint8Array(SEGMENTS * DATAGRAM_BYTES);
  for (let at = 0; at < batch.length; at += DATAGRAM_BYTES) batch[at] = 4;
  let sent = 0;
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    for (const { fd, to } of sockets) sent += Number(libc.sendto(fd, batch, BigInt(batch.length), 0, to, 16));
  }
  if (seconds > 0) return console.log(`sent ${sent}`);
  // What comes is dropped by the sockets when they are full; they have to be there.
  setInterval(() => {}, 1000);
}

function hex(text: string): Uint8Array {
  return decodeHex(text) ?? new Uint8Array();
}
