/**
 * A machine behind an endpoint that moves from one host to another, as a virtual machine does, with its connections.
 * @module
 */

import assert from "node:assert/strict";
import type { NetworkReport } from "../../../lib/api/mod.ts";
import {
  CapturedProcess,
  type Lab,
  type MeshNode,
  NetworkNamespace,
  type Place,
  waitFor,
} from "../../lab/mod.ts";

const BOUND_MS = 15_000;
const SECONDS = 6;
const MAC = "02:00:00:00:77:77";

/** What the machine is part of. */
export interface MachineNetwork {
  readonly name: string;
  /** With prefix length. */
  readonly cidr: string;
  readonly mtuBytes: number;
}

/** A machine with one way to each of two hosts, of which it uses that to the host where it is. */
export class Machine {
  readonly namespace: NetworkNamespace;
  readonly #network: MachineNetwork;
  readonly #nodes: readonly [MeshNode, MeshNode];

  private constructor(
    namespace: NetworkNamespace,
    network: MachineNetwork,
    nodes: readonly [MeshNode, MeshNode],
  ) {
    this.namespace = namespace;
    this.#network = network;
    this.#nodes = nodes;
  }

  /** It begins on the first of both hosts. */
  static async start(
    lab: Lab,
    network: MachineNetwork,
    nodes: readonly [MeshNode, MeshNode],
  ): Promise<Machine> {
    const namespace = lab.use(await NetworkNamespace.create("machine"));
    for (const [i, { host }] of nodes.entries()) {
      await namespace.ip(
        `link add way${i} address ${MAC} type veth peer name machine netns ${host.namespace.name}`,
      );
      await host.namespace.ip("link set machine up");
    }
    const machine = new Machine(namespace, network, nodes);
    await machine.#use(0);
    const address = network.cidr.replace(/\/.*/, "");
    await nodes[0].weft.expectCommand(
      ...["endpoint", "add", network.name, "vm", "--attach", "machine", "--mac", MAC, "--ip", address],
    );
    return machine;
  }

  /**
   * Moves it while it sends over a TCP connection to `address`, where nobody listens yet.
   * @returns how long it took in milliseconds
   * @throws AssertionError when the connection breaks, or nothing flows any more
   */
  async moveWhileSending(to: { readonly place: Place; readonly address: string }): Promise<number> {
    const { namespace } = this;
    const [from, target] = this.#nodes;
    await using server = await listen(to.place, to.address);
    const running = namespace.run(["iperf3", "-c", to.address, "-t", `${SECONDS}`, "-i", "0.5", "-J"]);
    await waitFor(
      async () => (await namespace.run(["ss", "-Htn", "dport = :5201"])).stdout.includes("ESTAB"),
      BOUND_MS,
      {
        what: "the connection is there",
      },
    );
    const { name } = this.#network;
    const startedAt = performance.now();
    await from.weft.expectCommand("endpoint", "move", `${name}/vm`, "--to", target.weft.name);
    await waitFor(async () => await hasEndpoint(target, name), BOUND_MS, { what: "the other host has it" });
    await target.weft.expectCommand("endpoint", "add", name, "vm", "--attach", "machine");
    await this.#use(1);
    const tookMs = performance.now() - startedAt;
    const { code, stdout } = await running;
    assert.equal(code, 0, `${stdout.slice(-500)}\n${server.tail()}`);
    const { intervals } = JSON.parse(stdout) as { intervals: { sum: { bytes: number } }[] };
    const bytes = intervals.map(({ sum }) => sum.bytes);
    assert(bytes.slice(-3).every((count) => count > 0), `it does not flow again: ${bytes.join()}`);
    return tookMs;
  }

  async #use(way: 0 | 1): Promise<void> {
    const { cidr, mtuBytes } = this.#network;
    if (way === 1) await this.namespace.ip("link set way0 down", `addr del ${cidr} dev way0`);
    await this.namespace.ip(`link set way${way} mtu ${mtuBytes} up`, `addr add ${cidr} dev way${way}`);
  }
}

async function listen(place: Place, address: string): Promise<CapturedProcess> {
  const server = new CapturedProcess(place.command(["iperf3", "-s", "-1", "-B", address, "--forceflush"]), {
    label: `${place.label}: iperf3 -s`,
  });
  await server.until(({ stdout }) => stdout.includes("Server listening"), 5_000, "it listens");
  return server;
}

async function hasEndpoint({ weft }: MeshNode, network: string): Promise<boolean> {
  const networks: readonly NetworkReport[] = JSON.parse(await weft.get("/networks"));
  return networks.find(({ name }) => name === network)?.endpoints.some(({ name, isLocal }) =>
    name === "vm" && isLocal
  ) ??
    false;
}
