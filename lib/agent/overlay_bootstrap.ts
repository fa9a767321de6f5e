/**
 * weft as a library: making a node of the mesh, from a new network, a token, or the state of an earlier run.
 * @module
 */

import { type AgentControl, checkedControl } from "../api/mod.ts";
import { type Logger, silentLogger } from "../base/mod.ts";
import {
  type AgentOptions,
  type AgentOptionsInput,
  DEFAULT_OVERLAY_CIDR,
  parseAgentOptions,
} from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { OverlayHealthChecker } from "../health/mod.ts";
import { SqliteStateStore, systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { IpAllocator } from "../ipam/mod.ts";
import {
  AlreadyInitializedError,
  JoinToken,
  type MeshOptions,
  MeshState,
  NotInitializedError,
  storedNetworkId,
  toNodeName,
} from "../mesh/mod.ts";
import type { Cidr, IpAddress } from "../net/mod.ts";
import type { CarrierLimits } from "../service/mod.ts";
import { dialTcp } from "../transport/mod.ts";
import { Agent } from "./agent.ts";
import { AgentOperations } from "./agent_operations.ts";
import { InvalidRequestError, InvalidTokenError, JoinRefusedError } from "./errors.ts";
import { checkHostNetwork } from "./overlay/mod.ts";
import { joinNetwork } from "./join/mod.ts";
import { LeaderSearch } from "./discovery/mod.ts";
import type { ServiceHost } from "./services/mod.ts";
import { ownEndpoints } from "./endpoints/mod.ts";

/** The token that a leader prints admits any number of machines for a day. */
const PRINTED_TOKEN_LIFETIME_MS = 24 * 3_600_000;
const DIAL_TIMEOUT_MS = 4_000;

/** What a node is handed beside its options. */
export interface OverlayPorts {
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
  /** Limits of the values that services exchange. */
  readonly limits?: CarrierLimits;
}

const MESH: MeshOptions = {
  random: systemRandom,
  clock: systemClock,
  addressPool: (cidr) => new IpAllocator(cidr),
};

/** A node of the mesh in this process. Made, started, stopped; not started again. */
export class OverlayBootstrap {
  /** What may be asked of it, also before it is started. */
  readonly control: AgentControl;
  readonly #agent: Agent;

  private constructor(agent: Agent) {
    this.#agent = agent;
    this.control = checkedControl(new AgentOperations(agent));
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
    const cidr = options.cidr ?? DEFAULT_OVERLAY_CIDR;
    return await withStore(options, ports, (store) => {
      if (storedNetworkId(store) !== undefined) throw new AlreadyInitializedError();
      checkHost(options, cidr);
      const { labels } = options;
      return MeshState.create(store, { ...MESH, name: options.name ?? hostName(), cidr, labels });
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
    return await withStore(options, ports, async (store) => {
      const identity = MeshState.prepareJoin(store, systemRandom);
      if (invitation.expiresAt <= systemClock.wall()) {
        throw new InvalidTokenError("Cannot use that token: it has expired", {
          hint: "Ask for a new one: `weft token create` on the leader makes it.",
        });
      }
      checkHost(options, invitation.cidr);
      const endpoints = ownEndpoints(options);
      const search = new LeaderSearch({
        token: invitation,
        identity,
        options,
        log: ports.logger ?? silentLogger,
      });
      const admitted = await joinNetwork(invitation, identity, {
        name: options.name ?? hostName(),
        labels: options.labels,
        endpoints,
        channelEndpoints: endpoints,
      }, {
        clock: systemClock,
        timers: systemTimers,
        random: systemRandom,
        search,
        dial: (endpoint, signal) => dialTcp(endpoint, { timeoutMs: DIAL_TIMEOUT_MS, signal }),
      }).finally(() => search.close());
      const mesh = MeshState.completeJoin(store, { ...MESH, admitted, token: invitation });
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
    return await withStore(options, ports, (store) => {
      const mesh = MeshState.load(store, MESH);
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
  }

  /** Takes the node down and leaves the host as it was. Harmless when repeated, and before `start`. */
  async stop(): Promise<void> {
    await this.#agent.stop();
  }

  /** @returns this node's overlay address */
  nodeIp(): IpAddress {
    const [address] = this.#agent.mesh.record.addresses;
    if (address === undefined) throw new TypeError("Cannot tell the address: the record has none");
    return address;
  }

  /** What this node offers to others, calls, and connects. */
  get services(): ServiceHost {
    return this.#agent.services;
  }

  /** Checks the members' health and calls back on changes; there while the node runs. */
  get health(): OverlayHealthChecker | undefined {
    return this.#agent.health?.checker;
  }

  /** @returns the key by which WireGuard knows this node */
  publicKey(): PublicKey {
    return this.#agent.mesh.identity.publicKey;
  }

  /**
   * Makes a token that admits any number of machines for 24 h. Leaders only, while running.
   * @returns the token; it is told once
   * @throws NotLeaderError
   */
  joinToken(): string {
    return this.control.createToken({ lifetimeMs: PRINTED_TOKEN_LIFETIME_MS }).token;
  }

  /** @internal */
  static make(agent: Agent): OverlayBootstrap {
    return new OverlayBootstrap(agent);
  }
}

async function withStore(
  options: AgentOptions,
  { logger = silentLogger, limits }: OverlayPorts,
  makeMesh: (store: SqliteStateStore) => MeshState | Promise<MeshState>,
): Promise<OverlayBootstrap> {
  const store = SqliteStateStore.open(options.stateDir);
  try {
    const mesh = await makeMesh(store);
    return OverlayBootstrap.make(
      new Agent({ mesh, store, options, logger, ...(limits === undefined ? {} : { limits }) }),
    );
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Before anything is kept: a network that this host can't have should leave no trace. */
function checkHost(options: AgentOptions, cidr: Cidr): void {
  if (!options.rootless) checkHostNetwork(options.interfaceName, [cidr]);
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
