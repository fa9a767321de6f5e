import assert from "node:assert/strict";
import { millis } from "../../../base/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import { GroupLearning } from "./group_learning.ts";

function ip(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

function mac(number: number): Uint8Array {
  const bytes = Uint8Array.of(2, 0, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(2, number);
  return bytes;
}

Deno.test("GroupLearning finds who has sent from an address, follows moves, and forgets after 300 s", () => {
  const learning = new GroupLearning<string>();
  const make = (host: IpAddress) => `${host}`;
  learning.learn(millis(0), mac(1), 0, ip("192.0.2.1"), make);
  learning.learn(millis(0), mac(0xffff_ffff), 0, ip("192.0.2.2"), make);
  assert.equal(learning.find(millis(10), mac(1), 0), "192.0.2.1");
  assert.equal(learning.find(millis(10), mac(0xffff_ffff), 0), "192.0.2.2");
  assert.equal(learning.find(millis(10), mac(2), 0), undefined);
  learning.learn(millis(20), mac(1), 0, ip("192.0.2.3"), make);
  assert.equal(learning.find(millis(20), mac(1), 0), "192.0.2.3");
  assert.equal(learning.find(millis(300_019), mac(1), 0), "192.0.2.3");
  assert.equal(learning.find(millis(300_020), mac(1), 0), undefined);
});

Deno.test("GroupLearning takes no group's address, and no more than 4096", () => {
  const learning = new GroupLearning<string>();
  const group = Uint8Array.of(1, 0, 0x5e, 0, 0, 1);
  learning.learn(millis(0), group, 0, ip("192.0.2.1"), () => "group");
  assert.equal(learning.size, 0);
  assert.equal(learning.find(millis(0), group, 0), undefined);
  for (let i = 0; i < 10_000; i++) learning.learn(millis(i), mac(i), 0, ip("192.0.2.1"), () => `${i}`);
  assert.equal(learning.size, 4096);
  assert.equal(learning.find(millis(10_000), mac(9_999), 0), "9999");
  assert.equal(learning.find(millis(10_000), mac(5_903), 0), undefined, "the oldest are gone");
  assert.equal(learning.find(millis(10_000), mac(5_904), 0), "5904");
});
