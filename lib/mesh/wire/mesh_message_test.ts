import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, SeededRandom, unixMillis } from "../../base/mod.ts";
import { AddressRange, Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { decodeHello, encodeHello, type Hello } from "./join_message.ts";
import { generateNetwork, NodeIdentity } from "../identity/identity.ts";
import { TokenSecret } from "../records/join_token.ts";
import { decodeMeshMessage, encodeMeshMessage, type MeshMessage } from "./mesh_message.ts";

const random = new SeededRandom(31);
const network = generateNetwork(random);
const identity = NodeIdentity.generate(random);
const signed = { payload: Uint8Array.of(1, 2, 3), signature: new Uint8Array(64).fill(9) };
const request = {
  secret: TokenSecret.generate(random),
  name: "web",
  publicKey: identity.publicKey,
  verifyingKey: identity.signingKey.verifyingKey,
  address: IpAddress.parse("10.200.0.9") ?? assert.fail(),
  statement: signed,
};
const slices = {
  id: "0123456789abcdef".repeat(2),
  ranges: [AddressRange.parse("10.200.0.5-10.200.0.9") ?? assert.fail()],
};
const rotation = {
  publicKey: identity.publicKey,
  verifyingKey: identity.signingKey.verifyingKey,
  proof: new Uint8Array(64).fill(4),
};
const endpoint = Endpoint.parse("192.0.2.7:51820") ?? assert.fail();
const MESSAGES: readonly MeshMessage[] = [
  { kind: "join-request", request },
  { kind: "refused" },
  { kind: "pending" },
  { kind: "roster-update", update: { records: [signed], statements: [signed, signed], entries: [signed] } },
  {
    kind: "digest",
    digest: { fingerprints: new Uint8Array(512).fill(3), wallTime: unixMillis(1_700_000_000_000) },
  },
  {
    kind: "vector",
    vector: {
      range: { first: "0".repeat(32), last: "f".repeat(32) },
      origins: [{
        origin: identity.id,
        slots: [{ slot: "record", version: 7, mark: 0xffff_ffff_ffff_ffffn, isFinal: true }],
      }],
    },
  },
  { kind: "vector", vector: { origins: [{ origin: network.id, slots: [] }] } },
  { kind: "heartbeat" },
  { kind: "request", number: 1, request: { kind: "promotion", sealedSeed: new Uint8Array(80), slices } },
  {
    kind: "request",
    number: 1,
    request: { kind: "promotion", sealedSeed: new Uint8Array(80), slices, recordVersion: 7, isOffer: true },
  },
  { kind: "request", number: 2, request: { kind: "demotion" } },
  {
    kind: "request",
    number: 3,
    request: { kind: "handover", slices, update: { records: [signed], statements: [], entries: [] } },
  },
  { kind: "request", number: 4, request: { kind: "rotation", rotation: { ...rotation, statement: signed } } },
  { kind: "request", number: 5, request: { kind: "rotation", rotation } },
  { kind: "request", number: 9, request: { kind: "claim", path: "mesh:orders/eu" } },
  { kind: "request", number: 10, request: { kind: "leave" } },
  {
    kind: "request",
    number: 14,
    request: { kind: "member-claim", path: "mesh:data/orders", nodeId: identity.id },
  },
  {
    kind: "request",
    number: 11,
    request: { kind: "token-use", tokenId: "0123456789abcdef".repeat(2), publicKey: identity.publicKey },
  },
  { kind: "refused", reason: "clock", wallTime: unixMillis(1_700_000_000_000) },
  {
    kind: "response",
    number: 6,
    answer: { kind: "done", slices, update: { records: [signed], statements: [], entries: [] } },
  },
  { kind: "response", number: 7, answer: { kind: "done" } },
  { kind: "response", number: 8, answer: { kind: "refused" } },
  { kind: "suspicion", nodeId: identity.id },
  {
    kind: "path-call",
    call: { target: identity.id, candidates: [endpoint], wantsRelay: true, isAnswer: false },
  },
  {
    kind: "introduction",
    introduction: {
      member: identity.id,
      candidates: [endpoint],
      leg: { port: 40_001, id: new Uint8Array(8).fill(5), secret: new Uint8Array(32).fill(6) },
      isAnswer: true,
    },
  },
  { kind: "introduction", introduction: { member: identity.id, candidates: [], isAnswer: false } },
  {
    kind: "admitted",
    admitted: {
      record: signed,
      settings: {
        verifyingKey: network.verifyingKey,
        cidrs: [Cidr.parse("10.200.0.0/16") ?? assert.fail(), Cidr.parse("fd00::/64") ?? assert.fail()],
      },
      roster: { records: [signed], statements: [], entries: [] },
      observedAddress: IpAddress.parse("192.0.2.7") ?? assert.fail(),
    },
  },
];
const HELLOS: readonly Hello[] = [
  { kind: "join", tokenId: "0123456789abcdef".repeat(2) },
  { kind: "member", networkId: network.id, nodeId: identity.id },
  {
    kind: "member",
    networkId: network.id,
    nodeId: identity.id,
    succession: { formerId: identity.id, record: signed, endorsement: new Uint8Array(64).fill(3) },
  },
];

Deno.test("encodeMeshMessage() and decodeMeshMessage() are inverse", () => {
  for (const message of MESSAGES) {
    const decoded = decodeMeshMessage(encodeMeshMessage(message));
    assert.deepEqual(decoded, message, message.kind);
    if (decoded?.kind === "join-request") assert.ok(decoded.request.secret.equals(request.secret));
  }
});

Deno.test("encodeHello() and decodeHello() are inverse", () => {
  for (const hello of HELLOS) assert.deepEqual(decodeHello(encodeHello(hello)), hello);
});

Deno.test("decodeMeshMessage() and decodeHello() pass over fields of a later release, inside and outside of a message", () => {
  // Field 1,000, a text.
  const unknown = Uint8Array.of(0xc2, 0x3e, 2, 0x68, 0x69);
  const extended = (bytes: Uint8Array): Uint8Array =>
    // The same field again is merged with what came before.
    concatBytes(bytes, bytes.subarray(0, 1), Uint8Array.of(unknown.length), unknown, unknown);
  for (const message of MESSAGES) {
    assert.deepEqual(decodeMeshMessage(extended(encodeMeshMessage(message))), message, message.kind);
  }
  for (const hello of HELLOS) assert.deepEqual(decodeHello(extended(encodeHello(hello))), hello);
});

Deno.test("decodeMeshMessage() and decodeHello() never throw, whatever the bytes", () => {
  const samples = [...MESSAGES.map(encodeMeshMessage), ...HELLOS.map(encodeHello)];
  for (const bytes of samples) {
    for (let length = 0; length < bytes.length; length++) {
      decodeMeshMessage(bytes.subarray(0, length));
      decodeHello(bytes.subarray(0, length));
    }
  }
  fc.assert(fc.property(fc.constantFrom(...samples), fc.nat(), fc.nat(255), (bytes, at, byte) => {
    const changed = bytes.with(at % bytes.length, byte);
    decodeMeshMessage(changed);
    decodeHello(changed);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    decodeMeshMessage(bytes);
    decodeHello(bytes);
  }));
});

Deno.test("decodeMeshMessage() rejects what is over a bound", () => {
  const many = {
    records: Array(8193).fill({ ...signed, payload: Uint8Array.of(1) }),
    statements: [],
    entries: [],
  };
  assert.equal(decodeMeshMessage(encodeMeshMessage({ kind: "roster-update", update: many })), undefined);
  const long = { records: [{ ...signed, payload: new Uint8Array(4097) }], statements: [signed], entries: [] };
  assert.deepEqual(decodeMeshMessage(encodeMeshMessage({ kind: "roster-update", update: long })), {
    kind: "roster-update",
    update: { records: [], statements: [signed], entries: [] },
    oversized: 1,
  });
  const vector = (slot: string, count: number) => {
    const slots = Array(count).fill({ slot, version: 1, mark: 1n, isFinal: false });
    return decodeMeshMessage(encodeMeshMessage({
      kind: "vector",
      vector: { origins: [{ origin: identity.id, slots }] },
    }));
  };
  assert.ok(vector("x".repeat(288), 10));
  assert.equal(vector("x".repeat(289), 1), undefined);
  assert.equal(vector("x", 30_000), undefined, "384 KiB");
  const digest = { fingerprints: new Uint8Array(511), wallTime: unixMillis(0) };
  assert.equal(decodeMeshMessage(encodeMeshMessage({ kind: "digest", digest })), undefined);
  const unknown = encodeMeshMessage({ kind: "suspicion", nodeId: "ab".repeat(17) as typeof identity.id });
  assert.equal(decodeMeshMessage(unknown), undefined);
  const named = { ...request, name: "n".repeat(64) };
  assert.equal(decodeMeshMessage(encodeMeshMessage({ kind: "join-request", request: named })), undefined);
});
