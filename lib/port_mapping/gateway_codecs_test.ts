import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap } from "./nat_pmp.ts";
import { decodePcp, encodePcpMap, isOfNonce } from "./pcp.ts";
import { address } from "./testing/memory_gateway.ts";

const NONCE = Uint8Array.from({ length: 12 }, (_, i) => i + 1);
const REQUEST = {
  transport: "udp",
  client: address("192.168.7.2"),
  nonce: NONCE,
  internalPort: 51820,
  externalPort: 51821,
  lifetimeSeconds: 1200,
} as const;

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

Deno.test("encodePcpMap() writes the request of RFC 6887 §7.1 and §11.1", () => {
  assert.equal(
    encodePcpMap(REQUEST).toHex(),
    hex(
      "02 01 0000 000004b0 00000000000000000000ffffc0a80702 0102030405060708090a0b0c 11 000000 ca6c ca6d " +
        "00000000000000000000ffff00000000",
    ).toHex(),
  );
  const ipv6 = encodePcpMap({
    ...REQUEST,
    transport: "tcp",
    client: address("2001:db8::2"),
    externalAddress: address("2001:db8::3"),
  });
  assert.equal(ipv6.subarray(8, 24).toHex(), "20010db8000000000000000000000002");
  assert.equal(ipv6[36], 6);
  assert.equal(ipv6.subarray(44).toHex(), "20010db8000000000000000000000003");
  assert.throws(() => encodePcpMap({ ...REQUEST, nonce: new Uint8Array(11) }), RangeError);
});

const PCP_ANSWER = hex(
  "02 81 00 00 00000258 00000007 000000000000000000000000 0102030405060708090a0b0c 11 000000 ca6c ca6e " +
    "00000000000000000000ffff08070605",
);

Deno.test("decodePcp() reads an answer, and one with options behind it", () => {
  for (const answer of [PCP_ANSWER, new Uint8Array([...PCP_ANSWER, 0x80, 0, 0, 0])]) {
    const decoded = decodePcp(answer);
    assert(decoded?.kind === "mapped");
    assert.equal(`${decoded.externalAddress}:${decoded.externalPort}`, "8.7.6.5:51822");
    assert.equal(decoded.internalPort, 51820);
    assert.equal(decoded.lifetimeSeconds, 600);
    assert.equal(decoded.epochSeconds, 7);
    assert.equal(decoded.transport, "udp");
    assert(isOfNonce(decoded, NONCE) && !isOfNonce(decoded, new Uint8Array(12)));
  }
});

Deno.test("decodePcp() rejects an answer that is cut anywhere, too long, or a request", () => {
  for (let length = 0; length < PCP_ANSWER.length; length++) {
    assert.equal(decodePcp(PCP_ANSWER.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodePcp(new Uint8Array([...PCP_ANSWER, 0])), undefined, "no multiple of 4");
  assert.equal(decodePcp(new Uint8Array([...PCP_ANSWER, ...new Uint8Array(1044)])), undefined, "1,104 bytes");
  assert.equal(decodePcp(encodePcpMap(REQUEST)), undefined);
});

Deno.test("decodePcp() knows a refusal, and that of a gateway that speaks NAT-PMP alone", () => {
  const refused = PCP_ANSWER.slice();
  refused[3] = 2;
  assert.equal(decodePcp(refused)?.kind, "refused");
  assert.deepEqual(decodePcp(hex("02 81 00 04 00000000 00000000 000000000000000000000000")), {
    kind: "refused",
    isUnsupported: true,
  });
  assert.deepEqual(decodePcp(hex("00 81 0001 00000007")), { kind: "refused", isUnsupported: true });
  assert.equal(decodePcp(hex("00 81 0002 00000007")), undefined);
});

Deno.test("encodeNatPmpMap() and encodeNatPmpAddress() write the requests of RFC 6886 §3.2 and §3.3", () => {
  assert.equal(encodeNatPmpAddress().toHex(), "0000");
  assert.equal(encodeNatPmpMap(REQUEST).toHex(), "00010000ca6cca6d000004b0");
  assert.equal(encodeNatPmpMap({ ...REQUEST, transport: "tcp" }).toHex(), "00020000ca6cca6d000004b0");
});

const ADDRESS_ANSWER = hex("00 80 0000 00000007 08070605");
const MAP_ANSWER = hex("00 82 0000 00000007 ca6c ca6e 00000258");

Deno.test("decodeNatPmp() reads answers, whole ones only", () => {
  const address = decodeNatPmp(ADDRESS_ANSWER);
  assert(address?.kind === "address");
  assert.equal(`${address.address} ${address.epochSeconds}`, "8.7.6.5 7");
  assert.deepEqual(decodeNatPmp(MAP_ANSWER), {
    kind: "mapped",
    transport: "tcp",
    internalPort: 51820,
    externalPort: 51822,
    lifetimeSeconds: 600,
    epochSeconds: 7,
  });
  for (const answer of [ADDRESS_ANSWER, MAP_ANSWER]) {
    for (let length = 0; length < answer.length; length++) {
      assert.equal(decodeNatPmp(answer.subarray(0, length)), undefined, `${length} bytes`);
    }
    assert.equal(decodeNatPmp(new Uint8Array([...answer, 0])), undefined);
  }
});

Deno.test("decodeNatPmp() knows refusals, and takes the one of PCP's version for none of its own", () => {
  assert.deepEqual(decodeNatPmp(hex("00 81 0002 00000007 ca6c 0000 00000000")), {
    kind: "refused",
    isUnsupported: false,
    transport: "udp",
    internalPort: 51820,
  });
  assert.deepEqual(decodeNatPmp(hex("00 85 0005 00000007")), { kind: "refused", isUnsupported: true });
  assert.deepEqual(decodeNatPmp(hex("02 80 00 01 00000000 00000007 000000000000000000000000")), {
    kind: "refused",
    isUnsupported: true,
  });
  assert.equal(decodeNatPmp(hex("00 81 0001 00000007")), undefined);
});

Deno.test("decodePcp() and decodeNatPmp() take any bytes without throwing, and none with a wrong first byte for a mapping", () => {
  const seeds = fc.constantFrom(PCP_ANSWER, ADDRESS_ANSWER, MAP_ANSWER);
  const flipped = fc.tuple(seeds, fc.nat(), fc.nat(7)).map(([bytes, at, bit]) =>
    bytes.map((each, i) => i === at % bytes.length ? each ^ 1 << bit : each)
  );
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 1200 }), flipped), (bytes) => {
      const pcp = decodePcp(bytes);
      const natPmp = decodeNatPmp(bytes);
      if (bytes[0] !== 2) assert.notEqual(pcp?.kind, "mapped");
      if (bytes[0] !== 0) assert.notEqual(natPmp?.kind, "mapped");
    }),
    { numRuns: 2000 },
  );
});
