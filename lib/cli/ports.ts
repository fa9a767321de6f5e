/**
 * What the command line is wired to: the agent, the servers, the process. `main.ts` hands in the real ones.
 * @module
 */

import type { Node, OverlayBootstrap, OverlayPorts, RestoredNode, RestoreRequest } from "../agent/mod.ts";
import type {
  AgentControl,
  BackupReport,
  BackupRequest,
  NetcheckReport,
  RecoveredNode,
  RecoverRequest,
  SettingChange,
  SettingReport,
  UnitReport,
} from "../api/mod.ts";
import type { Logger } from "../base/mod.ts";
import type { AgentOptions, SaidSettings, StatusAddress } from "../config/mod.ts";
import type { WgInterface, WgInterfaceOptions } from "../wg_interface/mod.ts";
import type { ShownToken } from "./process_arguments.ts";
import type { ServiceManager } from "./systemd/mod.ts";
import type { Terminal } from "./terminal.ts";

/** A node of the mesh in this process; programs of this machine are let in to share its membership. */
export type Overlay =
  & Pick<
    OverlayBootstrap,
    | ("name" | "control" | "closed" | "start" | "stop" | "nodeIp" | "startToken" | "isResumed" | "hasLeft")
    | ("untilMapped" | "statusToken" | "overlayAddresses" | "isOwnHost" | "options" | "keptSettings")
  >
  & { readonly services: Pick<OverlayBootstrap["services"], "openPrograms"> };

/**
 * Makes nodes. `initLeader` and `join` resume what an earlier call of the same kind has made in the state directory;
 * they throw a WeftError `AlreadyInitialized` when it is of another node, `load` one `NotInitialized` when there is none.
 */
export interface OverlayFactory {
  initLeader(said: SaidSettings, ports: OverlayPorts): Promise<Overlay>;
  join(token: string, said: SaidSettings, ports: OverlayPorts): Promise<Overlay>;
  load(said: SaidSettings, ports: OverlayPorts): Promise<Overlay>;
}

/** A server that runs. */
export interface ServedPort {
  readonly port: number;
  close(): Promise<void>;
}

/** The status page, which is served on the overlay once that is there. */
export interface StatusPort extends ServedPort {
  openOverlay(): Promise<void>;
}

/** A new file for a secret, which is not there yet. */
export interface SecretFile {
  /** Writes all of it to the disk; nothing is left of one that fails. @throws the system's error */
  write(content: string | Uint8Array): Promise<void>;
}

/** What is typed, key by key. */
export interface KeyReader {
  /** @returns the next key; never settles when nothing more can be typed */
  next(): Promise<string | undefined>;
  /** Leaves the keyboard as it was. */
  close(): void;
}

/** The process around a command. */
export interface ProcessPort {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Its number. */
  readonly pid: number;
  /** Whether what is written to standard error goes to systemd's journal. */
  readonly isJournal: boolean;
  /** The unit of systemd that has started it. */
  readonly unit: UnitReport | undefined;
  /** Reads a file, or standard input for `-`. @throws the system's error */
  readText(path: string): Promise<string>;
  /** Opens a file of any length, or standard input for `-`. @throws the system's error */
  openFile(path: string): Promise<ReadableStream<Uint8Array>>;
  /** Reads keys without waiting for a line; undefined where nobody types. */
  readKeys(): KeyReader | undefined;
  /** Reads a file as it is. @throws the system's error */
  readBytes(path: string): Promise<Uint8Array>;
  /** Whether somebody types standard input. */
  readonly isTyped: boolean;
  /**
   * Sees that a new file can be written that its owner alone may read.
   * @throws the system's error, `AlreadyExists` when something has that name
   */
  prepareSecretFile(path: string): Promise<SecretFile>;
  /**
   * Reads one line of standard input; where somebody types it, it is asked for by `prompt` and not shown.
   * @throws CommandError
   */
  readSecret(prompt: string): Promise<string>;
  /** @returns the most that users other than a file's owner may do with it; undefined for nothing @throws the system's error */
  othersMay(path: string): Promise<"read" | "write" | undefined>;
  /** Whether the name server at this address, port 53, has an answer to a question; some seconds are enough for one. */
  canResolve(server: string, name: string, type: "SOA" | "NS"): Promise<boolean>;
  /** Takes tokens out of what the system shows as this process's arguments. @returns who shows one all the same */
  hideTokens(args: readonly string[]): readonly ShownToken[];
  /** Calls back at every request to stop. @returns a function that ends that */
  onStopSignal(handler: () => void): () => void;
  /**
   * Calls back at every SIGHUP, which ends nothing then: it asks to read the settings again. When the terminal is gone that
   * the process was started from, SIGHUP is a request to stop as before.
   * @returns a function that ends that
   */
  onReloadSignal(handler: () => void): () => void;
  /**
   * Calls back once, soon after nobody reads standard output any more; where that can't be seen, never.
   * @returns a function that ends that
   */
  onReaderGone(handler: () => void): () => void;
  /**
   * Calls back once, at the first error that nothing has caught, of a promise or a callback; those that follow until it is
   * taken back are dropped. Without it the runtime ends the process at once, whatever it has changed on the host.
   * @returns a function that ends that
   */
  onUncaught(handler: (error: unknown) => void): () => void;
  /** To be called when what the process is for has begun: some seconds later, what only the start needed is given back. */
  onStarted(): void;
  /** Who has started this process and is told how it does; undefined where nobody is. */
  readonly manager?: ServiceManager | undefined;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** An interface without a mesh. */
export type WgInterfacePort = Pick<WgInterface, "ended" | "way" | "drops" | "close">;

/** A program that is attached to the agent of this machine. */
export type AttachedPort = Pick<Node, "dial" | "members" | "request" | "stop">;

/** What only some commands need, and is loaded for them. */
export interface AgentParts {
  readonly overlays: OverlayFactory;
  serveStatus(
    options: {
      readonly node: Overlay;
      readonly log: Logger;
      readonly addresses: readonly StatusAddress[];
      readonly port: number;
      readonly names: readonly string[];
    },
  ): Promise<StatusPort>;
  /** Checks, before a node is made, that these servers can do what they are for. @throws WeftError */
  checkServing(
    options: {
      readonly addresses: readonly StatusAddress[];
      readonly port: number | "off";
      readonly socketPaths: readonly string[];
    },
  ): void;
  serveControl(options: { readonly control: AgentControl; readonly path: string }): Promise<ServedPort>;
  /**
   * Puts away what a state directory holds of a network.
   * @returns the node's name, and whether a leader had removed it; undefined when there is none
   */
  forget(stateDir: string): { readonly name: string; readonly isRemoved: boolean } | undefined;
  /**
   * Makes the node of a state directory a leader by a recovery file; where there is none, the leader that made the file.
   * @throws WeftError
   */
  recover(stateDir: string, request: RecoverRequest): Promise<RecoveredNode>;
  /**
   * @returns the settings of a node that does not run, as the next start finds them
   * @throws WeftError `NotInitialized` when there is none
   */
  storedSettings(
    said: SaidSettings,
    onProblem: (problem: string) => void,
  ): Promise<readonly SettingReport[]>;
  /** Keeps or forgets a setting of a node that does not run. @returns whether anything has changed */
  changeStoredSetting(stateDir: string, change: SettingChange): boolean;
  /** @returns a sealed copy of a node that does not run @throws WeftError `NotInitialized` when there is none */
  backup(stateDir: string, request: BackupRequest): Promise<BackupReport>;
  /** @returns a new recovery key, both halves as texts */
  makeRecoveryKey(): { readonly key: string; readonly secret: string };
  /** Makes the node of a copy. @throws WeftError `AlreadyInitialized` when there is one */
  restore(stateDir: string, request: RestoreRequest): Promise<RestoredNode>;
  /** @returns where the agent with this state directory lets programs in */
  programSocketPath(stateDir: string): string;
  /** Finds out how this host can be reached, without an agent. */
  checkNetwork(
    options: AgentOptions,
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<NetcheckReport>;
  /** Attaches this process to the agent with this state directory. @throws WeftError when none runs */
  attach(stateDir: string): Promise<AttachedPort>;
}

/** All of it. */
export interface CliPorts {
  /** The version that `--version` prints. */
  readonly version: string;
  loadAgent(): Promise<AgentParts>;
  /** Begins to load what a node with an interface takes longest for; a node without one gives it up. */
  beginAgent(): void;
  /** See `WgInterface.open`. */
  openWgInterface(name: string, options: WgInterfaceOptions): Promise<WgInterfacePort>;
  readonly terminal: Terminal;
  readonly process: ProcessPort;
}
