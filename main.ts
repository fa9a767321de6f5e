/**
 * The program: the command line, wired to the agent, the servers and this process.
 * @module
 */

import { joinOrResume, leadOrResume, OverlayBootstrap, VERSION } from "./lib/agent/mod.ts";
import { main, processTerminal, systemProcess } from "./lib/cli/mod.ts";
import { serveControl, serveStatus } from "./lib/status/mod.ts";

const process = systemProcess();
const code = await main(Deno.args, {
  version: VERSION,
  overlays: {
    initLeader: leadOrResume,
    join: joinOrResume,
    load: (options, ports) => OverlayBootstrap.load(options, ports),
  },
  serveControl,
  serveStatus,
  terminal: processTerminal(process.environment),
  process,
});
// What is still open, such as a dial under way, must not keep a stopped program alive.
Deno.exit(code);
