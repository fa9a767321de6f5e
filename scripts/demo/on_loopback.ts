/**
 * What needs no privileges: three rootless nodes on this machine's loopback.
 * @module
 */

import { createScratch, freePort, thisMachine, WeftNode } from "../../tests/lab/mod.ts";
import {
  type DemoRun,
  joinThree,
  NODE_NAMES,
  pingMessagePlane,
  stopAll,
  untilInterrupted,
  WEFT,
} from "./demo_run.ts";

/**
 * Runs the demo on loopback.
 * @param why the reason that it is not the whole one
 * @throws Error when something does not work
 */
export async function demoOnLoopback(run: DemoRun, why: string): Promise<void> {
  const { story } = run;
  story.chapter("Three --rootless nodes on loopback");
  story.detail(`The whole demo ${why}.`);
  story.detail("Left out: TUN devices, so no ping and no page through the tunnel.");

  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await createScratch("demo"));
  const pages: string[] = [];
  const nodes = NODE_NAMES.map((name) => {
    const [port, statusPort] = [freePort(), freePort()];
    pages.push(`http://127.0.0.1:${statusPort}/`);
    const ports = ["--port", String(port), "--status-port", String(statusPort)];
    const args = ["--rootless", "--endpoint", `127.0.0.1:${port}`, ...ports];
    return stack.use(new WeftNode(thisMachine, { name, stateDir: `${scratch.path}/${name}`, args }));
  });

  story.chapter("One leads, two join");
  await joinThree(run, nodes);

  story.chapter("They use it");
  await pingMessagePlane(run, nodes);

  if (run.stay) {
    story.chapter("It stays up until Ctrl-C. To look around:");
    story.detail(`${WEFT} status --state ${nodes[0]?.stateDir}`);
    story.detail(`in a browser: ${pages.join(" ")}`);
    await untilInterrupted(run);
  }

  story.chapter("They stop");
  await stopAll(run, nodes);
}
