/**
 * The owner of what `weft.ts` measures: `weft_owner.ts STATE_DIR PORT SEAL DATA`, where the seal and the servers of its collections may be empty. It tells
 * tokens, and ends with its standard input.
 * @module
 */

import { OverlayBootstrap } from "../../../mod.ts";

const [stateDir = "", port = "", seal = "", data = ""] = Deno.args;
const overlay = await OverlayBootstrap.initLeader({
  name: "owner",
  stateDir,
  port: Number(port),
  endpoints: `127.0.0.1:${port}`,
  rootless: true,
  ...data !== "" && { data },
  discovery: false,
});
await overlay.start();
await overlay.services.data.open({ name: "values", key: "id", index: [], ...seal !== "" && { seal } });
await overlay.services.data.openQueue({ name: "jobs", maxLength: 1_000_000 });
const tokenFor = (role: string) =>
  overlay.control.createToken({ lifetimeMs: 600_000, labels: { role }, uses: 10 }).token;
const told = { token: tokenFor("program"), dataToken: tokenFor("data") };
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(told)}\n`));
for await (const _ of Deno.stdin.readable);
await overlay.stop();
Deno.exit(0);
