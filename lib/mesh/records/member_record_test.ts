import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom, unixMillis, VirtualClock } from "../../base/mod.ts";
import { Cidr, Endpoint, IpAddress, WebAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, MemberRecordSchema } from "../../proto/mod.ts";
import { MAX_PAYLOAD_BYTES } from "./signed.ts";
import { generateNetwork, NodeIdentity, nodeIdOf } from "../identity/identity.ts";
import { NO_GRANTS } from "./grants.ts";
import { decodeRecord, type MemberRecord, signRecord, verifyRecord } from "./member_record.ts";
import {
  areSameEndpoints,
  decodeStatement,
  type NodeStatement,
  signOwnStatement,
  signStatement,
  verifyStatement,
} from "./node_statement.ts";

const random = new SeededRandom(11);
const network = generateNetwork(random);
const identity = NodeIdentity.generate(random);
const at = (text: string) => Endpoint.parse(text) ?? assert.fail(text);
const address = (text: string) => IpAddress.parse(text) ?? assert.fail(text);

const record: MemberRecord = {
  networkId: network.id,
  nodeId: identity.id,
  name: "web-1",
  publicKey: identity.publicKey,
  verifyingKey: identity.signingKey.verifyingKey,
  addresses: [address("10.200.0.2"), address("fd00::2")],
  allowedIps: [Cidr.parse("192.168.7.0/24") ?? assert.fail()],
  labels: { zone: "b", role: "web" },
  grants: { ...NO_GRANTS, offer: ["orders"], publish: ["*:>"], names: ["*.apps"], claimed: ["billing"] },
  ephemeralMs: 600_000,
  roles: ["member"],
  version: 3,
  issuedAt: unixMillis(1_700_000_000_000),
  expiresAt: unixMillis(1_800_000_000_000),
  revoked: false,
};
const statement: NodeStatement = {
  nodeId: identity.id,
  endpoints: [at("192.0.2.1:51820"), at("[2001:db8::1]:51820")],
  channelEndpoints: [at("192.0.2.1:51820")],
  labels: { zone: "c" },
  version: 9,
  issuedAt: unixMillis(1_700_000_000_000),
};

Deno.test("signRecord() and verifyRecord() are inverse", () => {
  assert.deepEqual(verifyRecord(signRecord(record, network.signingKey), network.verifyingKey), record);
  const device: MemberRecord = {
    ...record,
    nodeId: nodeIdOf(record.publicKey),
    roles: ["wireguard"],
    endpoint: at("192.0.2.9:1"),
    persistentKeepaliveSeconds: 25,
  };
  delete (device as { verifyingKey?: unknown }).verifyingKey;
  assert.deepEqual(verifyRecord(signRecord(device, network.signingKey), network.verifyingKey), device);
  const behind = { ...device, hub: identity.id };
  assert.deepEqual(verifyRecord(signRecord(behind, network.signingKey), network.verifyingKey), behind);
});

Deno.test("decodeRecord() refuses a hub of a member, and one that is no id", () => {
  assert.throws(() => signRecord({ ...record, hub: identity.id }, network.signingKey), RangeError);
  const { verifyingKey: _, ...others } = record;
  const device: MemberRecord = { ...others, nodeId: nodeIdOf(record.publicKey), roles: ["wireguard"] };
  const { payload } = signRecord({ ...device, hub: identity.id }, network.signingKey);
  const message = decodeMessage(MemberRecordSchema, payload) ?? assert.fail();
  assert.equal(message.hub.length, 16);
  for (const length of [1, 15, 17]) {
    const bytes = encodeMessage(MemberRecordSchema, { ...message, hub: new Uint8Array(length) });
    assert.equal(decodeRecord(bytes), undefined, `${length}`);
  }
});

Deno.test("verifyRecord() rejects other signers, other labels and every flipped byte", () => {
  const signed = signRecord(record, network.signingKey);
  assert.equal(verifyRecord(signed, identity.signingKey.verifyingKey), undefined);
  const asStatement = signStatement({ ...statement }, network.signingKey);
  assert.equal(verifyRecord(asStatement, network.verifyingKey), undefined);
  assert.equal(
    verifyRecord({ ...signed, signature: signed.signature.slice(1) }, network.verifyingKey),
    undefined,
  );
  for (let i = 0; i < signed.payload.length; i += 7) {
    const payload = signed.payload.with(i, (signed.payload[i] ?? 0) ^ 1);
    assert.equal(verifyRecord({ ...signed, payload }, network.verifyingKey), undefined, `byte ${i}`);
  }
});

Deno.test("signRecord() refuses what nobody would accept", () => {
  const other = NodeIdentity.generate(random);
  const wrong: [string, Partial<MemberRecord>][] = [
    ["another node's id", { nodeId: other.id }],
    ["no name", { name: "" }],
    ["a name in capitals", { name: "Web" }],
    ["too many addresses", { addresses: Array(17).fill(record.addresses[0]) }],
    ["too many prefixes", { allowedIps: Array(65).fill(record.allowedIps[0]) }],
    ["too many labels", { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, ""])) }],
    ["a label with a blank", { labels: { a: "b c" } }],
    ["too many grants", { grants: { ...NO_GRANTS, offer: Array(33).fill("a") } }],
    ["a grant of nothing", { grants: { ...NO_GRANTS, publish: [""] } }],
    ["a grant with a blank", { grants: { ...NO_GRANTS, subscribe: ["a b"] } }],
    ["a name with a dot at its end", { grants: { ...NO_GRANTS, names: ["db."] } }],
    ["17 claims", { grants: { ...NO_GRANTS, claimed: Array.from({ length: 17 }, (_, i) => `a${i}`) } }],
    ["more grants than there is room", {
      grants: { ...NO_GRANTS, offer: Array.from({ length: 20 }, (_, i) => `${i}${"a".repeat(60)}`) },
    }],
    ["no role", { roles: [] }],
    ["a role twice", { roles: ["member", "member"] }],
    ["a device that signs", { roles: ["wireguard"] }],
    ["version 0", { version: 0 }],
    ["port 0", { endpoint: at("192.0.2.1:0") }],
    ["a keepalive of a day", { persistentKeepaliveSeconds: 86_400 }],
  ];
  for (const [what, fields] of wrong) {
    assert.throws(() => signRecord({ ...record, ...fields }, network.signingKey), RangeError, what);
  }
});

Deno.test("decodeRecord() takes no label of the former release for a leader's word, until it is confirmed", () => {
  const message = decodeMessage(
    MemberRecordSchema,
    signRecord(record, network.signingKey).payload,
    MAX_PAYLOAD_BYTES,
  ) ?? assert.fail();
  delete message.grants;
  const former = decodeRecord(encodeMessage(MemberRecordSchema, message)) ?? assert.fail();
  assert.deepEqual([former.labels, former.unconfirmedLabels], [{}, record.labels]);
  const renewed = verifyRecord(signRecord(former, network.signingKey), network.verifyingKey);
  assert.deepEqual(renewed, former);
});

Deno.test("decodeRecord() takes a reserved name in records of the former release and of who is removed alone", () => {
  for (const name of ["leader", "node-0-7", "localhost", "wpad", "isatap", "ip6-loopback", "local"]) {
    assert.throws(() => signRecord({ ...record, name }, network.signingKey), RangeError, name);
    const removed = signRecord({ ...record, name, revoked: true }, network.signingKey);
    assert.equal(decodeRecord(removed.payload)?.name, name);
    const message = decodeMessage(MemberRecordSchema, removed.payload, MAX_PAYLOAD_BYTES) ?? assert.fail();
    message.revoked = false;
    assert.equal(decodeRecord(encodeMessage(MemberRecordSchema, message)), undefined);
    delete message.grants;
    assert.equal(decodeRecord(encodeMessage(MemberRecordSchema, message))?.name, name);
  }
  // 0.1.0 called members by numbers, too.
  for (const name of ["leader-2", "node-1", "node", "internal-db", "web", "10"]) {
    assert.equal(decodeRecord(signRecord({ ...record, name }, network.signingKey).payload)?.name, name);
  }
});

Deno.test("signStatement() and verifyStatement() are inverse, and bounded", () => {
  const signed = signStatement(statement, identity.signingKey);
  assert.deepEqual(verifyStatement(signed, identity.signingKey.verifyingKey), statement);
  const told = { ...statement, release: "0.1.0", system: "linux x86_64" };
  assert.deepEqual(
    verifyStatement(signStatement(told, identity.signingKey), identity.signingKey.verifyingKey),
    told,
  );
  // What is none makes the rest no worse.
  for (const release of ["\x1b[31m", "x".repeat(33)]) {
    const odd = signStatement({ ...statement, release, system: release }, identity.signingKey);
    assert.deepEqual(verifyStatement(odd, identity.signingKey.verifyingKey), statement);
  }
  assert.equal(verifyStatement(signed, network.verifyingKey), undefined);
  const endpoints = Array(9).fill(at("192.0.2.1:1"));
  assert.throws(() => signStatement({ ...statement, endpoints }, identity.signingKey), RangeError);
});

Deno.test("a statement names URLs, within bounds, and is another one when they change", () => {
  const urls = ["wss://mesh.example.com/weft", "ws://192.0.2.1:8080/weft"]
    .map((text) => WebAddress.parse(text) ?? assert.fail());
  const signed = signStatement({ ...statement, urls }, identity.signingKey);
  assert.deepEqual(
    verifyStatement(signed, identity.signingKey.verifyingKey)?.urls?.map(String),
    urls.map(String),
  );
  assert.equal(decodeStatement(signStatement(statement, identity.signingKey).payload)?.urls, undefined);
  assert.equal(areSameEndpoints(statement, { ...statement, urls }), false);
  const clock = new VirtualClock(statement.issuedAt);
  assert.ok(signOwnStatement(identity, { ...statement, urls }, { clock, previous: statement }));
  const many = { ...statement, urls: [...urls, ...urls, ...urls] };
  assert.throws(() => signStatement(many, identity.signingKey), RangeError);
});

Deno.test("a statement says whether there is a packet plane, and one of the former release that there is", () => {
  const rootless = { ...statement, endpoints: [], isRootless: true };
  const { verifyingKey } = identity.signingKey;
  assert.deepEqual(verifyStatement(signStatement(rootless, identity.signingKey), verifyingKey), rootless);
  assert.equal(decodeStatement(signStatement(statement, identity.signingKey).payload)?.isRootless, undefined);
  const clock = new VirtualClock(statement.issuedAt);
  const own = (isRootless: boolean) =>
    signOwnStatement(identity, { ...statement, isRootless }, { clock, previous: statement });
  assert.equal(own(false), undefined);
  assert.ok(own(true));
  assert.equal(areSameEndpoints(statement, { ...statement, isRootless: true }), false);
  assert.equal(areSameEndpoints(statement, { ...statement, isRootless: false }), true);
});

Deno.test("a statement says whether its node relays, and is made anew when that changes", () => {
  const relaying = { ...statement, relays: true };
  const { verifyingKey } = identity.signingKey;
  assert.deepEqual(verifyStatement(signStatement(relaying, identity.signingKey), verifyingKey), relaying);
  assert.equal(decodeStatement(signStatement(statement, identity.signingKey).payload)?.relays, undefined);
  const clock = new VirtualClock(statement.issuedAt);
  assert.equal(
    signOwnStatement(identity, { ...statement, relays: false }, { clock, previous: statement }),
    undefined,
  );
  assert.ok(signOwnStatement(identity, relaying, { clock, previous: statement }));
  assert.ok(signOwnStatement(identity, statement, { clock, previous: relaying }));
});

Deno.test("decodeRecord() and decodeStatement() never throw, whatever the bytes", () => {
  const { payload } = signRecord(record, network.signingKey);
  for (let length = 0; length < payload.length; length++) decodeRecord(payload.subarray(0, length));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    decodeRecord(bytes);
    decodeStatement(bytes);
  }));
  fc.assert(fc.property(fc.nat(payload.length - 1), fc.nat(255), (i, byte) => {
    decodeRecord(payload.with(i, byte));
  }));
});
