import assert from "node:assert/strict";
import { freeTcpPort } from "../../transport/mod.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

Deno.test("deviceOperations() says what is wrong with a device, and what to do about it", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-devices-" });
  const options = { stateDir, port: freeTcpPort(), rootless: true, discovery: false, name: "lead" };
  const lead = await OverlayBootstrap.initLeader(options);
  try {
    await lead.start();
    const { control } = lead;
    const publicKey = `${"A".repeat(42)}E=`;
    for (const endpoint of ["192.0.2.7:0", "192.0.2.7", "router.example:51820"]) {
      assert.throws(() => control.addDevice({ name: "phone", publicKey, endpoint, isDirect: true }), {
        code: "InvalidRequest",
        message: "Cannot use that endpoint: it is malformed",
        hint: /192\.0\.2\.1:51820/,
      });
    }
    const own = control.status().node.publicKey;
    assert.throws(() => control.addDevice({ name: "phone", publicKey: own, isDirect: true }), {
      message: "Cannot add phone: its key is that of a member",
      hint: /keys of its own/,
    });
    assert.throws(() => control.changeHub("lead", "lead"), { hint: /^`weft peers` shows/ });
  } finally {
    await lead.stop();
    await Deno.remove(stateDir, { recursive: true });
  }
});
