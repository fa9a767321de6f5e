// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task demo`: a mesh of three nodes on this machine, joined by token, used, and taken down again. `--stay` keeps
 * it up until Ctrl-C; `--rootless` leaves out what needs privileges.
 * @module
 */

import { NAMESPACES, unmet } from "../tests/lab/mod.ts";
import { demoInNamespaces } from "./demo/in_namespaces.ts";
import { demoOnLoopback } from "./demo/on_loopback.ts";
import { type DemoRun, Story } from "./demo/demo_run.ts";

const known = ["--stay", "--rootless"];
const unknown = Deno.args.find((argument) => !known.includes(argument));
if (unknown !== undefined) {
  console.error(`Unknown option ${unknown}\nhint: the demo takes ${known.join(" and ")}`);
  Deno.exit(2);
}

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interrupt.abort());
}

const run: DemoRun = {
  story: new Story(),
  stay: Deno.args.includes("--stay"),
  interrupted: interrupt.signal,
  nodes: [],
};
const lacking = Deno.args.includes("--rootless") ? "was not asked for" : unmet([...NAMESPACES, "tun"]);

try {
  if (lacking === undefined) await demoInNamespaces(run);
  else await demoOnLoopback(run, lacking);
} catch (error) {
  if (interrupt.signal.aborted) {
    console.error("\nInterrupted; everything that was made is gone.");
    Deno.exit(130);
  }
  console.error(`\nThe demo broke: ${error instanceof Error ? error.message : error}`);
  for (const node of run.nodes) console.error(`\nthe end of ${node.name}'s log:\n${node.process.tail()}`);
  Deno.exit(1);
}
run.story.chapter(
  `All of it worked, in ${run.story.elapsedSeconds.toFixed(1)} s. Nothing is left behind.`,
);
Deno.exit(0);
