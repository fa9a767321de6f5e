import assert from "node:assert/strict";
import { Libc } from "./ffi/mod.ts";
import { freeBytesAt } from "./free_bytes.ts";

Deno.test("freeBytesAt() says of no path that it can't tell", () => {
  assert.equal(freeBytesAt("/no/such/path"), undefined);
});

Deno.test({
  name: "freeBytesAt() says the same by the kernel's call as by the runtime's",
  ignore: Deno.build.os !== "linux",
  fn() {
    // Where nobody writes while it is looked at twice.
    const path = "/proc";
    const folder = Deno.makeTempDirSync();
    try {
      const [byRuntime, proc] = [freeBytesAt(folder), freeBytesAt(path)];
      const libc = Libc.open();
      try {
        const byKernel = freeBytesAt(folder);
        assert.ok(byRuntime !== undefined && byKernel !== undefined && byRuntime > 0);
        assert.ok(Math.abs(byKernel - byRuntime) < byRuntime / 10 + (64 << 20), `${byKernel}, ${byRuntime}`);
        assert.equal(freeBytesAt(path), proc);
        assert.equal(freeBytesAt("/no/such/path"), undefined);
      } finally {
        libc.unload();
      }
    } finally {
      Deno.removeSync(folder);
    }
  },
});
