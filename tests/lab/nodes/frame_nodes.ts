/**
 * Two hosts with a packet plane each, and overlay networks between them.
 * @module
 */

import { fileURLToPath } from "node:url";
import { CapturedProcess } from "../captured_process.ts";
import type { Lab } from "../lab.ts";
import type { NetworkNamespace } from "../namespace.ts";
import type { FrameNodeSetup } from "./frame_node.ts";

/** A plane with its TAPs, in a namespace. */
export interface FrameNode {
  readonly namespace: NetworkNamespace;
  readonly process: CapturedProcess;
}

/** Starts `frame_node.ts` on two hosts, as the ends 1 and 2; the lab ends them. */
export async function startFrameNodes(
  lab: Lab,
  names: readonly [string, string],
  setup: Pick<FrameNodeSetup, "choice" | "networks" | "pathMtuBytes">,
): Promise<readonly [FrameNode, FrameNode]> {
  const program = fileURLToPath(new URL("./frame_node.ts", import.meta.url));
  const start = async (end: 1 | 2): Promise<FrameNode> => {
    const host = lab.host(names[end - 1] ?? "");
    const endpoint = `${lab.host(names[2 - end] ?? "").address4}:51820`;
    const argument = JSON.stringify({ ...setup, end, endpoint });
    const command = [Deno.execPath(), "run", "--quiet", "-A", program, argument];
    const process = lab.use(
      new CapturedProcess(host.namespace.command(command), { label: `${names[end - 1]}: frame_node` }),
    );
    await process.until(({ stdout }) => stdout.includes("ready"), 20_000, "it is ready");
    return { namespace: host.namespace, process };
  };
  return [await start(1), await start(2)];
}
