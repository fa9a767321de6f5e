/**
 * Numbers that an implementation of the protocols can hold itself to, worked out by this one.
 * @module
 */

import { encodeHex, unixMillis, utf8Bytes } from "../../lib/base/mod.ts";
import { blake2s, SigningKey } from "../../lib/crypto/mod.ts";
import { AnnouncementCodec, dhtKey } from "../../lib/discovery/mod.ts";
import { networkIdOf, NodeIdentity, overlayIpv6For, overlayIpv6Prefix } from "../../lib/mesh/identity/mod.ts";
import { JoinToken, NetworkShards, signPayload, TokenSecret } from "../../lib/mesh/records/mod.ts";
import { FINGERPRINT_BYTES, VersionIndex } from "../../lib/mesh/versions/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../../lib/net/mod.ts";
import { CipherState } from "../../lib/noise/mod.ts";
import { derivePairKeys } from "../../lib/path/pair_keys.ts";
import { encodeAnswer, encodeAsk } from "../../lib/path/probe.ts";
import { encodeBind, LegSecret } from "../../lib/relay/mod.ts";

type Vector = readonly [name: string, value: string];

/** @returns the page: what goes in, and what comes out */
export function vectorsPage(): string {
  const sections: readonly (readonly [string, readonly Vector[]])[] = [
    ["Keys and ids", identityVectors()],
    ["A token", tokenVectors()],
    ["A signature", signatureVectors()],
    ["What is compared", comparisonVectors()],
    ["Records of channels", recordVectors()],
    ["Datagrams of paths", pathVectors()],
    ["Discovery", discoveryVectors()],
  ];
  return [
    "# Test vectors",
    "Worked out by this implementation, for others to compare with. Bytes are in hexadecimal; `7 × 32` stands for 32 bytes " +
    "of value 7. Of the packet plane and the handshakes of channels the published vectors of WireGuard and Noise hold.",
    ...sections.flatMap(([title, vectors]) => [
      `## ${title}`,
      `\`\`\`text\n${
        vectors.map(([name, value]) => `${name.padEnd(36)} ${wrapped(value)}`).join("\n")
      }\n\`\`\``,
    ]),
  ].join("\n\n") + "\n";
}

const seedOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const alpha = NodeIdentity.fromSeed(seedOf(1));
const bravo = NodeIdentity.fromSeed(seedOf(2));
const networkKey = SigningKey.fromSeed(seedOf(3));
const networkId = networkIdOf(networkKey.verifyingKey);

function identityVectors(): readonly Vector[] {
  const address = IpAddress.parse("10.200.0.1") as IpAddress;
  const prefix = overlayIpv6Prefix(networkId);
  return [
    ["seed of a node", "1 × 32"],
    ["its X25519 public key", encodeHex(alpha.publicKey.bytes)],
    ["its Ed25519 public key", encodeHex(alpha.signingKey.verifyingKey.bytes)],
    ["its id", alpha.id],
    ["seed of another node", "2 × 32"],
    ["its X25519 public key", encodeHex(bravo.publicKey.bytes)],
    ["its id", bravo.id],
    ["seed of the network's key", "3 × 32"],
    ["its Ed25519 public key", encodeHex(networkKey.verifyingKey.bytes)],
    ["the network's id", networkId],
    ["its IPv6 block", `${prefix}`],
    ["10.200.0.1 in that", `${overlayIpv6For(prefix, address)}`],
  ];
}

function tokenVectors(): readonly Vector[] {
  const token = new JoinToken({
    networkId,
    tokenId: "04".repeat(16),
    leaderPublicKey: alpha.publicKey,
    endpoints: [Endpoint.parse("192.0.2.1:51820") as Endpoint],
    cidr: Cidr.parse("10.200.0.0/16") as Cidr,
    secret: TokenSecret.fromBytes(seedOf(5)),
    expiresAt: unixMillis(1_800_000_000_000),
  });
  return [
    ["network, leader", "as above"],
    ["token id, secret", "4 × 16, 5 × 32"],
    ["endpoint, block, expiry", "192.0.2.1:51820, 10.200.0.0/16, 1800000000000"],
    ["the token", token.encode()],
    ["what a leader keeps of the secret", encodeHex(token.secret.hash())],
    ["preshared key of the handshake", encodeHex(token.presharedKey.exposeBytes())],
  ];
}

function signatureVectors(): readonly Vector[] {
  const payload = utf8Bytes("payload");
  return [
    ["payload", "payload"],
    ["label", "weft state entry v1"],
    ["signed by the network", encodeHex(signPayload("weft state entry v1", payload, networkKey).signature)],
    ["mark of the payload", encodeHex(blake2s(payload).subarray(0, 8))],
  ];
}

function comparisonVectors(): readonly Vector[] {
  const versions = new VersionIndex();
  const signed = signPayload("weft state entry v1", utf8Bytes("payload"), networkKey);
  for (const [slot, mark] of [["statement", 1n], ["service/0", 2n], ["record", 3n]] as const) {
    versions.set(alpha.id, { slot, version: 1, mark, isFinal: false, signed });
  }
  const digest = versions.digest(unixMillis(0), unixMillis(0));
  const part = parseInt(alpha.id.slice(0, 2), 16) >> 2;
  const partOf = (index: number) =>
    encodeHex(digest.subarray(index * FINGERPRINT_BYTES).subarray(0, FINGERPRINT_BYTES));
  return [
    ["part of the node 1 × 32", `${part}`],
    ["statement 1, service/0 2, record 3", partOf(part)],
    ["a part with nothing in it", partOf(0)],
    ["origin of endpoint/blue/web-1", NetworkShards.ofNetwork(networkId).of("blue/web-1")],
  ];
}

function recordVectors(): readonly Vector[] {
  const sealed = (state: CipherState) => {
    const out = new Uint8Array(20);
    state.encryptInto(new Uint8Array(0), utf8Bytes("weft"), out, 0);
    return encodeHex(out);
  };
  const state = new CipherState(seedOf(7));
  const first = sealed(state);
  state.rekey();
  return [
    ['"weft", key 7 × 32, nonce 0', first],
    ["the same after a rekey, nonce 1", sealed(state)],
  ];
}

function pathVectors(): readonly Vector[] {
  const keys = derivePairKeys(alpha.privateKey, bravo.publicKey);
  if (keys === undefined) throw new Error("The keys share nothing");
  const answering = derivePairKeys(bravo.privateKey, alpha.publicKey);
  if (answering === undefined) throw new Error("The keys share nothing");
  const leg = { id: new Uint8Array(8).fill(6), secret: LegSecret.fromBytes(seedOf(7)) };
  return [
    ["receiver id of 2 × 32's node", encodeHex(keys.outgoing.id)],
    ["question 1, 1 × 32 to 2 × 32", encodeHex(encodeAsk(keys.outgoing, 1))],
    [
      "its answer, seen at 192.0.2.1:51820",
      encodeHex(encodeAnswer(answering.outgoing, 1, Endpoint.parse("192.0.2.1:51820") as Endpoint)),
    ],
    ["bind 1, leg 6 × 8, secret 7 × 32", encodeHex(encodeBind("bind", leg, 1))],
  ];
}

function discoveryVectors(): readonly Vector[] {
  const announcement = { kind: "announce", port: 51820, nonce: "08".repeat(8), nodeId: alpha.id } as const;
  return [
    ["announce, port 51820, nonce 8 × 8", encodeHex(new AnnouncementCodec(networkId).encode(announcement))],
    ["key in the DHT on day 20000", encodeHex(dhtKey(networkId, 20_000))],
  ];
}

/** Long values go on below each other. */
function wrapped(value: string): string {
  return (value.match(/.{1,64}/g) ?? []).join(`\n${" ".repeat(37)}`);
}
