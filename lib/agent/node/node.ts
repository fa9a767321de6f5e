/**
 * A Deno program as a node of the mesh: it offers services, calls them, publishes and subscribes.
 * @module
 */

import type { AgentControl, NetworkReport, NetworkRequest, RouteReport } from "../../api/mod.ts";
import { silentLogger } from "../../base/mod.ts";
import { DEFAULT_STATE_DIR, SaidSettings } from "../../config/mod.ts";
import type { DataNode } from "../../data/mod.ts";
import { type Duplex, isRefusal } from "../../forward/mod.ts";
import type { ServiceRuntime } from "../../service/mod.ts";
import { findTelemetry } from "../../telemetry/mod.ts";
import { NodeServices } from "./node_services.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import {
  type IncomingConnection,
  type ListenOptions,
  type PortListener,
  ProgramClient,
  programSocketPath,
  type StreamForwarder,
} from "../services/mod.ts";
import { dialError, InvalidRequestError } from "../errors.ts";
import type { ProgramEndpoint } from "../networks/mod.ts";
import type { EndpointConfig } from "../../overlay/mod.ts";
import type { AttachOptions, NodeOptions } from "./node_options.ts";
import type { OverlayPorts } from "../open_node.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

/**
 * A node of the mesh in a Deno program, without root, TUN or FFI. Needs `--allow-net`,
 * `--allow-sys=networkInterfaces` to tell others where it is, and `--allow-read` and `--allow-write` for its state
 * directory.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Node } from "@weft/mesh";
 * const stateDir = await Deno.makeTempDir();
 * const node = await Node.lead({ name: "adder", stateDir });
 * await node.addService({
 *   path: "math",
 *   actions: { add: ({ a, b }: { a: number; b: number }) => a + b },
 * });
 * assert.equal(await node.request("math/add", { a: 1, b: 2 }), 3);
 * await node.stop();
 * await Deno.remove(stateDir, { recursive: true });
 * ```
 */
export class Node extends NodeServices implements DataNode {
  readonly #ports: Ports;
  readonly #membership: Membership;

  private constructor(services: ServiceRuntime, ports: Ports, membership: Membership) {
    super(services);
    this.#ports = ports;
    this.#membership = membership;
  }

  /**
   * Joins the network of a token, or resumes the node whose state is in the directory.
   * @param token what a leader printed; when it is empty, the node is resumed that is there
   * @throws InvalidTokenError, UnreachableError, JoinRefusedError, InvalidConfigError, StateError
   */
  static async join(token: string, options: NodeOptions): Promise<Node> {
    return await Node.#own(options, (input, ports) => OverlayBootstrap.join(token, input, ports));
  }

  /**
   * Starts a new network with this node as its leader, or resumes the node whose state is in the directory.
   * @throws InvalidConfigError, StateError
   */
  static async lead(options: NodeOptions): Promise<Node> {
    return await Node.#own(options, (input, ports) => OverlayBootstrap.initLeader(input, ports));
  }

  /** Resumes the node whose state is in the directory. @throws NotInitializedError, InvalidConfigError, StateError */
  static async resume(options: NodeOptions): Promise<Node> {
    return await Node.#own(options, (input, ports) => OverlayBootstrap.load(input, ports));
  }

  /**
   * Shares the membership of this machine's agent: no identity and no state of its own.
   * @throws UnreachableError when no agent runs with that state directory
   */
  static async attach(options: AttachOptions = {}): Promise<Node> {
    const { stateDir = DEFAULT_STATE_DIR, logger = silentLogger, middleware = [], ...settings } = options;
    const program = await ProgramClient.open(programSocketPath(stateDir), logger, settings);
    const telemetry = await findTelemetry();
    if (telemetry !== undefined) program.runtime.use(telemetry.middleware);
    program.runtime.use(...middleware);
    return new Node(program.runtime, program, program);
  }

  /** This node's name in the network. */
  get name(): string {
    return this.#membership.name;
  }

  /** Settles when the node has ended; rejects with a WeftError when that was not by `stop`. */
  get closed(): Promise<void> {
    return this.#membership.closed;
  }

  /**
   * Opens a stream of bytes to a port of another node, by its name, id, key or address.
   * @throws DialError with the reason in `refusal`
   */
  async dial(host: string, port: number, options: { readonly signal?: AbortSignal } = {}): Promise<Duplex> {
    const stream = await this.#ports.dial(host, port, options.signal ?? new AbortController().signal);
    if (isRefusal(stream)) throw dialError(host, port, stream);
    return stream;
  }

  /**
   * Accepts streams of bytes at a port that other nodes dial; it has nothing to do with the ports of this machine.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "echo", stateDir });
   * const listener = node.listen(7, async ({ stream }) => {
   *   for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) await stream.write(bytes);
   *   stream.end();
   * }, { allow: "role=web" });
   * assert.equal(listener.port, 7);
   * await listener.close();
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @throws InvalidRequestError when it is served already, or this program is attached to an agent
   */
  listen(
    port: number,
    accept: (connection: IncomingConnection) => void,
    options?: ListenOptions,
  ): PortListener {
    return this.#ports.listen(port, accept, options);
  }

  /**
   * Makes an overlay network, for all members. Leaders only.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "edge", stateDir });
   * node.createNetwork({ name: "blue", type: "vxlan", identifier: 1001, cidrs: ["10.9.0.0/24"] });
   * assert.deepEqual(node.networks().map(({ name, mtuBytes }) => [name, mtuBytes]), [["blue", 1370]]);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @throws DuplicateNetworkError, UnknownDriverError, IdentifierRangeError, MtuRangeError, InvalidDriverOptionError,
   * InvalidNetworkError, NotLeaderError, and InvalidRequestError when this program is attached to an agent
   */
  createNetwork(request: NetworkRequest): NetworkReport {
    return this.#ownControl("weft network create").createNetwork(request);
  }

  /**
   * The overlay networks and their endpoints, wherever they are.
   * @throws InvalidRequestError when this program is attached to an agent
   */
  networks(): readonly NetworkReport[] {
    return this.#ownControl("weft network list").listNetworks();
  }

  /**
   * The networks that members lead to, or offer to.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "edge", stateDir });
   * assert.deepEqual(node.routes().map(({ network, node, state }) => [network, node, state]), []);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @throws InvalidRequestError when this program is attached to an agent
   */
  routes(): readonly RouteReport[] {
    return this.#ownControl("weft route list").listRoutes();
  }

  /**
   * Makes an endpoint of an overlay network that is this program's own: Ethernet frames go in and out by calls, without a
   * device, privileges or foreign functions. Members reach it as any other endpoint.
   *
   * @example
   * ```ts
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "edge", stateDir, networks: [{ name: "blue", cidrs: ["10.9.0.0/24"] }] });
   * const heard: Uint8Array[] = [];
   * const endpoint = await node.createEndpoint({ networkId: "blue", name: "probe" }, (frame) => heard.push(frame));
   * endpoint.send(new Uint8Array(60).fill(0xff, 0, 6));
   * await endpoint.close();
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param onFrame is handed each frame, in memory of its own
   * @throws UnknownNetworkError, InvalidEndpointError, DuplicateEndpointError, NotPermittedMemberError, TooManyEndpointsError,
   * UnreachableError when no leader answers, and InvalidRequestError when this program is attached to an agent
   */
  async createEndpoint(
    config: EndpointConfig,
    onFrame: (frame: Uint8Array<ArrayBuffer>) => void,
  ): Promise<ProgramEndpoint> {
    const { programEndpoints } = this.#membership;
    if (programEndpoints !== undefined) return await programEndpoints.add(config, onFrame);
    throw new InvalidRequestError(
      "Cannot make an endpoint: this program is attached to the machine's agent",
      {
        hint: "`weft endpoint add` makes one with a device.",
      },
    );
  }

  /**
   * Leaves the network and stops; the state directory belongs to none then.
   * @param options.force whether it leaves, too, when no leader answers, or when it is the last one
   * @returns whether a leader knows
   * @throws UnreachableError, and InvalidRequestError when it is the last leader, or attached to an agent
   */
  async leave(options: { readonly force?: boolean } = {}): Promise<boolean> {
    if (this.#membership.leave !== undefined) return await this.#membership.leave(options);
    throw new InvalidRequestError("Cannot leave: the membership is that of this machine's agent", {
      hint: "`weft leave` has the agent leave.",
    });
  }

  /**
   * Withdraws what it offers, waits for the calls and streams that are under way, stops services, and closes everything.
   * Calls that come meanwhile are told so, and go to another provider. Harmless when repeated.
   * @param options.drainMs how long calls may take to end, in milliseconds; as the node was made with unless given
   */
  async stop(options: { readonly drainMs?: number } = {}): Promise<void> {
    await this.#membership.stop(options);
  }

  /** The same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #ownControl(command: string): AgentControl {
    const { control } = this.#membership;
    if (control !== undefined) return control;
    throw new InvalidRequestError("Cannot do that: this program is attached to the machine's agent", {
      hint: `\`${command}\` has the agent do it.`,
    });
  }

  static async #own(
    { logger, limits, breaker, drainMs, middleware = [], ...options }: NodeOptions,
    open: OpenOverlay,
  ): Promise<Node> {
    const defaults = { rootless: true, discovery: false, port: freeTcpPort() };
    const overlay = await open(SaidSettings.ofProgram(options, defaults), {
      ...(logger === undefined ? {} : { logger }),
      ...(limits === undefined ? {} : { limits }),
      ...(breaker === undefined ? {} : { breaker }),
      ...(drainMs === undefined ? {} : { drainMs }),
    });
    await overlay.start();
    const { runtime, forward } = overlay.services;
    runtime.use(...middleware);
    return new Node(runtime, forward, overlay);
  }
}

/** Ports of a node, or of an attached program's agent. */
type Ports = Pick<StreamForwarder, "dial" | "listen">;
/** How a program is in the network: by an agent of its own, or by the machine's. */
type Membership =
  & Pick<OverlayBootstrap, "name" | "closed" | "stop">
  & Partial<Pick<OverlayBootstrap, "leave" | "programEndpoints" | "control">>;
type OpenOverlay = (said: SaidSettings, ports: OverlayPorts) => Promise<OverlayBootstrap>;
