/**
 * Hosts with plain networks: ours in a program of its own, and vxlan devices of the kernel.
 * @module
 */

import { fileURLToPath } from "node:url";
import { CapturedProcess, type Host, type Lab, type NetworkNamespace, waitFor } from "../../lab/mod.ts";
import type { FrameCounts } from "../../../lib/dataplane/mod.ts";
import type { PlainHostNetwork } from "./plain_host.ts";

/** Starts `plain_host.ts`; the lab ends it. */
export async function startPlainHost(
  lab: Lab,
  host: Host,
  networks: readonly PlainHostNetwork[],
): Promise<CapturedProcess> {
  const program = fileURLToPath(new URL("./plain_host.ts", import.meta.url));
  const command = [Deno.execPath(), "run", "--quiet", "-A", program, JSON.stringify({ networks })];
  const label = `${host.namespace.label}: plain_host`;
  const process = lab.use(new CapturedProcess(host.namespace.command(command), { label }));
  await process.until(({ stdout }) => stdout.includes("ready"), 20_000, "it is ready");
  return process;
}

/** @returns what a network of a host has carried and dropped, by its place in the setup */
export async function counts(host: CapturedProcess, place = 0): Promise<FrameCounts> {
  // The worker shows them from time to time.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = linesOf(host).length;
  Deno.kill(host.pid, "SIGUSR1");
  await host.until(() => linesOf(host).length > before, 5_000, "it tells its counts");
  return JSON.parse(linesOf(host).at(-1) ?? "").counts[place];
}

function linesOf({ stdout }: CapturedProcess): readonly string[] {
  return stdout.split("\n").filter((line) => line.startsWith('{"counts"') && line.endsWith("}"));
}

/** Makes a vxlan device `vx0` of the kernel. @param options further words of `ip link add … type vxlan` */
export async function vxlanTo(
  { namespace, address4 }: Host,
  device: {
    readonly identifier: number;
    readonly address: string;
    readonly options: string;
    readonly port?: number;
  },
): Promise<void> {
  const { identifier, address, options, port = 4789 } = device;
  const local = options.includes(":") ? "" : ` local ${address4}`;
  const rest = options.includes("dstport") ? options : `${options} dstport ${port}`;
  await namespace.ip(
    `link add vx0 type vxlan id ${identifier}${local} dev eth0 ${rest}`,
    `addr add ${address} dev vx0`,
    "link set vx0 up",
  );
}

/** Waits until a ping is answered. */
export async function untilReached(from: NetworkNamespace, to: string): Promise<void> {
  const ping = ["ping", "-c", "1", "-W", "1", to];
  await waitFor(async () => (await from.run(ping)).code === 0, 10_000, {
    what: `${from.label} reaches ${to}`,
  });
}
