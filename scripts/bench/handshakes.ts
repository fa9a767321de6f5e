/**
 * How many WireGuard handshakes one core makes.
 * @module
 */

import { type Millis, millis, type RandomSource, type UnixMillis, unixMillis } from "../../lib/base/mod.ts";
import { PrivateKey } from "../../lib/crypto/mod.ts";
import { Cidr, Endpoint } from "../../lib/net/mod.ts";
import { Device } from "../../lib/wireguard/mod.ts";
import { Samples, type Table } from "./samples.ts";

const PER_ROUND = 200;

/** Makes complete handshakes between two devices in this process: both ends' work together. */
export function measureHandshakes(rounds: number, log: (text: string) => void): Table {
  const samples = new Samples(["weft"]);
  for (let round = 1; round <= rounds; round++) {
    const rate = handshakesPerSecond();
    samples.add({ what: "handshakes, both ends on one core", unit: "a second" }, "weft", rate);
    log(`round ${round}: ${rate.toFixed(0)} handshakes a second`);
  }
  return samples.table;
}

function handshakesPerSecond(): number {
  const random: RandomSource = { fill: (out) => void crypto.getRandomValues(out) };
  // A time of its own: initiations of one peer less than 50 ms apart are dropped (WireGuard paper §5.3).
  let elapsedMs = 0;
  const now = (): Millis => millis(elapsedMs);
  const wall = (): UnixMillis => unixMillis(1_700_000_000_000 + elapsedMs);
  const keys = [PrivateKey.generate(random), PrivateKey.generate(random)] as const;
  const endpoints = ["192.0.2.1:51820", "192.0.2.2:51820"].map((text) => Endpoint.parse(text));
  const everything = Cidr.parse("0.0.0.0/0");
  const [left, right] = keys.map((privateKey) => new Device({ privateKey, random, wall }));
  const [leftAt, rightAt] = endpoints;
  if (!everything || !leftAt || !rightAt || !left || !right) {
    throw new Error("The table of ends is incomplete");
  }
  left.setPeer(now(), { publicKey: right.publicKey, endpoint: rightAt, allowedIps: [everything] });
  right.setPeer(now(), { publicKey: left.publicKey, endpoint: leftAt, allowedIps: [everything] });

  const startedAt = performance.now();
  let completed = 0;
  for (let i = 0; i < PER_ROUND; i++) {
    elapsedMs += 6_000;
    left.initiateHandshake(now(), right.publicKey);
    deliver(left, right, leftAt, now());
    deliver(right, left, rightAt, now());
    deliver(left, right, leftAt, now());
    for (let event = left.pollEvent(); event !== undefined; event = left.pollEvent()) {
      if (event.kind === "handshake-completed") completed++;
    }
  }
  if (completed !== PER_ROUND) throw new Error(`Only ${completed} of ${PER_ROUND} handshakes were completed`);
  return PER_ROUND / (performance.now() - startedAt) * 1000;
}

function deliver(from: Device, to: Device, source: Endpoint, now: Millis): void {
  for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
    to.handleDatagram(now, out.datagram, source);
  }
}
