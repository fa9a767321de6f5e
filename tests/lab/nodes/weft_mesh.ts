/**
 * A mesh of weft nodes: one leader, and others that join by the token it printed.
 * @module
 */

import type { Host, Lab } from "../lab.ts";
import { WeftNode } from "./weft_node.ts";

/** One node of a mesh on its host. */
export interface MeshNode {
  readonly host: Host;
  readonly weft: WeftNode;
  /** Its overlay address. */
  readonly address: string;
  /** From starting the program until it had an address, in milliseconds. */
  readonly upMs: number;
}

/** How the nodes of a mesh are set up. */
export interface MeshOptions {
  /** Options of the leader's first start, for example `--cidr`. */
  readonly leaderOptions?: readonly string[];
  /** Further options of every node. */
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

/** @returns a node on `host` that was not started yet; the lab ends it */
export function nodeOn(lab: Lab, hostName: string, options: MeshOptions = {}): WeftNode {
  const host = lab.host(hostName);
  return lab.use(
    new WeftNode(host.namespace, {
      name: hostName.toLowerCase(),
      stateDir: `${host.folder}/state`,
      args: options.args ?? [],
      env: options.env ?? {},
    }),
  );
}

/**
 * Starts a leader on the first host, then joins the others one after the other.
 * @returns the nodes in the order of their hosts, and the leader's token
 */
export async function startMesh(
  lab: Lab,
  hostNames: readonly string[],
  options: MeshOptions = {},
): Promise<{ readonly nodes: readonly MeshNode[]; readonly token: string }> {
  const nodes: MeshNode[] = [];
  let token = "";
  for (const hostName of hostNames) {
    const weft = nodeOn(lab, hostName, options);
    const startedAt = performance.now();
    if (nodes.length === 0) token = await weft.startLeader(...(options.leaderOptions ?? []));
    else await weft.start("--join", token);
    const upMs = performance.now() - startedAt;
    const address = (await weft.status()).node.addresses[0] ?? "";
    nodes.push({ host: lab.host(hostName), weft, address, upMs });
  }
  return { nodes, token };
}

/** Waits until every node knows all others. */
export async function untilAllKnowAll(nodes: readonly MeshNode[], boundMs = 5_000): Promise<void> {
  for (const node of nodes) {
    const others = nodes.filter((other) => other !== node).map((other) => other.address);
    await node.weft.untilStatus(
      (status) => others.every((address) => status.peers.some((peer) => peer.addresses.includes(address))),
      boundMs,
      "it knows all others",
    );
  }
}

/**
 * Sends one echo request over the overlay.
 * @returns the round trip in milliseconds
 * @throws Error when there is no answer within `boundSeconds`
 */
export async function pingOnce(from: Host, address: string, boundSeconds = 3): Promise<number> {
  const output = await from.namespace.expectRun(["ping", "-c", "1", "-W", String(boundSeconds), address]);
  return Number(/time=([\d.]+) ms/.exec(output)?.[1]);
}

/** @returns how many of `count` echo requests, 10 ms apart, were answered */
export async function pingMany(from: Host, address: string, count: number): Promise<number> {
  const { stdout } = await from.namespace.run(
    ["ping", "-q", "-i", "0.01", "-c", String(count), "-W", "2", address],
  );
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
