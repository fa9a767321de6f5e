import assert from "node:assert/strict";
import { openTun } from "./tun_device.ts";

Deno.test("openTun() refuses what is no name and no MTU before it asks the kernel", () => {
  for (const name of ["", "a/b", "-weft", "weft0123456789ab", "we ft", "é", "..", "weft%d"]) {
    assert.throws(() => openTun({ name, mtuBytes: 1420 }), RangeError, name);
  }
  for (const mtuBytes of [0, 575, 65_536, 1420.5, NaN]) {
    assert.throws(() => openTun({ name: "weft0", mtuBytes }), RangeError, String(mtuBytes));
  }
});
