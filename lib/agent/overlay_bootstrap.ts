/**
 * weft as a library: making a node of the mesh, from a new network, a token, or the state of an earlier run.
 * @module
 */

import {
  type AgentControl,
  checkedControl,
  type SettingChange,
  type SettingReport,
  type SettingValue,
} from "../api/mod.ts";
import { type Environment, repeat, silentLogger } from "../base/mod.ts";
import { type AgentOptions, type AgentOptionsInput, SaidSettings } from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { OverlayHealthChecker } from "../health/mod.ts";
import { type ResumedStateStore, SqliteStateStore, systemEnvironment } from "../host/mod.ts";
import { NotInitializedError } from "../mesh/mod.ts";
import type { IpAddress } from "../net/mod.ts";
import type { Agent } from "./agent.ts";
import { DeclaredNetworks, type ProgramEndpoints } from "./networks/mod.ts";
import { makeRecoveryKey, type RestoredNode, restoreNode, type RestoreRequest } from "./backup/mod.ts";
import { type OpenedNode, openNode, type OverlayPorts } from "./open_node.ts";
import { applyDeclaredPolicy, readDeclaredPolicy } from "./policy/mod.ts";
import type { ServiceHost } from "./services/mod.ts";
import { joinMesh, leadMesh, type MakeMesh, type NodeSettings, parseToken, resumeMesh } from "./start/mod.ts";
import { agentFollowers, Reloader, type SettingFollower } from "./reload.ts";
import { StatusToken } from "./status_token.ts";
import {
  backupStored,
  changeStoredSetting,
  forgetStored,
  recoverStored,
  storedSettings,
} from "./stored_node.ts";
import { agentOperations, type StartToken, startTokenOf } from "./operations/mod.ts";

/** How often it is tried to write what waits for room on a full disk. */
const FLUSH_MS = 10_000;

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
  readonly #settings: NodeSettings;
  readonly #hasInterface: boolean;
  readonly #reloader: Reloader;
  #declared: DeclaredNetworks | undefined;
  #endFlushing: () => void = () => {};
  #hasStarted = false;

  private constructor(opened: OpenedNode) {
    const { agent, store, environment, settings } = opened;
    this.#agent = agent;
    this.#store = store;
    this.#environment = environment;
    this.isResumed = opened.isResumed;
    this.#settings = settings;
    this.#hasInterface = !settings.options.rootless;
    const statusToken = this.statusToken = new StatusToken(store, environment.random);
    this.#reloader = new Reloader({
      settings,
      followers: [...agentFollowers(agent), ...this.#followers(), ...opened.followers],
      isRunning: () => this.#hasStarted && agent.session !== undefined,
    });
    const reload = () => this.#reloader.reload();
    this.control = checkedControl(
      agentOperations(agent, { process: opened.process, settings, statusToken, reload, store }),
    );
  }

  /**
   * Starts a new network with this node as its leader, or resumes the one that it leads; nothing runs before `start`. A
   * network that has never run leaves nothing when this node is stopped.
   *
   * @throws AlreadyInitializedError when the state directory belongs to a member that leads nothing: `load` resumes it
   * @throws InvalidRequestError when the options ask for another network block than it has
   * @throws InvalidConfigError, StateError
   * @throws RouteOverlapError, NotPermittedError, NoTunDeviceError, PortInUseError, when a new network can't run here
   */
  static async initLeader(
    input: AgentOptionsInput | SaidSettings,
    ports: OverlayPorts = {},
  ): Promise<OverlayBootstrap> {
    return await OverlayBootstrap.#open(input, ports, leadMesh);
  }

  /**
   * Joins the network that `token` invites to, or resumes as its member, whatever has become of the token since; nothing
   * runs before `start`. A join that was cut off can be repeated.
   *
   * @param token what a leader printed; an empty one resumes the node whose state is in the directory
   * @throws InvalidTokenError when it is malformed, truncated or expired; nothing was sent then
   * @throws UnreachableError when no leader answers, JoinRefusedError when one says no
   * @throws AlreadyInitializedError when the state directory belongs to another network: `load` resumes it
   * @throws InvalidConfigError, StateError
   * @throws RouteOverlapError, NotPermittedError, NoTunDeviceError, PortInUseError, when a member can't run here; nothing
   * was sent then
   */
  static async join(
    token: string,
    input: AgentOptionsInput | SaidSettings,
    ports: OverlayPorts = {},
  ): Promise<OverlayBootstrap> {
    const said = saidSettings(input);
    // Before there is a directory for it.
    if (token !== "" || !SqliteStateStore.existsIn(said.stateDir)) parseToken(token);
    return await OverlayBootstrap.#open(said, ports, (parts) => joinMesh(token, parts));
  }

  /**
   * Resumes the node whose state is in the directory; nothing runs before `start`. What earlier starts were told holds
   * unless `input` says otherwise.
   *
   * @throws NotInitializedError when there is none
   * @throws InvalidRequestError when the options ask for another network block than it has
   * @throws InvalidConfigError, StateError
   */
  static async load(
    input: AgentOptionsInput | SaidSettings,
    ports: OverlayPorts = {},
  ): Promise<OverlayBootstrap> {
    if (!SqliteStateStore.existsIn(saidSettings(input).stateDir)) throw new NotInitializedError();
    return await OverlayBootstrap.#open(input, ports, resumeMesh);
  }

  /** What holds for this node: what it was told now, and at earlier starts. */
  get options(): AgentOptions {
    return this.#settings.options;
  }

  /** What was said at earlier starts and not at this one, by the flags' names. */
  get keptSettings(): ReadonlyMap<string, SettingValue> {
    return this.#settings.kept;
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
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    await this.#keepStart();
    this.#store.settle();
    this.#declared = DeclaredNetworks.follow(this.options, this.#environment, this);
    if (this.#store.isHeld) this.#awaitRoom();
  }

  /**
   * Takes the node down and leaves the host as it was, once the calls under way have ended; others turn to somebody else
   * from now on. An ephemeral one leaves its network first. Harmless at any time.
   * @param options.drainMs how long calls may take to end, in milliseconds; as the node was made with unless given
   */
  async stop({ drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#endFlushing();
    await this.#agent.services.drain(drainMs);
    await this.#agent.departure.leaveAtEnd(this.#agent.session?.leaders.acts);
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

  /**
   * Endpoints of programs in this process.
   * @internal
   */
  get programEndpoints(): ProgramEndpoints {
    return this.#agent.programEndpoints;
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
    return forgetStored(stateDir);
  }

  /** Makes a node that does not run a leader by a recovery file; in an empty directory, the leader that made the file. */
  static readonly recover: typeof recoverStored = recoverStored;

  /**
   * The settings of a node that does not run, and where each comes from.
   * @param onProblem told, in a sentence, of what is kept and cannot be used any more
   * @returns the settings of a node that does not run, as the next start finds them
   * @throws NotInitializedError when there is none, InvalidConfigError, StateError
   */
  static async storedSettings(
    input: AgentOptionsInput | SaidSettings,
    onProblem: (problem: string) => void = () => {},
  ): Promise<readonly SettingReport[]> {
    return await storedSettings(saidSettings(input), onProblem);
  }

  /** Copies a node that does not run, sealed by a passphrase or for a recovery key. @throws NotInitializedError, StateError, InvalidRequestError */
  static readonly backup: typeof backupStored = backupStored;

  /** Makes a recovery key: the half that seals such copies, and the one that opens them. @returns both as texts */
  static readonly makeRecoveryKey: typeof makeRecoveryKey = makeRecoveryKey;

  /** Makes the node of such a copy in a directory. @throws AlreadyInitializedError, StateError, InvalidRequestError */
  static async restore(stateDir: string, request: RestoreRequest): Promise<RestoredNode> {
    return await restoreNode(stateDir, request, systemEnvironment(silentLogger).clock.wall());
  }

  /**
   * Keeps or forgets a setting of a node that does not run.
   * @returns whether anything has changed
   * @throws NotInitializedError when there is none, InvalidConfigError, StateError
   */
  static changeStoredSetting(stateDir: string, change: SettingChange): boolean {
    return changeStoredSetting(stateDir, change);
  }

  /**
   * A token that admits any number of machines: good for 24 h when it is made, and the same, also after a restart, until
   * less than an hour of that is left or it is revoked. Leaders only, while running.
   * @returns the token; no more than a hash of its secret is kept
   * @throws NotLeaderError
   */
  joinToken(): string {
    return this.startToken().token;
  }

  /** The same, and until when it is good. @returns both @throws NotLeaderError */
  startToken(): StartToken {
    return startTokenOf(this.#agent);
  }

  /**
   * Waits until it is known whether the router before this host opens the node's port, so that a token can name it: 3 s at
   * most, and no time where no router is asked.
   * @returns always "mapped", whatever came of it
   */
  async untilMapped(): Promise<"mapped"> {
    await this.#agent.session?.portMapping?.settled();
    return "mapped";
  }

  /** What is declared of networks, and of a policy, is followed where it was first read. */
  #followers(): readonly SettingFollower[] {
    return [
      {
        names: ["networks", "networkEndpoints"],
        apply: (options) => {
          this.#declared?.close();
          this.#declared = DeclaredNetworks.follow(options, this.#environment, this);
        },
      },
      {
        names: ["policy"],
        isAlways: true,
        apply: async ({ policy }) => {
          if (policy === undefined) return false;
          const document = await readDeclaredPolicy(policy);
          return applyDeclaredPolicy(document, this.#agent, {
            store: this.#store,
            log: this.#environment.log,
          });
        },
      },
    ];
  }

  /** A new network counts from here on; one that can't be kept is none. */
  async #keepStart(): Promise<void> {
    const { mesh } = this.#agent;
    const isNew = mesh.isUnstarted;
    try {
      this.#store.transaction(() => {
        mesh.isUnstarted = false;
        this.#settings.keep();
      });
    } catch (error) {
      if (isNew) {
        await this.#agent.stop().catch(() => {});
        throw error;
      }
      this.#environment.log.warn("cannot keep what this start was told", { error });
    }
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
    input: AgentOptionsInput | SaidSettings,
    ports: OverlayPorts,
    makeMesh: MakeMesh,
  ): Promise<OverlayBootstrap> {
    return new OverlayBootstrap(await openNode(saidSettings(input), ports, makeMesh));
  }
}

function saidSettings(input: AgentOptionsInput | SaidSettings): SaidSettings {
  return input instanceof SaidSettings ? input : SaidSettings.ofProgram(input);
}
