import assert from "node:assert/strict";
import fc from "fast-check";
import { millis, SeededRandom } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { StunClient } from "./stun_client.ts";
import { decodeStun, encodeBindingRequest, isStun } from "./stun_message.ts";

const endpoint = (text: string): Endpoint => Endpoint.parse(text) ?? assert.fail(text);
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));

/** RFC 5769 §2.2 and §2.3, without their MESSAGE-INTEGRITY and FINGERPRINT, which go over the whole. */
const ID = hex("b7 e7 a7 01 bc 34 d6 86 fa 87 df ae");
const XOR_IPV4 = hex("0020 0008 0001 a147 e112 a643");
const XOR_IPV6 = hex("0020 0014 0002 a147 0113 a9fa a5d3 f179 bc25 f4b5 bed2 b9d9");

/** RFC 5769 §2.2 as it stands there. */
const VECTOR = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`);

function message(type: number, ...attributes: readonly Uint8Array[]): Uint8Array {
  const body = attributes.flatMap((bytes) => [...bytes]);
  const out = new Uint8Array([0, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...ID, ...body]);
  const view = new DataView(out.buffer);
  view.setUint16(0, type);
  view.setUint16(2, body.length);
  return out;
}

function mappedOf(datagram: Uint8Array): string | undefined {
  const decoded = decodeStun(datagram);
  return decoded?.kind === "success" ? decoded.mapped.toString() : decoded?.kind;
}

Deno.test("decodeStun() reads the answer of RFC 5769 §2.2 and checks its fingerprint", () => {
  assert.equal(mappedOf(VECTOR), "192.0.2.1:32853");
  for (let i = 0; i < VECTOR.length * 8; i++) {
    const flipped = VECTOR.slice();
    flipped[i >> 3] = (flipped[i >> 3] ?? 0) ^ 1 << (i & 7);
    // Only the length and the type of what the fingerprint doesn't cover can make it look as if there were none.
    if (i < 8 * 48) assert.equal(decodeStun(flipped), undefined, `bit ${i}`);
    else assert([undefined, "192.0.2.1:32853"].includes(mappedOf(flipped)), `bit ${i}`);
  }
  for (let length = 0; length < VECTOR.length; length++) {
    assert.equal(decodeStun(VECTOR.subarray(0, length)), undefined, `${length} bytes`);
  }
});

const CASES: readonly (readonly [name: string, datagram: Uint8Array, says: string | undefined])[] = [
  ["IPv6, as in RFC 5769 §2.3", message(0x101, XOR_IPV6), "[2001:db8:1234:5678:11:2233:4455:6677]:32853"],
  ["no mask, as RFC 3489", message(0x101, hex("0001 0008 0001 8055 c0000201")), "192.0.2.1:32853"],
  [
    "both, of which the masked one counts",
    message(0x101, hex("0001 0008 0001 0001 01010101"), XOR_IPV4),
    "192.0.2.1:32853",
  ],
  [
    "two, of which the first counts",
    message(0x101, XOR_IPV4, hex("0020 0008 0001 0000 00000000")),
    "192.0.2.1:32853",
  ],
  ["no address", message(0x101), undefined],
  ["port 0", message(0x101, hex("0001 0008 0001 0000 c0000201")), undefined],
  ["an address of 5 bytes", message(0x101, hex("0001 0009 0001 8055 c0000201 01000000")), undefined],
  ["family 3", message(0x101, hex("0001 0008 0003 8055 c0000201")), undefined],
  ["an unknown attribute that has to be understood", message(0x101, hex("0030 0000"), XOR_IPV4), undefined],
  [
    "an unknown attribute that need not be",
    message(0x101, hex("8030 0001 ff000000"), XOR_IPV4),
    "192.0.2.1:32853",
  ],
  ["an attribute that runs past the end", message(0x101, hex("8030 0005 00000000")), undefined],
  [
    "40 attributes",
    message(0x101, ...Array.from({ length: 40 }, () => hex("8030 0000")), XOR_IPV4),
    undefined,
  ],
  ["an error", message(0x111, hex("0009 0004 0000 0414")), "error"],
  ["an error without its code", message(0x111), undefined],
  ["an error of 700", message(0x111, hex("0009 0004 0000 0700")), undefined],
  ["another method", message(0x103, XOR_IPV4), undefined],
];

for (const [name, datagram, says] of CASES) {
  Deno.test(`decodeStun() ${says === undefined ? "rejects" : "reads"} an answer with ${name}`, () => {
    assert.equal(mappedOf(datagram), says);
  });
}

Deno.test("encodeBindingRequest() makes what decodeStun() knows; isStun() knows it from WireGuard's", () => {
  const request = encodeBindingRequest(ID);
  assert.equal(request.length, 28);
  assert.equal(decodeStun(request)?.kind, "request");
  assert(isStun(request));
  const initiation = new Uint8Array(148);
  initiation[0] = 1;
  assert(!isStun(initiation));
  assert.throws(() => encodeBindingRequest(new Uint8Array(11)), RangeError);
});

Deno.test("decodeStun() takes any bytes without throwing", () => {
  const head = [0x01, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...ID];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isFramed) => {
      decodeStun(bytes);
      const framed = new Uint8Array([...head, ...bytes, ...new Uint8Array(-bytes.length & 3)]);
      if (isFramed) new DataView(framed.buffer).setUint16(2, framed.length - 20);
      decodeStun(framed);
    }),
    { numRuns: 1000 },
  );
});

function answerTo(request: Uint8Array): Uint8Array {
  const answer = message(0x101, XOR_IPV4);
  answer.set(request.subarray(8, 20), 8);
  // Under another id, IPv4 is masked by the cookie alone, so that the same bytes say the same.
  return answer;
}

Deno.test("StunClient asks each server up to three times and measures the round trip of the one that was answered", () => {
  const servers = [endpoint("192.0.2.9:3478"), endpoint("192.0.2.10:3478")];
  const client = new StunClient(millis(0), servers, new SeededRandom(7));
  const sent: { datagram: Uint8Array; to: string }[] = [];
  const work = (now: number) => {
    client.handleTimeout(millis(now));
    for (let out = client.pollTransmit(); out; out = client.pollTransmit()) {
      sent.push({ datagram: out.datagram, to: `${out.destination}` });
    }
  };
  work(0);
  assert.equal(sent.length, 2);
  assert.equal(client.pollTimeout(), 500);
  work(500);
  const second = sent.filter(({ to }) => to === "192.0.2.9:3478")[1] ?? assert.fail();
  const answer = answerTo(second.datagram);
  client.handleDatagram(millis(510), answer, endpoint("192.0.2.10:3478"));
  client.handleDatagram(millis(510), message(0x101, XOR_IPV4), endpoint("192.0.2.9:3478"));
  client.handleDatagram(millis(510), second.datagram, endpoint("192.0.2.9:3478"));
  client.handleDatagram(millis(510), new Uint8Array(20), endpoint("192.0.2.9:3478"));
  assert.deepEqual(client.drops.snapshot(), { "stun-malformed": 1, "stun-unasked": 3 });
  client.handleDatagram(millis(530), answer, endpoint("192.0.2.9:3478"));
  assert.deepEqual(client.results.map(({ mapped, rttMs }) => `${mapped} ${rttMs}`), ["192.0.2.1:32853 30"]);
  for (let now = 600; now < 4_000; now += 100) work(now);
  assert.equal(sent.length, 5);
  assert(client.isDone);
  assert.deepEqual(client.results.map(({ server, mapped }) => `${server} ${mapped}`), [
    "192.0.2.9:3478 192.0.2.1:32853",
    "192.0.2.10:3478 undefined",
  ]);
  assert.equal(client.pollTimeout(), undefined);
});
