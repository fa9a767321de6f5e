import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../base/mod.ts";
import { type BencodeValue, decodeBencode, encodeBencode } from "./bencode.ts";
import { decodeKrpc, encodeAnnouncePeer, encodeGetPeers, type KrpcMessage } from "./krpc.ts";

const TRANSACTION = Uint8Array.of(1, 2, 3, 4);
const ID = new Uint8Array(20).fill(7);
const QUERY = { transaction: TRANSACTION, nodeId: ID, infoHash: new Uint8Array(20).fill(9) };

type Fields = Readonly<Record<string, BencodeValue>>;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function messageOf(fields: Fields): Uint8Array {
  return encodeBencode(new Map(Object.entries(fields)));
}

function responseOf(body: Fields, more: Fields = {}): Uint8Array {
  const r = new Map(Object.entries({ id: ID, ...body }));
  return messageOf({ t: TRANSACTION, y: bytesOf("r"), r, ...more });
}

function peer(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

function expectResponse(datagram: Uint8Array): Extract<KrpcMessage, { kind: "response" }> {
  const message = decodeKrpc(datagram);
  assert(message?.kind === "response");
  return message;
}

Deno.test("encodeGetPeers() writes what BEP 5 shows, and that this node is read-only", () => {
  assert.deepEqual(
    encodeGetPeers(QUERY),
    bytesOf(
      `d1:ad2:id20:${"\x07".repeat(20)}9:info_hash20:${"\x09".repeat(20)}e` +
        "1:q9:get_peers2:roi1e1:t4:\x01\x02\x03\x041:y1:qe",
    ),
  );
});

Deno.test("encodeAnnouncePeer() carries nothing but the id, the port and the token", () => {
  assert.deepEqual(
    encodeAnnouncePeer(QUERY, 51820, bytesOf("tok")),
    bytesOf(
      `d1:ad2:id20:${"\x07".repeat(20)}12:implied_porti0e9:info_hash20:${"\x09".repeat(20)}` +
        "4:porti51820e5:token3:toke1:q13:announce_peer2:roi1e1:t4:\x01\x02\x03\x041:y1:qe",
    ),
  );
});

Deno.test("decodeKrpc() reads contacts, peers and the token", () => {
  const nodes = concatBytes(new Uint8Array(20).fill(8), peer(192, 0, 2, 1, 0x1a, 0xe1));
  const values = [peer(198, 51, 100, 7, 0xca, 0x6c), peer(127, 0, 0, 1, 0, 1)];
  const response = expectResponse(responseOf({ nodes, values, token: bytesOf("tok") }));
  assert.equal(response.transaction, "01020304");
  assert.deepEqual(response.nodeId, ID);
  assert.deepEqual(response.contacts.map(({ endpoint }) => `${endpoint}`), ["192.0.2.1:6881"]);
  assert.deepEqual(response.contacts[0]?.id, new Uint8Array(20).fill(8));
  assert.deepEqual(response.peers.map(String), ["198.51.100.7:51820", "127.0.0.1:1"]);
  assert.deepEqual(response.token, bytesOf("tok"));
});

Deno.test("decodeKrpc() leaves out who can't be anywhere", () => {
  const values = [
    peer(192, 0, 2, 1, 0, 0),
    peer(0, 0, 0, 0, 0, 1),
    peer(224, 0, 0, 1, 0, 1),
    peer(255, 255, 255, 255, 0, 1),
    peer(192, 0, 2, 1, 1),
    new Uint8Array(18),
    5,
    [peer(192, 0, 2, 1, 0, 1)],
  ];
  assert.deepEqual(expectResponse(responseOf({ values })).peers, []);
});

Deno.test("decodeKrpc() takes at most 16 contacts and 256 peers, and no token over 64 bytes", () => {
  const nodes = concatBytes(
    ...Array.from(
      { length: 60 },
      (_, i) => concatBytes(new Uint8Array(20).fill(i), peer(192, 0, 2, 1, 0, 1)),
    ),
  );
  const values = Array.from({ length: 400 }, (_, i) => peer(192, 0, 2, 1, i >> 8, (i & 0xff) | 1));
  const response = expectResponse(responseOf({ nodes, values, token: new Uint8Array(65) }));
  assert.equal(response.contacts.length, 16);
  assert.equal(response.peers.length, 256);
  assert.equal(response.token, undefined);
});

Deno.test("decodeKrpc() tells queries and errors apart", () => {
  assert.deepEqual(decodeKrpc(messageOf({ t: peer(1), y: bytesOf("q"), q: bytesOf("ping") })), {
    kind: "query",
  });
  const error = messageOf({ t: TRANSACTION, y: bytesOf("e"), e: [201, bytesOf("no")] });
  assert.deepEqual(decodeKrpc(error), { kind: "error", transaction: "01020304" });
});

for (
  const [what, datagram] of [
    ["a number", bytesOf("i5e")],
    ["a message without a kind", messageOf({ t: TRANSACTION, r: new Map() })],
    ["an unknown kind", messageOf({ t: TRANSACTION, y: bytesOf("x") })],
    ["a kind that is a number", messageOf({ t: TRANSACTION, y: 5 })],
    ["a transaction id of another length", responseOf({}, { t: peer(1, 2) })],
    ["a transaction id that is a number", responseOf({}, { t: 5 })],
    ["a response without a body", messageOf({ t: TRANSACTION, y: bytesOf("r") })],
    ["a body that is a list", messageOf({ t: TRANSACTION, y: bytesOf("r"), r: [] })],
    ["an id of 19 bytes", responseOf({ id: new Uint8Array(19) })],
    ["an id that is a number", responseOf({ id: 5 })],
    ["contacts of 25 bytes", responseOf({ nodes: new Uint8Array(25) })],
    ["contacts that are a list", responseOf({ nodes: [] })],
    ["peers that are a string", responseOf({ values: new Uint8Array(6) })],
  ] as const
) {
  Deno.test(`decodeKrpc() rejects ${what}`, () => {
    assert.equal(decodeKrpc(datagram), undefined);
  });
}

Deno.test("decodeKrpc() survives cut, flipped and random bytes", () => {
  const bytes = responseOf({ nodes: new Uint8Array(26).fill(5), values: [peer(1, 2, 3, 4, 5, 6)] });
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeKrpc(bytes.subarray(0, length)), undefined);
  }
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ 1 << (bit & 7);
    decodeKrpc(flipped);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
    if (decodeKrpc(random) !== undefined) assert.notEqual(decodeBencode(random), undefined);
  }));
});
