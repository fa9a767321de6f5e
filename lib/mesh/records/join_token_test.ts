import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom, unixMillis } from "../../base/mod.ts";
import { Cidr, Endpoint, WebAddress } from "../../net/mod.ts";
import { generateNetwork, NodeIdentity, overlayIpv6For, overlayIpv6Prefix } from "../identity/mod.ts";
import { JoinToken, type JoinTokenFields, TokenSecret } from "./join_token.ts";

const random = new SeededRandom(21);
const network = generateNetwork(random);
const fields: JoinTokenFields = {
  networkId: network.id,
  tokenId: "0123456789abcdef".repeat(2),
  leaderPublicKey: NodeIdentity.generate(random).publicKey,
  endpoints: ["192.0.2.1:51820", "[2001:db8::1]:51820"].map((text) => Endpoint.parse(text) ?? assert.fail()),
  cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
  secret: TokenSecret.generate(random),
  expiresAt: unixMillis(1_700_000_000_000),
};
const token = new JoinToken(fields);

function problemOf(text: string): string {
  const parsed = JoinToken.parse(text);
  assert.ok(!(parsed instanceof JoinToken), "a bad token was read");
  return parsed.problem;
}

Deno.test("JoinToken.parse() reads what encode() wrote, white space around it too", () => {
  for (const text of [token.encode(), `  ${token.encode()}\r\n`]) {
    const parsed = JoinToken.parse(text);
    assert.ok(parsed instanceof JoinToken);
    assert.equal(parsed.encode(), token.encode());
    assert.deepEqual(parsed.endpoints.map(String), token.endpoints.map(String));
    assert.ok(parsed.presharedKey.equals(token.presharedKey));
  }
  assert.ok(token.encode().length < 300, `${token.encode().length} characters`);
});

Deno.test("JoinToken.parse() rejects a token cut at any length", () => {
  const text = token.encode();
  for (let length = 0; length < text.length; length++) {
    const problem = problemOf(text.slice(0, length));
    if (length > "weft1-".length) assert.match(problem, /truncated/, `${length}`);
  }
});

Deno.test("JoinToken.parse() rejects any one character that was changed", () => {
  const text = token.encode();
  for (let i = 0; i < text.length; i++) {
    const other = text[i] === "A" ? "B" : "A";
    problemOf(text.slice(0, i) + other + text.slice(i + 1));
  }
});

Deno.test("JoinToken.parse() names the problem without repeating the text", () => {
  assert.match(problemOf(""), /empty/);
  assert.match(problemOf("hello"), /weft1-/);
  assert.match(problemOf(token.encode().replace("weft1-", "weft2-")), /version 2/);
  assert.match(problemOf(token.encode().replace("weft1-", "weft1-.")), /character/);
  assert.match(problemOf("weft1-" + "A".repeat(10_000)), /too long/);
  fc.assert(fc.property(fc.base64String(), (text) => {
    problemOf("weft1-" + text);
    problemOf(text);
  }));
});

Deno.test("JoinToken.toString() and toJSON() hide the secret", () => {
  const shown = [`${token}`, JSON.stringify({ token }), Deno.inspect(token, { depth: 9, showHidden: true })]
    .join();
  const secret = token.secret.exposeBytes();
  for (const form of [secret.toHex(), secret.toBase64(), secret.join(), secret.join(", ")]) {
    assert.ok(!shown.includes(form));
  }
});

Deno.test("overlayIpv6For() puts the IPv4 address into the network's own /64", () => {
  const prefix = overlayIpv6Prefix(network.id);
  assert.match(prefix.toString(), /^fd[0-9a-f:]+\/64$/);
  const ipv4 = Endpoint.parse("10.200.1.2:1")?.address ?? assert.fail();
  const ipv6 = overlayIpv6For(prefix, ipv4);
  assert.ok(prefix.contains(ipv6));
  assert.deepEqual([...ipv6.bytes.subarray(8)], [0, 0, 0, 0, 10, 200, 1, 2]);
  assert.throws(() => overlayIpv6For(prefix, ipv6), RangeError);
});

Deno.test("JoinToken needs no endpoints", () => {
  const bare = new JoinToken({ ...fields, endpoints: [] });
  const parsed = JoinToken.parse(bare.encode());
  assert.ok(parsed instanceof JoinToken);
  assert.deepEqual(parsed.endpoints, []);
  assert.equal(parsed.networkId, token.networkId);
});

Deno.test("JoinToken names other leaders, within bounds, and stays short enough to be pasted", () => {
  const endpoints = Array.from(
    { length: 4 },
    (_, i) => Endpoint.parse(`[2001:db8:1111:2222:3333:4444:5555:666${i}]:51820`) ?? assert.fail(),
  );
  const urls = ["a", "b"].map((name) => WebAddress.parse(`wss://${name.repeat(63)}.org`) ?? assert.fail());
  const others = Array.from({ length: 4 }, () => ({
    publicKey: NodeIdentity.generate(random).publicKey,
    endpoints,
    urls,
  }));
  const full = new JoinToken({ ...fields, endpoints: [...endpoints, ...endpoints], urls, others });
  assert.ok(full.encode().length <= 3072, `${full.encode().length} characters`);
  const parsed = JoinToken.parse(full.encode());
  assert.ok(parsed instanceof JoinToken);
  assert.deepEqual(
    parsed.leaders.map(({ publicKey, endpoints, urls }) => [`${publicKey}`, endpoints.join(), urls?.join()]),
    full.leaders.map(({ publicKey, endpoints, urls }) => [`${publicKey}`, endpoints.join(), urls?.join()]),
  );
  assert.equal(parsed.leaders.length, 5);
  const one = others[0] ?? assert.fail();
  assert.throws(() => new JoinToken({ ...fields, others: [...others, one] }), RangeError);
  assert.throws(() => new JoinToken({ ...fields, urls: [...urls, ...urls] }), RangeError);
  const long = WebAddress.parse(`wss://mesh.example.com/${"x".repeat(80)}`) ?? assert.fail();
  assert.throws(() => new JoinToken({ ...fields, urls: [long] }), RangeError);
  const many = [...endpoints, ...endpoints];
  assert.throws(() => new JoinToken({ ...fields, others: [{ ...one, endpoints: many }] }), RangeError);
});
