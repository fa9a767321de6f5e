/**
 * A leader without others that lets programs in, for tests of what it tells about them.
 * @module
 */

import { freeTcpPort } from "../../../transport/mod.ts";
import { OverlayBootstrap } from "../../overlay_bootstrap.ts";
import { programSocketPath } from "../program_client.ts";

/** It runs until it is disposed of. */
export interface LoggedLeader extends AsyncDisposable {
  readonly stateDir: string;
  /** What it has warned of, the first first. */
  readonly warnings: readonly string[];
}

/** Starts one, rootless, with a state of its own. */
export async function startLoggedLeader(): Promise<LoggedLeader> {
  const stateDir = await Deno.makeTempDir();
  const warnings: string[] = [];
  const write = (message: string) => void warnings.push(message);
  const logger = { debug: () => {}, info: () => {}, warn: write, error: write };
  const options = { name: "lead", port: freeTcpPort(), rootless: true, discovery: false, stateDir };
  const agent = await OverlayBootstrap.initLeader(options, { logger });
  await agent.start();
  await agent.services.openPrograms(programSocketPath(stateDir));
  return {
    stateDir,
    warnings,
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await Deno.remove(stateDir, { recursive: true });
    },
  };
}
