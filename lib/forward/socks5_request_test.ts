import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeGreeting,
  decodeRequest,
  encodeChoice,
  encodeReply,
  SOCKS5_REPLY,
  type Socks5Fault,
} from "./socks5_request.ts";

// The longest of each, in bytes.
const MAX_GREETING_BYTES = 257;
const MAX_REQUEST_BYTES = 262;

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));
const named = (name: string | number[], port = [0, 80]): Uint8Array => {
  const bytes = typeof name === "string" ? ascii(name) : name;
  return Uint8Array.of(5, 1, 0, 3, bytes.length, ...bytes, ...port);
};

const greetings: readonly (readonly [string, Uint8Array])[] = [
  ["one method", Uint8Array.of(5, 1, 0)],
  ["several", Uint8Array.of(5, 3, 2, 1, 0)],
  ["255 methods", Uint8Array.of(5, 255, ...new Uint8Array(255))],
];
for (const [what, bytes] of greetings) {
  Deno.test(`decodeGreeting() reads ${what}, wants all of it, and leaves what follows`, () => {
    const value = { kind: "value", value: "no-authentication", lengthBytes: bytes.length };
    assert.deepEqual(decodeGreeting(bytes), value);
    assert.deepEqual(decodeGreeting(Uint8Array.of(...bytes, 9, 9)), value);
    assert.ok(bytes.length <= MAX_GREETING_BYTES);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeGreeting(bytes.subarray(0, length)).kind, "incomplete");
    }
  });
}

const badGreetings: readonly (readonly [string, number[], Socks5Fault])[] = [
  ["SOCKS 4", [4, 1, 0, 80], "not-socks5"],
  ["HTTP", ascii("GET / HTTP/1.1"), "not-socks5"],
  ["no methods", [5, 0], "no-method"],
  ["a password", [5, 1, 2], "no-method"],
  ["only methods that we lack", [5, 3, 1, 2, 0xff, 0], "no-method"],
];
for (const [what, bytes, fault] of badGreetings) {
  Deno.test(`decodeGreeting() refuses ${what}`, () => {
    assert.deepEqual(decodeGreeting(Uint8Array.from(bytes)), { kind: "fault", fault });
  });
}

const requests: readonly (readonly [string, Uint8Array, string, number])[] = [
  ["an IPv4 address", Uint8Array.of(5, 1, 0, 1, 10, 200, 0, 7, 0x1f, 0x90), "10.200.0.7", 8080],
  [
    "an IPv6 address",
    Uint8Array.of(5, 1, 0, 4, 0xfd, ...new Uint8Array(14), 7, 0xff, 0xff),
    "fd00::7",
    65535,
  ],
  ["a name", named("Web-1.weft.internal."), "web-1.weft.internal.", 80],
  ["a name of one letter", named("w"), "w", 80],
  ["the longest name", named("w".repeat(255)), "w".repeat(255), 80],
  ["an IPv4 address as a name", named("10.0.0.1"), "10.0.0.1", 80],
  ["an IPv6 address as a name", named("FD00:0::1"), "fd00::1", 80],
];
for (const [what, bytes, host, port] of requests) {
  Deno.test(`decodeRequest() reads ${what}, wants all of it, and leaves what follows`, () => {
    const value = { kind: "value", value: { host, port }, lengthBytes: bytes.length };
    assert.deepEqual(decodeRequest(bytes), value);
    assert.deepEqual(decodeRequest(Uint8Array.of(...bytes, 5, 1, 0)), value);
    assert.ok(bytes.length <= MAX_REQUEST_BYTES);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeRequest(bytes.subarray(0, length)).kind, "incomplete");
    }
  });
}

const badRequests: readonly (readonly [string, Uint8Array, Socks5Fault])[] = [
  ["another version", Uint8Array.of(4, 1), "not-socks5"],
  ["BIND", Uint8Array.of(5, 2), "unsupported-command"],
  ["UDP ASSOCIATE", Uint8Array.of(5, 3), "unsupported-command"],
  ["a command that there is not", Uint8Array.of(5, 0), "unsupported-command"],
  ["a reserved byte that is set", Uint8Array.of(5, 1, 1), "malformed"],
  ["an unknown type of address", Uint8Array.of(5, 1, 0, 2), "unsupported-address"],
  ["an empty name", Uint8Array.of(5, 1, 0, 3, 0), "malformed"],
  ["port 0", named("web", [0, 0]), "malformed"],
  ["a name with a zero byte", named("web\0.evil"), "malformed"],
  ["a name with a line break", named("web\r\n"), "malformed"],
  ["a name with a path", named("web/../"), "malformed"],
  ["a name that begins with a dot", named(".web"), "malformed"],
  ["an address in brackets", named("[::1]"), "malformed"],
  ["a name that is not ASCII", named([0xc3, 0xa4]), "malformed"],
];
for (const [what, bytes, fault] of badRequests) {
  Deno.test(`decodeRequest() refuses ${what}`, () => {
    assert.deepEqual(decodeRequest(bytes), { kind: "fault", fault });
  });
}

Deno.test("decodeGreeting() and decodeRequest() take any bytes: they advance, wait within their bounds, or refuse", () => {
  const start = fc.constantFrom([], [5], [5, 1], [5, 1, 0], [5, 1, 0, 1], [5, 1, 0, 3], [5, 1, 0, 4]);
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
      const bytes = Uint8Array.of(...start, ...rest);
      for (
        const [decode, max] of [[decodeGreeting, MAX_GREETING_BYTES], [
          decodeRequest,
          MAX_REQUEST_BYTES,
        ]] as const
      ) {
        const result = decode(bytes);
        if (result.kind === "value") assert.ok(result.lengthBytes > 0 && result.lengthBytes <= bytes.length);
        if (result.kind === "incomplete") assert.ok(bytes.length < max);
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("encodeChoice() and encodeReply() lay out what RFC 1928 draws", () => {
  assert.deepEqual(encodeChoice(true), Uint8Array.of(5, 0));
  assert.deepEqual(encodeChoice(false), Uint8Array.of(5, 0xff));
  assert.deepEqual(encodeReply(SOCKS5_REPLY.succeeded), Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  const unsupported = encodeReply(SOCKS5_REPLY.addressTypeNotSupported);
  assert.deepEqual(unsupported, Uint8Array.of(5, 8, 0, 1, 0, 0, 0, 0, 0, 0));
  assert.deepEqual(Object.values(SOCKS5_REPLY), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
