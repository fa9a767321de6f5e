import assert from "node:assert/strict";
import { Compression, Encoding } from "../../proto/mod.ts";
import { MAX_DETACHED, MessageCarrier } from "./message_carrier.ts";
import { peerId } from "../ports.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { plain } from "./wire_value.ts";

const PEER = peerId("hostile");

Deno.test("MessageCarrier inflates at most 32 values of one peer at the same time", async () => {
  const inflating: ((bytes: Uint8Array) => void)[] = [];
  const carrier = new MessageCarrier(fakeLinks({}), {
    deflate: (bytes) => Promise.resolve(bytes),
    inflate: () => new Promise((resolve) => void inflating.push(resolve)),
  });
  const bomb = { ...plain(Encoding.JSON, new Uint8Array(100)), compression: Compression.DEFLATE };
  const values = Array.from({ length: MAX_DETACHED + 8 }, () => carrier.complete(PEER, bomb, undefined));
  const other = carrier.complete(peerId("other"), bomb, undefined);
  assert.equal(inflating.length, MAX_DETACHED + 1);
  for (const resolve of inflating) resolve(new Uint8Array(1));
  const codes = (await Promise.all([...values, other])).map((value) =>
    "code" in value ? value.code : "whole"
  );
  assert.equal(codes.filter((code) => code === "Overloaded").length, 8);
  assert.equal(codes.at(-1), "whole");
  void carrier.complete(PEER, bomb, undefined);
  assert.equal(inflating.length, MAX_DETACHED + 2, "there is room again");
});
