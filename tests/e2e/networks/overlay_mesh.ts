/**
 * Overlay networks over a mesh of agents, with a namespace for each endpoint: a container that is attached.
 * @module
 */

import type { NetworkReport, OverlayEndpointReport } from "../../../lib/api/mod.ts";
import { type Lab, type MeshNode, NetworkNamespace, waitFor } from "../../lab/mod.ts";

/** An endpoint in a namespace of its own. */
export interface Attached {
  readonly node: MeshNode;
  readonly namespace: NetworkNamespace;
  readonly report: OverlayEndpointReport;
  /** Its IPv4 address. */
  readonly address: string;
}

/** Has a leader make a network; all nodes know of it then. */
export async function createNetwork(
  nodes: readonly MeshNode[],
  name: string,
  ...options: readonly string[]
): Promise<NetworkReport> {
  const [leader] = nodes;
  const made = await leader?.weft.expectCommand("network", "create", name, ...options, "--json");
  for (const { weft } of nodes) {
    await waitFor(async () => (await networksOf(weft)).some((network) => network.name === name), 10_000, {
      what: `${weft.name} knows ${name}`,
    });
  }
  return JSON.parse(made ?? "");
}

/** Adds an endpoint on a node, in a namespace that the lab removes. */
export async function attach(
  lab: Lab,
  node: MeshNode,
  network: string,
  name: string,
  ...options: readonly string[]
): Promise<Attached> {
  const namespace = lab.use(await NetworkNamespace.create(`${network}-${name}`));
  const report: OverlayEndpointReport = JSON.parse(
    await node.weft.expectCommand(
      ...["endpoint", "add", network, name, "--netns", namespace.name, "--json"],
      ...options,
    ),
  );
  const address = report.ipAddresses.find((text) => !text.includes(":"))?.replace(/\/.*/, "") ?? "";
  return { node, namespace, report, address };
}

/** @returns what a node says of all networks */
export async function networksOf(weft: MeshNode["weft"]): Promise<readonly NetworkReport[]> {
  return JSON.parse(await weft.expectCommand("network", "list", "--json"));
}

/** @returns how many frames of a network a node has dropped for a reason */
export async function dropsOf(weft: MeshNode["weft"], network: string, reason: string): Promise<number> {
  const found = (await networksOf(weft)).find(({ name }) => name === network);
  return found?.counts?.drops[reason] ?? 0;
}

/** Waits until an address answers. */
export async function untilAnswers(from: NetworkNamespace, address: string, boundMs = 10_000): Promise<void> {
  await waitFor(() => answers(from, address), boundMs, { what: `${from.label}: ${address} answers` });
}

/** @returns whether an address answers within a second */
export async function answers(from: NetworkNamespace, address: string): Promise<boolean> {
  return (await from.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
}
