/**
 * Tests of the statistics that two threads share.
 * @module
 */

import assert from "node:assert/strict";
import { unixMillis } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { nextGeneration, type PeerStats, peerStatsMemory, SharedPeerStats } from "./shared_peer_stats.ts";

Deno.test("SharedPeerStats.read() gives what write() showed, on both ends of the memory", () => {
  const memory = peerStatsMemory();
  const writer = new SharedPeerStats(memory);
  const reader = new SharedPeerStats(memory);
  const stats = (endpoint: string | undefined, rxBytes: number): PeerStats => ({
    rxBytes,
    txBytes: 2 ** 40 + 1,
    lastHandshakeAt: endpoint === undefined ? undefined : unixMillis(1_700_000_000_000),
    hasSession: rxBytes > 0,
    endpoint: endpoint === undefined ? undefined : Endpoint.parseZoned(endpoint),
    source: rxBytes === 0 ? undefined : Endpoint.parseZoned(`[2001:db8::${rxBytes % 1000}]:9`),
  });
  const shown: [number, PeerStats][] = [
    [0, stats("192.0.2.1:51820", 7)],
    [1, stats("[2001:db8::ff:1]:65535", 0)],
    [2, stats("[fe80::1%7]:51820", 1)],
    [65_535, stats(undefined, 2 ** 50)],
  ];
  for (const [slot, each] of shown) writer.write(slot, each);
  for (const [slot, each] of shown) {
    const read = reader.read(slot);
    assert.equal(read.endpoint?.toString(), each.endpoint?.toString());
    assert.deepEqual({ ...read, endpoint: 0 }, { ...each, endpoint: 0 });
    const next = nextGeneration(slot);
    assert.equal(reader.read(next).txBytes, 0, "the next peer there has no stats yet");
    writer.write(next, { ...each, txBytes: 5 });
    assert.equal(reader.read(next).txBytes, 5);
    assert.equal(reader.read(slot).txBytes, 0);
  }
});

Deno.test("SharedPeerStats.read() follows a peer that moves, and one without an endpoint", () => {
  const memory = peerStatsMemory();
  const writer = new SharedPeerStats(memory);
  const reader = new SharedPeerStats(memory);
  const ways = ["192.0.2.1:51820", undefined, "[2001:db8::1]:7", "192.0.2.1:51821", "192.0.2.1:51820"];
  const endpoints = ways.map((way) => way === undefined ? undefined : Endpoint.parseZoned(way));
  for (const endpoint of [...endpoints, ...endpoints]) {
    const others = { lastHandshakeAt: undefined, hasSession: true, source: undefined };
    const stats = { rxBytes: 1, txBytes: 2, ...others, endpoint };
    for (let i = 0; i < 2; i++) {
      writer.write(3, stats);
      assert.equal(reader.read(3).endpoint?.toString(), endpoint?.toString());
    }
  }
});
