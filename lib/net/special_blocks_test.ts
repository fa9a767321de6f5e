import assert from "node:assert/strict";
import { Cidr } from "./cidr.ts";
import { hostlessBlock, isPrivateBlock } from "./special_blocks.ts";

const block = (text: string): Cidr => Cidr.parse(text) ?? assert.fail(text);

Deno.test("hostlessBlock() finds what a block overlaps, whichever is the larger", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["127.0.0.0/8", "127.0.0.0/8"],
    ["127.3.0.0/16", "127.0.0.0/8"],
    ["0.0.0.0/0", "127.0.0.0/8"],
    ["224.0.0.0/3", "224.0.0.0/4"],
    ["250.0.0.0/8", "240.0.0.0/4"],
    ["169.254.7.0/24", "169.254.0.0/16"],
    ["::ffff:10.0.0.0/104", "::ffff:0.0.0.0/96"],
    ["fe80::/64", "fe80::/10"],
    ["10.200.0.0/16", undefined],
    ["8.8.8.0/24", undefined],
    ["fd00:200::/64", undefined],
  ];
  for (const [text, expected] of cases) {
    const found = hostlessBlock(block(text))?.block;
    assert(
      expected === undefined ? found === undefined : found?.equals(block(expected)),
      `${text}: ${found}`,
    );
  }
});

Deno.test("isPrivateBlock() is true of what is in a private block as a whole", () => {
  for (const text of ["10.0.0.0/8", "172.31.0.0/16", "100.64.0.0/10", "203.0.113.0/28", "fd00:200::/64"]) {
    assert(isPrivateBlock(block(text)), text);
  }
  for (const text of ["10.0.0.0/7", "172.0.0.0/8", "172.32.0.0/16", "8.8.8.0/24", "2001:4860::/32"]) {
    assert(!isPrivateBlock(block(text)), text);
  }
});
