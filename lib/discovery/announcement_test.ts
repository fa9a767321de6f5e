import assert from "node:assert/strict";
import { encodeHex, randomBytes, SeededRandom } from "../base/mod.ts";
import { type Announcement, ANNOUNCEMENT_BYTES, AnnouncementCodec } from "./announcement.ts";

const ours = new AnnouncementCodec("0123456789abcdef0123456789abcdef");
const theirs = new AnnouncementCodec("ffffffffffffffffffffffffffffffff");
const announcement: Announcement = {
  kind: "announce",
  port: 51820,
  nonce: "00112233445566ff",
  nodeId: "00112233445566778899aabbccddeeff",
};

Deno.test("AnnouncementCodec.decode() reads what encode() wrote", () => {
  for (const kind of ["announce", "goodbye", "seek", "here"] as const) {
    const bytes = ours.encode({ ...announcement, kind });
    assert.equal(bytes.length, ANNOUNCEMENT_BYTES);
    assert.deepEqual(ours.decode(bytes), { ...announcement, kind });
  }
});

Deno.test("AnnouncementCodec.decode() tells another network's from its own, and the bytes show neither", () => {
  const bytes = ours.encode(announcement);
  assert.equal(theirs.decode(bytes), "foreign");
  const again = ours.encode({ ...announcement, nonce: "0011223344556600" });
  assert.notDeepEqual(bytes.subarray(32), again.subarray(32), "the tag changes with every nonce");
  assert(!encodeHex(bytes).includes("0123456789abcdef0123456789abcdef"));
});

Deno.test("AnnouncementCodec.decode() rejects truncation at every byte and one flipped bit anywhere", () => {
  const bytes = ours.encode(announcement);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(ours.decode(bytes.subarray(0, length)), undefined);
  }
  assert.equal(ours.decode(Uint8Array.of(...bytes, 0)), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ 1 << (bit & 7);
    assert.equal(typeof ours.decode(flipped) === "object", false, `bit ${bit}`);
  }
});

Deno.test("AnnouncementCodec.decode() never throws on random bytes", () => {
  const random = new SeededRandom(9);
  for (let i = 0; i < 1_000; i++) assert.equal(ours.decode(randomBytes(random, i % 64)), undefined);
});

Deno.test("AnnouncementCodec.decode() allows only a seeker to have no port", () => {
  assert.equal(typeof ours.decode(ours.encode({ ...announcement, kind: "seek", port: 0 })), "object");
  assert.equal(ours.decode(ours.encode({ ...announcement, port: 0 })), undefined);
  for (const wrong of [{ port: 65536 }, { port: -1 }, { nodeId: "00" }, { nonce: "zz" }]) {
    assert.throws(() => ours.encode({ ...announcement, ...wrong }), RangeError);
  }
});
