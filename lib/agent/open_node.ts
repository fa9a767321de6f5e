/**
 * Making a node of what was said and what its directory holds: everything up to the agent, and nothing of it runs yet.
 * @module
 */

import { type Environment, type Logger, silentLogger } from "../base/mod.ts";
import { type AgentOptions, checkPairs, type SaidSettings } from "../config/mod.ts";
import { type PlaneOptions, preparePlane } from "../dataplane/mod.ts";
import { ResumedStateStore, SqliteStateStore, systemEnvironment } from "../host/mod.ts";
import { MeshState, storedNetworkId } from "../mesh/mod.ts";
import type { ServiceSettings } from "../service/mod.ts";
import { findTelemetry } from "../telemetry/mod.ts";
import { Agent } from "./agent.ts";
import { checkDeclared } from "./networks/mod.ts";
import { NamedEndpoints } from "./named_endpoints.ts";
import type { AgentProcess } from "./operations/mod.ts";
import { applyDeclaredPolicy, readDeclaredPolicy } from "./policy/mod.ts";
import type { SettingFollower } from "./reload.ts";
import { chooseInterface, type MakeMesh, NodeSettings, type WaitingMachine } from "./start/mod.ts";
import { meshHost } from "./stored_node.ts";

/** What a node takes beside its options. */
export interface OverlayPorts extends ServiceSettings {
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
  /** Called once when a leader has to approve a machine that joins, with the name that it asks for, and its id. */
  readonly onPending?: (waiting: WaitingMachine) => void;
  /**
   * Called once with what holds, what was said at earlier starts included, before anything is made or asked for; what it
   * throws ends the start.
   */
  readonly onOptions?: (options: AgentOptions) => void | Promise<void>;
  /**
   * Who follows settings with the node when they are read again: of those that are not for the node itself.
   * @internal
   */
  readonly followers?: readonly SettingFollower[];
  /**
   * The thread of an interface, if it was begun before it was known whether the node has one. The node ends it then.
   * @internal
   */
  readonly begunPlane?: PlaneOptions["prepared"];
  /** The process that is there for the node alone; without one, the node ends alone when it is told to. */
  readonly process?: AgentProcess;
}

/** A node that has not begun to run. */
export interface OpenedNode {
  /** It closes the store when it stops. */
  readonly agent: Agent;
  readonly store: ResumedStateStore;
  readonly environment: Environment;
  readonly settings: NodeSettings;
  /** Whether its state is that of an earlier run. */
  readonly isResumed: boolean;
  readonly process: AgentProcess | undefined;
  /** Who follows settings beside the node. */
  readonly followers: readonly SettingFollower[];
}

/**
 * Opens the directory, reads what holds for the node, and makes its part in the network.
 * @throws WeftError when it can't be so; the directory is closed then
 */
export async function openNode(
  said: SaidSettings,
  { logger = silentLogger, onOptions, onPending, process, followers = [], begunPlane, ...service }:
    OverlayPorts,
  makeMesh: MakeMesh,
): Promise<OpenedNode> {
  using stack = new DisposableStack();
  stack.use(begunPlane);
  const isNew = !SqliteStateStore.existsIn(said.stateDir);
  const store = ResumedStateStore.open(said.stateDir);
  // There is nothing to run from.
  if (isNew) store.settle();
  try {
    const telemetry = await findTelemetry();
    const environment = { ...systemEnvironment(logger), ...telemetry && { tracer: telemetry.tracer } };
    const host = meshHost(environment);
    MeshState.finishLeaving(store, host);
    const isResumed = storedNetworkId(store) !== undefined;
    const settings = await NodeSettings.read(said, store, (problem) => logger.warn(problem));
    chooseInterface(settings, store, logger);
    const { options } = settings;
    checkPairs(options);
    checkDeclared(options);
    const policy = options.policy === undefined ? undefined : await readDeclaredPolicy(options.policy);
    await onOptions?.(options);
    const named = new NamedEndpoints(options.endpoints, environment);
    await named.look();
    // Its thread loads its modules while this one reads the state, or asks a leader.
    const preparedPlane = options.rootless
      ? undefined
      : stack.use(preparePlane(options.dataplane, begunPlane));
    if (preparedPlane !== begunPlane) begunPlane?.[Symbol.dispose]();
    const mesh = await makeMesh({ store, host, named, options, onPending, keep: () => settings.keep() });
    const agent = new Agent({ ...environment, mesh, store, options, named, service, preparedPlane });
    if (telemetry !== undefined) agent.services.runtime.use(telemetry.middleware);
    stack.move();
    try {
      if (policy !== undefined) applyDeclaredPolicy(policy, agent, { store, log: logger });
    } catch (error) {
      await agent.stop();
      throw error;
    }
    return { agent, store, environment, settings, isResumed, process, followers };
  } catch (error) {
    store.close();
    throw error;
  }
}
