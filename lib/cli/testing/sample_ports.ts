/**
 * The command line's ports without a system: an agent that answers from tables, a terminal that keeps what is written.
 * @module
 */

import type { OverlayPorts, RestoredNode, RestoreRequest } from "../../agent/mod.ts";
import type {
  BackupReport,
  BackupRequest,
  NetcheckReport,
  RecoveredNode,
  RecoverRequest,
  SettingChange,
  SettingReport,
  StatusReport,
} from "../../api/mod.ts";
import { SampleControl, sampleNetcheck } from "../../agent/testing/sample_control.ts";
import { sampleStatus as agentStatus } from "../../agent/testing/sample_status.ts";
import {
  type AgentOptions,
  parseAgentOptions,
  type SaidSettings,
  type StatusAddress,
} from "../../config/mod.ts";
import { StatusToken } from "../../agent/status_token.ts";
import { MemoryStateStore, SeededRandom, unixMillis } from "../../base/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { CommandError } from "../failure.ts";
import type {
  AgentParts,
  AttachedPort,
  CliPorts,
  Overlay,
  OverlayFactory,
  ServedPort,
  StatusPort,
  WgInterfacePort,
} from "../ports.ts";
import type { ShownToken } from "../process_arguments.ts";

/** A leader with one healthy peer and one that is away. */
export const sampleStatus: StatusReport = {
  ...agentStatus,
  uptimeMs: 3_725_000,
  node: { ...agentStatus.node, name: "lead" },
  peers: agentStatus.peers.map((peer) =>
    peer.healthy ? peer : { ...peer, name: "phone", publicKey: "BBBB=", txBytes: 0 }
  ),
  drops: { replayed: 3 },
};

/** An overlay that keeps a diary. */
export class SampleOverlay implements Overlay {
  readonly name = "lead";
  isResumed = false;
  hasLeft = false;
  options: AgentOptions = parseAgentOptions({});
  keptSettings: Overlay["keptSettings"] = new Map();
  readonly control: SampleControl = new SampleControl();
  readonly ending: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly closed: Promise<void> = this.ending.promise;
  readonly services: Overlay["services"] = {
    openPrograms: (path) => Promise.resolve(void this.#diary.push(`programs ${path}`)),
  };
  readonly #diary: string[];

  constructor(diary: string[]) {
    this.#diary = diary;
  }

  start(): Promise<void> {
    this.#diary.push("start");
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#diary.push("stop");
    return Promise.resolve();
  }

  nodeIp(): IpAddress {
    return IpAddress.fromBytes(Uint8Array.of(10, 200, 0, 1));
  }

  readonly statusToken: Overlay["statusToken"] = new StatusToken(new MemoryStateStore(), new SeededRandom(1));

  overlayAddresses(): readonly IpAddress[] {
    return [this.nodeIp()];
  }

  isOwnHost(hostname: string): boolean {
    return hostname === this.name;
  }

  untilMapped(): Promise<"mapped"> {
    return Promise.resolve("mapped");
  }

  startToken(): ReturnType<Overlay["startToken"]> {
    return { token: "weft1-fresh", expiresAt: unixMillis(Date.now() + 86_400_000) };
  }
}

/** Ports without a system: what is written and done is kept. */
export class SamplePorts implements CliPorts {
  readonly version = "0.1.0";
  readonly diary: string[] = [];
  /** How often the agent was begun. */
  begun = 0;
  readonly overlay: SampleOverlay = new SampleOverlay(this.diary);
  readonly files: Map<string, string> = new Map();
  /** Something has failed that nothing catches. */
  uncaught: (error: unknown) => void = () => {};
  /** What others may do with files. */
  readonly access: Map<string, "read" | "write"> = new Map();
  /** Which types of questions name servers answer, by address. */
  readonly nameServers: Map<string, readonly string[]> = new Map();
  /** Who shows a token. */
  shownTokens: readonly ShownToken[] = [];
  readonly environment: Record<string, string | undefined> = {};
  stdout = "";
  stderr = "";
  /** What the last agent was started with. */
  options: AgentOptions | undefined;
  /** Nobody reads standard output any more. */
  readerGone: () => void = () => {};
  /** Asks the agent to read its settings again. */
  reloadSignal: () => void = () => {};
  /** Asks the agent to stop. */
  stopSignal: () => void = () => {};

  readonly terminal: CliPorts["terminal"] = {
    out: (text) => void (this.stdout += text),
    err: (text) => void (this.stderr += text),
    hasColours: false,
    isInteractive: false,
    columns: undefined,
  };

  readonly process: CliPorts["process"] = {
    environment: this.environment,
    isRoot: true,
    isJournal: false,
    pid: 7,
    unit: undefined,
    readText: (path) => {
      const text = this.files.get(path);
      if (text === undefined) {
        return Promise.reject(new Deno.errors.NotFound("No such file or directory (os error 2)"));
      }
      return Promise.resolve(text);
    },
    openFile: (path) => {
      const text = this.files.get(path);
      if (text === undefined) {
        return Promise.reject(new Deno.errors.NotFound("No such file or directory (os error 2)"));
      }
      return Promise.resolve(new Blob([text]).stream());
    },
    onReloadSignal: (handler) => {
      this.reloadSignal = handler;
      return () => this.reloadSignal = () => {};
    },
    readSecret: (prompt) => {
      this.diary.push(`asked ${prompt}`);
      return Promise.resolve(this.files.get("-") ?? "");
    },
    readKeys: () => undefined,
    readBytes: (path) => Promise.resolve(new TextEncoder().encode(this.files.get(path) ?? "")),
    isTyped: false,
    prepareSecretFile: (path) => {
      if (this.files.has(path)) {
        return Promise.reject(new Deno.errors.AlreadyExists("File exists (os error 17)"));
      }
      return Promise.resolve({
        write: (content) =>
          Promise.resolve(
            void this.files.set(
              path,
              typeof content === "string" ? content : new TextDecoder().decode(content),
            ),
          ),
      });
    },
    othersMay: (path) => Promise.resolve(this.access.get(path)),
    canResolve: (server, name, type) => {
      this.diary.push(`asked ${server} for ${name} ${type}`);
      return Promise.resolve(this.nameServers.get(server)?.includes(type) ?? false);
    },
    hideTokens: () => this.shownTokens,
    onStopSignal: (handler) => {
      this.stopSignal = handler;
      return () => void this.diary.push("signals forgotten");
    },
    onReaderGone: (handler) => {
      this.readerGone = handler;
      return () => {};
    },
    onUncaught: (handler) => {
      this.uncaught = handler;
      return () => {};
    },
    onStarted: () => void this.diary.push("started"),
    exit: (code) => void this.diary.push(`exit ${code}`),
  };

  beginAgent(): void {
    this.begun++;
  }

  loadAgent(): Promise<AgentParts> {
    return Promise.resolve(this);
  }

  openWgInterface(name: string): Promise<WgInterfacePort> {
    this.diary.push(`open ${name}`);
    return Promise.resolve({
      ended: Promise.resolve("closed"),
      way: { dataplane: "fast", cipher: "baseline cipher", workers: 1 },
      drops: () => ({}),
      close: () => {},
    });
  }

  readonly overlays: OverlayFactory = {
    initLeader: (said, ports) => this.#make("leader", said, ports),
    join: (token, said, ports) => this.#make(`join ${token}`, said, ports),
    load: (said, ports) => this.#make("load", said, ports),
  };

  /** What is kept in every state directory. */
  settings: readonly SettingReport[] = [];

  storedSettings(): Promise<readonly SettingReport[]> {
    return Promise.resolve(this.settings);
  }

  changeStoredSetting(stateDir: string, { name, value }: SettingChange): boolean {
    this.diary.push(`${stateDir} ${name} ${value?.join(" ") ?? "unset"}`);
    return true;
  }

  recover(stateDir: string, { file, passphrase }: RecoverRequest): Promise<RecoveredNode> {
    this.diary.push(`recover ${stateDir} ${file.trim()} ${passphrase}`);
    return Promise.resolve({ name: "lead", isRestored: true });
  }

  checkNetwork({ stunServers }: AgentOptions): Promise<NetcheckReport> {
    this.diary.push(`netcheck ${stunServers}`);
    return Promise.resolve(sampleNetcheck);
  }

  /** Ports of the page that were checked before a node was made. */
  readonly checked: (number | "off")[] = [];

  checkServing({ port }: { readonly port: number | "off" }): void {
    this.checked.push(port);
  }

  /** What stands in every state directory. */
  forgotten = { name: "web-1", isRemoved: false };

  backup(stateDir: string, request: BackupRequest): Promise<BackupReport> {
    this.diary.push(`backup ${stateDir} ${Object.entries(request).join()}`);
    return Promise.resolve({ name: "lead", file: "d2VmdA==", dataBytes: 0 });
  }

  makeRecoveryKey(): { readonly key: string; readonly secret: string } {
    return { key: "weft-recovery-key1-abc", secret: "weft-recovery-secret1-xyz" };
  }

  restore(stateDir: string, { isForced, secret }: RestoreRequest): Promise<RestoredNode> {
    const by = "passphrase" in secret ? secret.passphrase : secret.recoverySecret;
    this.diary.push(`restore ${stateDir}${isForced ? " forced" : ""} by ${by}`);
    return Promise.resolve({ name: "lead", madeAt: 0, role: "leader", putAside: [] });
  }

  forget(stateDir: string): { readonly name: string; readonly isRemoved: boolean } | undefined {
    this.diary.push(`forget ${stateDir}`);
    return this.forgotten;
  }

  programSocketPath(stateDir: string): string {
    return `${stateDir}/programs.sock`;
  }

  /** What a program that is attached has; nobody answers unless told. */
  attached: AttachedPort | undefined;

  attach(stateDir: string): Promise<AttachedPort> {
    this.diary.push(`attach ${stateDir}`);
    if (this.attached !== undefined) return Promise.resolve(this.attached);
    return Promise.reject(
      new CommandError(`No agent lets programs in at ${stateDir}`, { hint: "Start it." }),
    );
  }

  serveStatus(
    { addresses, port }: { readonly addresses: readonly StatusAddress[]; readonly port: number },
  ): Promise<StatusPort> {
    this.diary.push(`serve ${addresses.join()}:${port}`);
    const openOverlay = () => Promise.resolve(void this.diary.push("follow overlay"));
    const close = () => Promise.resolve(void this.diary.push("close status"));
    return Promise.resolve({ port, openOverlay, close });
  }

  serveControl(options: { readonly path: string }): Promise<ServedPort> {
    this.diary.push(`serve ${options.path}`);
    return Promise.resolve({ port: 0, close: () => Promise.resolve(void this.diary.push("close control")) });
  }

  async #make(how: string, said: SaidSettings, ports: OverlayPorts): Promise<Overlay> {
    this.options = this.overlay.options = said.own;
    await ports.onOptions?.(said.own);
    this.diary.push(how);
    return this.overlay;
  }
}
