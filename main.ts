/**
 * The program: the command line, wired to the agent, the servers and this process. What only some commands need is
 * loaded for them, because it takes time and memory.
 *
 * ```sh
 * deno install --global --allow-all --unstable-net --unstable-no-legacy-abort --name weft jsr:@weft/mesh/cli
 * ```
 *
 * makes it a command. It wants all permissions because it makes an interface by foreign functions, and changes the
 * host's resolver; with `--rootless` it uses neither.
 * @module
 */

import project from "./deno.json" with { type: "json" };
import { silentLogger } from "./lib/base/mod.ts";
import { type CliPorts, main, processTerminal, systemProcess } from "./lib/cli/mod.ts";
import type { PlaneOptions } from "./lib/dataplane/mod.ts";

const process = systemProcess();
const code = await main(Deno.args, programPorts());
// What is still open, such as a dial under way, must not keep a stopped program alive.
Deno.exit(code);

/** @returns what the commands are given of this program */
function programPorts(): CliPorts {
  let begunPlane: Promise<PlaneOptions["prepared"]> = Promise.resolve(undefined);
  return {
    version: project.version,
    beginAgent() {
      begunPlane = import("./lib/dataplane/mod.ts").then(({ preparePlane }) => preparePlane("auto"));
      // The agent says what it can't load.
      begunPlane.catch(() => {});
    },
    async loadAgent() {
      const [agent, { checkServing, serveControl, StatusSite }, { systemClock, systemRandom, systemTimers }] =
        await Promise
          .all([
            import("./lib/agent/mod.ts"),
            import("./lib/http/mod.ts"),
            import("./lib/host/mod.ts"),
          ]);
      const { checkNetwork, Node, OverlayBootstrap, programSocketPath } = agent;
      const system = { clock: systemClock, timers: systemTimers, random: systemRandom, log: silentLogger };
      return {
        overlays: {
          initLeader: async (said, ports) =>
            await OverlayBootstrap.initLeader(said, { ...ports, begunPlane: await begunPlane }),
          join: async (token, said, ports) =>
            await OverlayBootstrap.join(token, said, { ...ports, begunPlane: await begunPlane }),
          load: async (said, ports) =>
            await OverlayBootstrap.load(said, { ...ports, begunPlane: await begunPlane }),
        },
        storedSettings: (said, onProblem) => OverlayBootstrap.storedSettings(said, onProblem),
        changeStoredSetting: (stateDir, change) => OverlayBootstrap.changeStoredSetting(stateDir, change),
        recover: (stateDir, request) => OverlayBootstrap.recover(stateDir, request),
        backup: (stateDir, request) => OverlayBootstrap.backup(stateDir, request),
        makeRecoveryKey: () => OverlayBootstrap.makeRecoveryKey(),
        restore: (stateDir, request) => OverlayBootstrap.restore(stateDir, request),
        forget: (stateDir) => OverlayBootstrap.forget(stateDir),
        programSocketPath,
        checkNetwork: (options, environment) => checkNetwork({ ...system, options, environment }),
        attach: (stateDir) => Node.attach({ stateDir }),
        checkServing,
        serveControl,
        serveStatus: (options) => StatusSite.open({ ...options, clock: systemClock, timers: systemTimers }),
      };
    },
    async openWgInterface(name, options) {
      const { WgInterface } = await import("./lib/wg_interface/mod.ts");
      return await WgInterface.open(name, options);
    },
    terminal: processTerminal(process.environment),
    process,
  };
}
