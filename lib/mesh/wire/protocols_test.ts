import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, type VersionRange } from "../../base/mod.ts";
import { encodeMessage, HelloReplySchema } from "../../proto/mod.ts";
import { decodeHello, encodeHello } from "./join_message.ts";
import {
  agreeOnVersions,
  conflictText,
  decodeHelloReply,
  encodeHelloReply,
  isConflict,
  isOursOlder,
  OWN_PROTOCOLS,
  PROTOCOLS,
  protocolsToWire,
  type ProtocolVersions,
} from "./protocols.ts";

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest });
const tokenId = "0123456789abcdef".repeat(2);

Deno.test("agreeOnVersions() takes the newest version that both speak, of what both know", () => {
  const ours = { mesh: range(1, 3), service: range(2, 4), frames: range(1) };
  const theirs = { mesh: range(2, 9), service: range(1, 3), path: range(7) };
  assert.deepEqual(agreeOnVersions(ours, theirs), { mesh: 3, service: 3 });
});

Deno.test("agreeOnVersions() takes who says nothing for the former release", () => {
  const agreed = agreeOnVersions(OWN_PROTOCOLS, undefined);
  assert.deepEqual(agreed, Object.fromEntries(PROTOCOLS.map((protocol) => [protocol, 1])));
  const conflict = agreeOnVersions({ ...OWN_PROTOCOLS, service: range(2, 3) }, undefined);
  assert.deepEqual(conflict, { protocol: "service", ours: range(2, 3), theirs: range(1) });
});

Deno.test("agreeOnVersions() comes to the same at both ends, whatever they speak", () => {
  const versions = fc.dictionary(
    fc.constantFrom(...PROTOCOLS),
    fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 })).map(([oldest, more]) =>
      range(oldest, oldest + more)
    ),
  ) as fc.Arbitrary<ProtocolVersions>;
  fc.assert(fc.property(versions, versions, (one, other) => {
    const [here, there] = [agreeOnVersions(one, other), agreeOnVersions(other, one)];
    if (!isConflict(here)) return assert.deepEqual(here, there);
    assert(isConflict(there));
    assert.deepEqual([here.protocol, here.ours, here.theirs], [there.protocol, there.theirs, there.ours]);
    assert.notEqual(isOursOlder(here), isOursOlder(there));
  }));
});

Deno.test("conflictText() names both ranges, and whom to upgrade", () => {
  const conflict = { protocol: "mesh", ours: range(1), theirs: range(2, 3) } as const;
  assert.deepEqual(conflictText(conflict, "web-1"), {
    problem: "web-1 speaks versions 2 to 3 of the protocol mesh, this node version 1",
    hint: "Upgrade weft on this node.",
  });
  const newer = { ...conflict, ours: range(4), theirs: range(1) };
  assert.equal(conflictText(newer, "web-1").hint, "Upgrade weft on web-1.");
});

Deno.test("a hello and its reply say what is spoken, and nothing where the former release says nothing", () => {
  const protocols = { mesh: range(1, 3), service: range(2) };
  assert.deepEqual(decodeHello(encodeHello({ kind: "join", tokenId, protocols })), {
    kind: "join",
    tokenId,
    protocols,
  });
  assert.deepEqual(decodeHello(encodeHello({ kind: "join", tokenId })), { kind: "join", tokenId });
  assert.deepEqual(decodeHelloReply(encodeHelloReply(OWN_PROTOCOLS, protocols)), {
    mesh: range(1),
    service: range(1),
  });
  assert.equal(encodeHelloReply(OWN_PROTOCOLS, undefined).length, 0);
  assert.equal(decodeHelloReply(new Uint8Array(0)), undefined);
});

Deno.test("a reply is no longer than the hello, however much this end speaks", () => {
  const all = Object.fromEntries(PROTOCOLS.map((protocol) => [protocol, range(65_535)]));
  for (let named = 0; named <= PROTOCOLS.length; named++) {
    const protocols = Object.fromEntries(PROTOCOLS.slice(0, named).map((protocol) => [protocol, range(1)]));
    const [hello, reply] = [
      encodeHello({ kind: "join", tokenId, protocols }),
      encodeHelloReply(all, protocols),
    ];
    // The handshake has room for 48 bytes more.
    assert(reply.length <= hello.length + 48, `${named}: ${reply.length} > ${hello.length}`);
  }
});

Deno.test("decodeHelloReply() passes over protocols that this release does not know, and refuses what is no range", () => {
  const reply = (...protocols: readonly (readonly [number, number, number])[]): Uint8Array =>
    encodeMessage(HelloReplySchema, {
      protocols: protocols.map(([protocol, oldest, newest]) => ({ protocol, oldest, newest })),
    });
  assert.deepEqual(decodeHelloReply(reply([3, 1, 2], [9_999, 4, 5])), { mesh: range(1, 2) });
  // A field of a later release.
  assert.deepEqual(decodeHelloReply(concatBytes(reply([3, 1, 2]), Uint8Array.of(0xfa, 0x01, 1, 7))), {
    mesh: range(1, 2),
  });
  for (
    const bytes of [
      reply([3, 0, 1]),
      reply([3, 2, 1]),
      reply([3, 1, 65_536]),
      reply([3, 1, 1], [3, 1, 2]),
      reply(...Array.from({ length: 65 }, (_, i) => [100 + i, 1, 1] as const)),
      Uint8Array.of(0xff),
    ]
  ) assert.equal(decodeHelloReply(bytes), "malformed");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeHelloReply(bytes)));
});

Deno.test("docs/protocol/versions.md has every protocol with its number and the versions of this release", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/protocol/versions.md", import.meta.url));
  const rows = [...page.matchAll(/^\| (\d+) +\| `(\w+)` .*\| (\d+) to (\d+) \|$/gm)].map((row) =>
    row.slice(1)
  );
  const wire = protocolsToWire(OWN_PROTOCOLS);
  assert.deepEqual(
    rows,
    PROTOCOLS.map((protocol, i) =>
      [wire[i]?.protocol, protocol, wire[i]?.oldest, wire[i]?.newest].map(String)
    ),
  );
});
