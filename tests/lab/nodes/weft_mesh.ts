/**
 * A mesh of weft nodes: one leader, and others that join by the token it printed.
 * @module
 */

import type { Host } from "../lab.ts";
import type { NetworkNamespace } from "../namespace.ts";
import { WeftNode } from "./weft_node.ts";

/** What a node needs of its host. */
export interface MeshHost {
  readonly namespace: NetworkNamespace;
  /** A folder of the host's own, for state. */
  readonly folder: string;
  /** What its programs must have in their environment, such as a proxy. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What hosts are taken from: a lab, or an Internet. */
export interface MeshHosts<H extends MeshHost> {
  /** @throws RangeError when there is no such host */
  host(name: string): H;
  /** Takes something over that is disposed of before the hosts are. */
  use<T extends AsyncDisposable>(thing: T): T;
}

/** One node of a mesh on its host. */
export interface MeshNode<H extends MeshHost = Host> {
  readonly host: H;
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
export function nodeOn<H extends MeshHost>(
  lab: MeshHosts<H>,
  hostName: string,
  options: MeshOptions = {},
): WeftNode {
  const host = lab.host(hostName);
  return lab.use(
    new WeftNode(host.namespace, {
      name: hostName.toLowerCase(),
      stateDir: `${host.folder}/state`,
      args: options.args ?? [],
      env: { ...host.environment, ...options.env },
    }),
  );
}

/**
 * Starts a leader on the first host, then joins the others one after the other.
 * @returns the nodes in the order of their hosts, and the leader's token
 */
export async function startMesh<H extends MeshHost>(
  lab: MeshHosts<H>,
  hostNames: readonly string[],
  options: MeshOptions = {},
): Promise<{ readonly nodes: readonly MeshNode<H>[]; readonly token: string }> {
  const nodes: MeshNode<H>[] = [];
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
export async function untilAllKnowAll(nodes: readonly MeshNode<MeshHost>[], boundMs = 5_000): Promise<void> {
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
export async function pingOnce(from: MeshHost, address: string, boundSeconds = 3): Promise<number> {
  const output = await from.namespace.expectRun(["ping", "-c", "1", "-W", String(boundSeconds), address]);
  return Number(/time=([\d.]+) ms/.exec(output)?.[1]);
}

/** @returns how many of `count` echo requests, 10 ms apart, were answered */
export async function pingMany(from: MeshHost, address: string, count: number): Promise<number> {
  const { stdout } = await from.namespace.run(
    ["ping", "-q", "-i", "0.01", "-c", String(count), "-W", "2", address],
  );
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
