import assert from "node:assert/strict";
import { unansweredPing } from "./unanswered_ping.ts";

Deno.test("unansweredPing() blames the endpoints only where no handshake works", () => {
  for (const peer of [undefined, { lastHandshakeAgeMs: null }, { lastHandshakeAgeMs: 180_000 }]) {
    assert.equal(
      unansweredPing("web-1", peer).message,
      "Cannot reach web-1: it answers at none of its endpoints",
    );
  }
  const { message, hint = "" } = unansweredPing("web-1", { lastHandshakeAgeMs: 4_400 });
  assert.equal(
    message,
    "Cannot reach web-1: the handshake of 4 s ago worked, but nothing comes back through the tunnel",
  );
  assert.match(hint, /firewall/);
});
