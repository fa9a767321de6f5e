import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../../base/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import { AddressTable } from "./address_table.ts";

Deno.test("AddressTable holds what a plain Map holds", () => {
  const address = fc.oneof(
    fc.nat(60).map((last) => IpAddress.fromBigInt(0x0a000000n + BigInt(last), 4)),
    fc.nat(60).map((last) => IpAddress.fromBigInt((0xfd00n << 112n) + BigInt(last), 6)),
    // As long numbers these are the same.
    fc.nat(5).map((last) => IpAddress.fromBigInt(BigInt(last), 6)),
    fc.nat(5).map((last) => IpAddress.fromBigInt(BigInt(last), 4)),
  );
  const step = fc.tuple(fc.constantFrom(0, 1, 0xffff), address, fc.option(fc.nat(1000), { nil: undefined }));
  fc.assert(fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
    const table = new AddressTable(new SeededRandom(steps.length));
    const naive = new Map<string, number>();
    for (const [network, ip, value] of steps) {
      const key = `${network} ${ip}`;
      if (value === undefined) {
        table.delete(network, ip);
        naive.delete(key);
      } else {
        table.set(network, ip, value);
        naive.set(key, value);
      }
      assert.equal(table.size, naive.size);
    }
    for (const [network, ip] of steps) {
      const bytes = Uint8Array.of(7, ...ip.bytes, 7);
      const found = table.find(network, bytes, 1, ip.bytes.length);
      assert.equal(found, naive.get(`${network} ${ip}`) ?? -1);
    }
  }));
});
