/**
 * What the command line is wired to: the agent, the servers, the process. `main.ts` hands in the real ones.
 * @module
 */

import type { AgentControl } from "../agent/mod.ts";
import type { Logger } from "../base/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { Duplex } from "../forward/mod.ts";
import type { IpAddress } from "../net/mod.ts";
import type { WgInterfaceEnd, WgInterfaceOptions } from "../wg_interface/mod.ts";
import type { Terminal } from "./terminal.ts";

/** A node of the mesh in this process. */
export interface Overlay {
  readonly name: string;
  readonly control: AgentControl;
  /** Programs of this machine share the node's membership. */
  readonly services: {
    /** Lets them in at a socket that only this user may open. @throws WeftError */
    openPrograms(path: string): Promise<void>;
  };
  /** Settles when the node has ended, by `stop` or by itself; rejects with the reason of the latter. */
  readonly closed: Promise<void>;
  start(): Promise<void>;
  /** Harmless when repeated, and before `start`. */
  stop(): Promise<void>;
  nodeIp(): IpAddress;
  publicKey(): PublicKey;
  /** Leaders only. @returns a fresh token */
  joinToken(): string;
}

/**
 * Makes nodes. `initLeader` and `join` resume what an earlier call of the same kind has made in the state directory;
 * they throw a WeftError `AlreadyInitialized` when it is of another node, `load` one `NotInitialized` when there is none.
 */
export interface OverlayFactory {
  initLeader(options: AgentOptions, ports: { readonly logger: Logger }): Promise<Overlay>;
  join(token: string, options: AgentOptions, ports: { readonly logger: Logger }): Promise<Overlay>;
  load(options: AgentOptions, ports: { readonly logger: Logger }): Promise<Overlay>;
}

/** A server that runs. */
export interface ServedPort {
  readonly port: number;
  close(): Promise<void>;
}

/** The servers of an agent. */
export interface AgentServers {
  serveStatus(
    options: { readonly control: AgentControl; readonly hostname: string; readonly port: number },
  ): ServedPort;
  serveControl(options: { readonly control: AgentControl; readonly path: string }): Promise<ServedPort>;
}

/** The process around a command. */
export interface ProcessPort {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Reads a file, or standard input for `-`. @throws the system's error */
  readText(path: string): Promise<string>;
  /** Calls back at every request to stop. @returns a function that ends that */
  onStopSignal(handler: () => void): () => void;
  /** To be called when what the process is for has begun: some seconds later, what only the start needed is given back. */
  onStarted(): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** An interface without a mesh. */
export interface WgInterfacePort {
  readonly ended: Promise<WgInterfaceEnd>;
  /** How packets travel, and what seals them. */
  readonly way: { readonly dataplane: string; readonly cipher: string };
  /** By reason; those that there were. */
  drops(): Readonly<Record<string, number>>;
  close(): void;
}

/** A program that is attached to the agent of this machine. */
export interface AttachedPort {
  /** @throws WeftError with code `DialRefused` and the reason in `refusal` */
  dial(host: string, port: number, options: { readonly signal: AbortSignal }): Promise<Duplex>;
  stop(): Promise<void>;
}

/** What only some commands need, and is loaded for them. */
export interface AgentParts extends AgentServers {
  readonly overlays: OverlayFactory;
  /** @returns where the agent with this state directory lets programs in */
  programSocketPath(stateDir: string): string;
  /** Attaches this process to the agent with this state directory. @throws WeftError when none runs */
  attach(stateDir: string): Promise<AttachedPort>;
}

/** All of it. */
export interface CliPorts {
  /** The version that `--version` prints. */
  readonly version: string;
  loadAgent(): Promise<AgentParts>;
  /** See `WgInterface.open`. */
  openWgInterface(name: string, options: WgInterfaceOptions): Promise<WgInterfacePort>;
  readonly terminal: Terminal;
  readonly process: ProcessPort;
}
