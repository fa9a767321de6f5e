/**
 * weft as a library: making a node of the mesh, from a new network, a token, or the state of an earlier run.
 * @module
 */

import { type AgentControl, checkedControl } from "../api/mod.ts";
import { type Environment, type Logger, repeat, silentLogger, type StateStore } from "../base/mod.ts";
import {
  type AgentOptions,
  type AgentOptionsInput,
  DEFAULT_OVERLAY_CIDR,
  parseAgentOptions,
} from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { OverlayHealthChecker } from "../health/mod.ts";
import { ResumedStateStore, SqliteStateStore, systemEnvironment } from "../host/mod.ts";
import { IpAllocator } from "../ipam/mod.ts";
import {
  AlreadyInitializedError,
  forgetNetwork,
  JoinToken,
  type MeshOptions,
  MeshState,
  NotInitializedError,
  storedNetworkId,
  toNodeName,
} from "../mesh/mod.ts";
import type { Cidr, IpAddress } from "../net/mod.ts";
import type { CarrierLimits } from "../service/mod.ts";
import { Agent } from "./agent.ts";
import { agentOperations } from "./agent_operations.ts";
import type { AgentProcess } from "./agent_process.ts";
import { LeaderSearch } from "./discovery/mod.ts";
import { ownStatement } from "./endpoint_selector.ts";
import { InvalidRequestError, InvalidTokenError, JoinRefusedError } from "./errors.ts";
import { joinNetwork } from "./join/mod.ts";
import { NamedEndpoints } from "./named_endpoints.ts";
import { dialMessagePlane } from "./links/mod.ts";
import { checkHostNetwork } from "./overlay/mod.ts";
import type { ServiceHost } from "./services/mod.ts";
import { StatusToken } from "./status_token.ts";

/** The token that a leader prints admits any number of machines for a day. */
const PRINTED_TOKEN_LIFETIME_MS = 24 * 3_600_000;

/** How often it is tried to write what waits for room on a full disk. */
const FLUSH_MS = 10_000;

/** What a node takes beside its options. */
export interface OverlayPorts {
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
  /** Limits of the values that services exchange. */
  readonly limits?: CarrierLimits;
  /** Called once when a leader has to approve a machine that joins, with the name that it asks for, and its id. */
  readonly onPending?: (waiting: { readonly name: string; readonly id: string }) => void;
  /** The process that is there for the node alone; without one, the node ends alone when it is told to. */
  readonly process?: AgentProcess;
}

/** A node of the mesh in this process. Made, started, stopped; not started again. */
export class OverlayBootstrap {
  /** What may be asked of it, also before it is started. */
  readonly control: AgentControl;
  /** Whether its state is that of an earlier run. */
  readonly isResumed: boolean;
  /**
   * By which others than this machine read its status page.
   * @internal
   */
  readonly statusToken: StatusToken;
  readonly #agent: Agent;
  readonly #store: ResumedStateStore;
  readonly #environment: Environment;
  readonly #hasInterface: boolean;
  #endFlushing: () => void = () => {};

  private constructor(
    agent: Agent,
    store: ResumedStateStore,
    environment: Environment,
    made: {
      readonly isResumed: boolean;
      readonly options: AgentOptions;
      readonly process: AgentProcess | undefined;
    },
  ) {
    this.#agent = agent;
    this.#store = store;
    this.#environment = environment;
    this.isResumed = made.isResumed;
    this.#hasInterface = !made.options.rootless;
    this.statusToken = new StatusToken(store, environment.random);
    const { statusToken } = this;
    this.control = checkedControl(agentOperations(agent, { statusToken, process: made.process }));
  }

  /**
   * Starts a new network with this node as its leader; nothing runs before `start`.
   *
   * @throws AlreadyInitializedError when the state directory belongs to a network: `load` resumes it
   * @throws InvalidConfigError, StateError, RouteOverlapError, NotPermittedError, NoTunDeviceError
   */
  static async initLeader(
    input: AgentOptionsInput,
    ports: OverlayPorts = {},
  ): Promise<OverlayBootstrap> {
    const options = parseAgentOptions(input);
    if (options.ephemeral !== "off") {
      throw new InvalidRequestError(
        "Cannot lead as an ephemeral node: a network does not outlive its leaders",
        {
          hint: "Leave --ephemeral out.",
        },
      );
    }
    const cidr = options.cidr ?? DEFAULT_OVERLAY_CIDR;
    return await OverlayBootstrap.#open(options, ports, (store, host) => {
      if (storedNetworkId(store) !== undefined) throw new AlreadyInitializedError();
      // Before anything is kept: a network that this host can't have should leave no trace.
      checkHostNetwork(options, [cidr]);
      const { labels } = options;
      return MeshState.create(store, { ...host, name: options.name ?? hostName(), cidr, labels });
    });
  }

  /**
   * Joins the network that `token` invites to; nothing runs before `start`. A join that was cut off can be repeated.
   *
   * @param token what a leader printed
   * @throws InvalidTokenError when it is malformed, truncated or expired; nothing was sent then
   * @throws UnreachableError when no leader answers, JoinRefusedError when one says no
   * @throws AlreadyInitializedError when the state directory belongs to a network: `load` resumes it
   * @throws InvalidConfigError, StateError, RouteOverlapError, NotPermittedError, NoTunDeviceError
   */
  static async join(
    token: string,
    input: AgentOptionsInput,
    ports: OverlayPorts = {},
  ): Promise<OverlayBootstrap> {
    const options = parseAgentOptions(input);
    const invitation = parseToken(token);
    return await OverlayBootstrap.#open(options, ports, async (store, host) => {
      const identity = MeshState.prepareJoin(store, host.random);
      if (invitation.expiresAt <= host.clock.wall()) {
        throw new InvalidTokenError("Cannot use that token: it has expired", {
          hint: "Ask for a new one: `weft token create` on the leader makes it.",
        });
      }
      checkHostNetwork(options, [invitation.cidr]);
      const name = options.name ?? hostName();
      const search = new LeaderSearch({ ...host, token: invitation, identity, options });
      const admitted = await joinNetwork(invitation, identity, {
        name,
        address: options.address,
        ephemeralMs: options.ephemeral === "off" ? undefined : options.ephemeral,
        ...ownStatement(options, host.named),
      }, {
        ...host,
        search,
        dial: dialMessagePlane,
        onRefused: () => MeshState.dropJoin(store),
        onPending: () => {
          host.log.info("waiting for the approval of a leader", { name, id: identity.id });
          ports.onPending?.({ name, id: identity.id });
        },
      }).finally(() => search.close());
      const mesh = MeshState.completeJoin(store, { ...host, admitted, token: invitation });
      if (mesh instanceof MeshState) return mesh;
      throw new JoinRefusedError(`Cannot join: ${mesh.problem}`, { hint: "Ask for a new token." });
    });
  }

  /**
   * Resumes the node whose state is in the directory; nothing runs before `start`.
   *
   * @throws NotInitializedError when there is none
   * @throws InvalidRequestError when the options ask for another network block than it has
   * @throws InvalidConfigError, StateError
   */
  static async load(input: AgentOptionsInput, ports: OverlayPorts = {}): Promise<OverlayBootstrap> {
    const options = parseAgentOptions(input);
    if (!SqliteStateStore.existsIn(options.stateDir)) throw new NotInitializedError();
    return await OverlayBootstrap.#open(options, ports, (store, host) => {
      const mesh = MeshState.load(store, host);
      if (options.cidr !== undefined && !options.cidr.equals(mesh.cidr)) {
        throw new InvalidRequestError(
          `Cannot use the network ${options.cidr}: the one in ${options.stateDir} has ${mesh.cidr}`,
          { hint: "Leave --cidr out to resume it, or choose another directory with --state." },
        );
      }
      return mesh;
    });
  }

  /** This node's name in the network, which may have got a number to be unique. */
  get name(): string {
    return this.#agent.mesh.record.name;
  }

  /** Whether this node signs records. */
  get role(): "leader" | "member" {
    return this.#agent.mesh.role;
  }

  /** The network's id, 32 hexadecimal digits. */
  get networkId(): string {
    return this.#agent.mesh.network.id;
  }

  /** Whether it has stopped, or is about to, because it has left its network. */
  get hasLeft(): boolean {
    return this.#agent.hasLeft;
  }

  /** Settles when the node has ended; rejects with a WeftError when that was not by `stop`. */
  get closed(): Promise<void> {
    return this.#agent.closed;
  }

  /**
   * Brings the node up: ports, interface, sessions.
   * @throws WeftError that says what this host lacks; nothing is left then, and the node can't be used any more
   */
  async start(): Promise<void> {
    await this.#agent.start();
    this.#store.settle();
    if (this.#store.isHeld) this.#awaitRoom();
  }

  /** Takes the node down and leaves the host as it was; an ephemeral one leaves its network first. Harmless when repeated, and before `start`. */
  async stop(): Promise<void> {
    this.#endFlushing();
    await this.#agent.departure.leaveAtEnd(this.#agent.session?.leaders);
    await this.#agent.stop();
  }

  /** Where the others reach this node in the network. @returns this node's overlay address */
  nodeIp(): IpAddress {
    const [address] = this.#agent.mesh.record.addresses;
    if (address === undefined) throw new TypeError("Cannot tell the address: the record has none");
    return address;
  }

  /** The addresses that this node has on the overlay now; nothing for one without an interface. */
  overlayAddresses(): readonly IpAddress[] {
    return this.#hasInterface ? this.#agent.mesh.record.addresses : [];
  }

  /** Whether a name of the zone, or an address, means this node now. */
  isOwnHost(hostname: string): boolean {
    return this.#agent.members.isHost(hostname, this.#agent.mesh.identity.id);
  }

  /**
   * What this node offers to others, calls, and connects; programs have it by `Node`.
   * @internal
   */
  get services(): ServiceHost {
    return this.#agent.services;
  }

  /** Checks the members' health and calls back on changes; there while the node runs. */
  get health(): OverlayHealthChecker | undefined {
    return this.#agent.session?.health.checker;
  }

  /** Who this node is to WireGuard. @returns the key by which WireGuard knows this node */
  publicKey(): PublicKey {
    return this.#agent.mesh.identity.publicKey;
  }

  /**
   * Leaves the network and stops; the state directory belongs to none then. A process that ends meanwhile leaves nothing
   * half done: what is missing is done by the next start.
   * @param options.force whether it leaves, too, when no leader answers, or when it is the last one
   * @returns whether a leader knows
   * @throws UnreachableError when no leader answers, InvalidRequestError when this node is the last leader
   */
  async leave(options: { readonly force?: boolean } = {}): Promise<boolean> {
    const { isKnown } = await this.control.leave(options);
    await this.stop();
    return isKnown;
  }

  /**
   * Puts away what a state directory holds of its network, without asking anybody; the others take the node for a member
   * that is away until a leader removes it. Not while an agent runs.
   * @returns the name that it had, and whether a leader had removed it before; undefined when it belonged to no network
   * @throws StateError
   */
  static forget(stateDir: string): { readonly name: string; readonly isRemoved: boolean } | undefined {
    if (!SqliteStateStore.existsIn(stateDir)) return undefined;
    using store = SqliteStateStore.open(stateDir);
    const isMember = storedNetworkId(store) !== undefined;
    const host = { ...systemEnvironment(silentLogger), addressPool: (cidr: Cidr) => new IpAllocator(cidr) };
    const record = isMember ? MeshState.load(store, host).record : undefined;
    forgetNetwork(store);
    return record && { name: record.name, isRemoved: record.revoked };
  }

  /**
   * Makes a token that admits any number of machines for 24 h. Leaders only, while running.
   * @returns the token; it is not kept
   * @throws NotLeaderError
   */
  joinToken(): string {
    return this.control.createToken({ lifetimeMs: PRINTED_TOKEN_LIFETIME_MS }).token;
  }

  /** A node on a full disk runs from what it has. */
  #awaitRoom(): void {
    const { log } = this.#environment;
    log.warn(
      "the disk is full: this node runs from the state that it has, and keeps nothing new until there is room",
    );
    const upkeep = { intervalMs: FLUSH_MS, problem: "cannot write the state" };
    this.#endFlushing = repeat(this.#environment, upkeep, () => {
      if (!this.#store.isHeld || !this.#store.flush()) return;
      this.#endFlushing();
      log.info("the disk has room again: the state is kept");
    });
    this.#agent.closed.catch(() => {}).finally(() => this.#endFlushing());
  }

  static async #open(
    options: AgentOptions,
    { logger = silentLogger, limits, process }: OverlayPorts,
    makeMesh: (
      store: StateStore,
      host: Environment & MeshOptions & { readonly named: NamedEndpoints },
    ) => MeshState | Promise<MeshState>,
  ): Promise<OverlayBootstrap> {
    const isNew = !SqliteStateStore.existsIn(options.stateDir);
    const store = ResumedStateStore.open(options.stateDir);
    // There is nothing to run from.
    if (isNew) store.settle();
    try {
      const environment = systemEnvironment(logger);
      const named = new NamedEndpoints(options.endpoints, environment);
      await named.look();
      const host = { ...environment, addressPool: (cidr: Cidr) => new IpAllocator(cidr), named };
      MeshState.finishLeaving(store, host);
      const isResumed = storedNetworkId(store) !== undefined;
      const mesh = await makeMesh(store, host);
      const agent = new Agent({ ...environment, mesh, store, options, named, ...limits && { limits } });
      return new OverlayBootstrap(agent, store, environment, { isResumed, options, process });
    } catch (error) {
      store.close();
      throw error;
    }
  }
}

/**
 * Starts a network, or resumes the one that this node leads.
 * @throws AlreadyInitializedError when the node is a member of a network and leads none
 * @throws whatever `OverlayBootstrap.initLeader` and `load` do
 */
export async function leadOrResume(
  input: AgentOptionsInput,
  ports?: OverlayPorts,
): Promise<OverlayBootstrap> {
  const starting = OverlayBootstrap.initLeader(input, ports);
  return await orResume(starting, input, ports, ({ role }) => role === "leader");
}

/**
 * Joins the network that `token` invites to, or resumes as its member, whatever has become of the token since.
 * @throws AlreadyInitializedError when the node belongs to another network
 * @throws whatever `OverlayBootstrap.join` and `load` do
 */
export async function joinOrResume(
  token: string,
  input: AgentOptionsInput,
  ports?: OverlayPorts,
): Promise<OverlayBootstrap> {
  const invitation = JoinToken.parse(token);
  const joining = OverlayBootstrap.join(token, input, ports);
  return await orResume(
    joining,
    input,
    ports,
    ({ networkId }) => invitation instanceof JoinToken && invitation.networkId === networkId,
  );
}

async function orResume(
  starting: Promise<OverlayBootstrap>,
  input: AgentOptionsInput,
  ports: OverlayPorts | undefined,
  isMeant: (node: OverlayBootstrap) => boolean,
): Promise<OverlayBootstrap> {
  try {
    return await starting;
  } catch (error) {
    if (!(error instanceof AlreadyInitializedError)) throw error;
    const node = await OverlayBootstrap.load(input, ports);
    if (isMeant(node)) return node;
    await node.stop();
    throw error;
  }
}

function parseToken(text: string): JoinToken {
  const token = JoinToken.parse(text);
  if (token instanceof JoinToken) return token;
  throw new InvalidTokenError(`Cannot use that token: ${token.problem}`, {
    hint: "Copy the whole line that the leader printed.",
  });
}

function hostName(): string {
  try {
    return toNodeName(Deno.hostname());
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "node";
    throw error;
  }
}
