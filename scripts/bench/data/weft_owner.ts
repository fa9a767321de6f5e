/**
 * The owner of what `weft.ts` measures: `weft_owner.ts STATE_DIR PORT`. It tells a token, and ends with its standard input.
 * @module
 */

import { OverlayBootstrap } from "../../../mod.ts";

const [stateDir = "", port = ""] = Deno.args;
const overlay = await OverlayBootstrap.initLeader({
  name: "owner",
  stateDir,
  port: Number(port),
  endpoints: `127.0.0.1:${port}`,
  rootless: true,
  discovery: false,
});
await overlay.start();
const limits = { key: "id", index: [] };
await overlay.services.data.open({ name: "values", ...limits });
await overlay.services.data.openQueue({ name: "jobs", maxLength: 1_000_000 });
const { token } = overlay.control.createToken({ lifetimeMs: 600_000 });
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify({ token })}\n`));
for await (const _ of Deno.stdin.readable);
await overlay.stop();
Deno.exit(0);
