/**
 * Tests of the board of peers.
 * @module
 */

import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { boardMemory, nextTenant, PeerBoard, type PeerFigures } from "./peer_board.ts";

Deno.test("PeerBoard.read() gives what write() showed, on both ends of the memory", () => {
  const memory = boardMemory();
  const writer = new PeerBoard(memory);
  const reader = new PeerBoard(memory);
  const figures = (endpoint: string | undefined, rxBytes: number): PeerFigures => ({
    rxBytes,
    txBytes: 2 ** 40 + 1,
    lastHandshakeAt: endpoint === undefined ? undefined : 1_700_000_000_000,
    hasSession: rxBytes > 0,
    endpoint: endpoint === undefined ? undefined : Endpoint.parseZoned(endpoint),
  });
  const shown: [number, PeerFigures][] = [
    [0, figures("192.0.2.1:51820", 7)],
    [1, figures("[2001:db8::ff:1]:65535", 0)],
    [2, figures("[fe80::1%7]:51820", 1)],
    [65_535, figures(undefined, 2 ** 50)],
  ];
  for (const [slot, each] of shown) writer.write(slot, each);
  for (const [slot, each] of shown) {
    const read = reader.read(slot);
    assert.equal(read.endpoint?.toString(), each.endpoint?.toString());
    assert.deepEqual({ ...read, endpoint: 0 }, { ...each, endpoint: 0 });
    const next = nextTenant(slot);
    assert.equal(reader.read(next).txBytes, 0, "the next peer there has no figures yet");
    writer.write(next, { ...each, txBytes: 5 });
    assert.equal(reader.read(next).txBytes, 5);
    assert.equal(reader.read(slot).txBytes, 0);
  }
});

Deno.test("PeerBoard.read() follows a peer that moves, and one without a place", () => {
  const memory = boardMemory();
  const writer = new PeerBoard(memory);
  const reader = new PeerBoard(memory);
  const ways = ["192.0.2.1:51820", undefined, "[2001:db8::1]:7", "192.0.2.1:51821", "192.0.2.1:51820"];
  const endpoints = ways.map((way) => way === undefined ? undefined : Endpoint.parseZoned(way));
  for (const endpoint of [...endpoints, ...endpoints]) {
    const figures = { rxBytes: 1, txBytes: 2, lastHandshakeAt: undefined, hasSession: true, endpoint };
    for (let i = 0; i < 2; i++) {
      writer.write(3, figures);
      assert.equal(reader.read(3).endpoint?.toString(), endpoint?.toString());
    }
  }
});
