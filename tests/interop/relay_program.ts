// deno-lint-ignore-file no-console -- a program of the lab prints
/**
 * A relay without a mesh, for hosts of a lab: `relay_program.ts host fast|portable SESSIONS` prints a line of JSON with the
 * legs of each session, and then one each time its counts have changed; `relay_program.ts bind PORT LEG ADDRESS COUNTER`
 * binds a leg, given as JSON, from a port.
 * @module
 */

import { decodeHex, encodeHex } from "../../lib/base/mod.ts";
import { openForwarder } from "../../lib/dataplane/mod.ts";
import { systemClock, systemRandom } from "../../lib/host/mod.ts";
import { Endpoint, IpAddress } from "../../lib/net/mod.ts";
import {
  ANY_PORT,
  drawLegKey,
  echoOf,
  encodeBind,
  type LegKey,
  LegSecret,
  openBound,
} from "../../lib/relay/mod.ts";
import { openUdp } from "../../lib/transport/mod.ts";

/** A leg as the program prints it. */
export interface PrintedLeg {
  readonly id: string;
  readonly secret: string;
  readonly port: number;
}

/** What is printed whenever it has changed. */
export interface PrintedCounts {
  /** Bytes of each session. */
  readonly bytes: readonly number[];
  readonly drops: Readonly<Record<string, number>>;
}

const SHOW_MS = 50;
const ASK_MS = 200;
const UNBOUNDED = { totalBytesPerSecond: Infinity, sessionBytesPerSecond: Infinity };

if (import.meta.main) {
  const [what, ...args] = Deno.args;
  if (what === "host") host(args[0] ?? "fast", Number(args[1]));
  else await bind(Number(args[0]), JSON.parse(args[1] ?? "") as PrintedLeg, args[2] ?? "", Number(args[3]));
}

function host(kind: string, count: number): void {
  const options = { ports: ANY_PORT, rates: UNBOUNDED, clock: systemClock };
  const forwarder = openForwarder(options, kind === "portable");
  if (forwarder.kind !== kind) throw new Error(`It is ${forwarder.kind}`);
  const sessions = Array.from({ length: count }, () => {
    const keys = [drawLegKey(systemRandom), drawLegKey(systemRandom)] as const;
    const ports = forwarder.open(keys);
    if (ports === undefined) throw new Error("There are no ports");
    const legs = [printed(keys[0], ports.a), printed(keys[1], ports.b)];
    return { ports, legs };
  });
  console.log(JSON.stringify(sessions.map(({ legs }) => legs)));
  let shown = "";
  setInterval(() => {
    const bytes = sessions.map(({ ports }) => ports.activity().bytes);
    const text = JSON.stringify({ bytes, drops: forwarder.drops() } satisfies PrintedCounts);
    if (text !== shown) console.log(shown = text);
  }, SHOW_MS);
}

function printed({ id, secret }: LegKey, port: number): PrintedLeg {
  return { id: encodeHex(id), secret: encodeHex(secret.exposeBytes()), port };
}

async function bind(port: number, leg: PrintedLeg, address: string, counter: number): Promise<void> {
  const key = { id: hex(leg.id), secret: LegSecret.fromBytes(hex(leg.secret)) };
  const relay = new Endpoint(IpAddress.parse(address) ?? IpAddress.fromBytes(new Uint8Array(4)), leg.port);
  const socket = openUdp({ port });
  let echo: Uint8Array | undefined;
  const ask = () => socket.send(encodeBind("bind", key, counter, echo), relay);
  const timer = setInterval(ask, ASK_MS);
  ask();
  let batch = await socket.receiveBatch();
  // Where it is it has proven by its second bind.
  while (batch !== undefined && (echo = echoOf(batch.datagram(0))) !== undefined) {
    counter++;
    ask();
    batch = await socket.receiveBatch();
  }
  clearInterval(timer);
  socket.close();
  const isBound = batch !== undefined && openBound(batch.datagram(0), key) === counter;
  console.log(isBound ? "bound" : "not bound");
}

function hex(text: string): Uint8Array {
  return decodeHex(text) ?? new Uint8Array();
}
