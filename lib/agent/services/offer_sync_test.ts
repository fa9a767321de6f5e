import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeMessage, PortOffersSchema } from "../../proto/mod.ts";
import { readOffers } from "./offer_sync.ts";

const encode = (offers: readonly { readonly port: number; readonly restricted: boolean }[]) =>
  encodeMessage(PortOffersSchema, { offers: [...offers] });

Deno.test("readOffers() reads ports, and whether all may come", () => {
  const body = encode([{ port: 80, restricted: false }, { port: 5432, restricted: true }]);
  assert.deepEqual(readOffers(body), [{ port: 80, isRestricted: false }, { port: 5432, isRestricted: true }]);
});

Deno.test("readOffers() takes 256 ports at most, once each, and only ports", () => {
  const many = Array.from({ length: 300 }, (_, i) => ({ port: i + 1, restricted: false }));
  assert.equal(readOffers(encode(many)).length, 256);
  // As many as a node tells of fit an entry.
  assert.ok(encode(many.slice(0, 256).map(() => ({ port: 65_535, restricted: true }))).length <= 3072);
  const odd = [0, 65_536, 80, 80].map((port) => ({ port, restricted: false }));
  assert.deepEqual(readOffers(encode(odd)), [{ port: 80, isRestricted: false }]);
});

Deno.test("readOffers() never throws, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const { port } of readOffers(bytes)) assert.ok(port >= 1 && port <= 65_535);
  }));
});
