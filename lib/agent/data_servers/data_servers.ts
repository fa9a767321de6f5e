/**
 * The server of collections on this node, if the network's key has it run one, and what this node knows of the others'.
 *
 * ```
 *   entry data-servers ──▶ look ──▶ this is a host: configuration ──▶ ServerProcess      poll: $nats/status of the others
 *                                          └──▶ collections are kept by the servers             └──▶ report, warnings
 * ```
 *
 * @module
 */

import { equalBytes, type Logger, repeat } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import type { DataServerReport, DataServersReport } from "../../api/mod.ts";
import type { CollectionRequest, JetStreamParts, LogHealth, NatsServer, Opened } from "../../data/mod.ts";
import { type MemberRecord, type NodeId, openSealed, PLAIN_READER } from "../../mesh/mod.ts";
import type { CallOptions, ServiceDefinition } from "../../service/mod.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { RunningNode } from "../peers/mod.ts";
import type { Warning } from "../warnings/mod.ts";
import { CLIENT_PORT, CLIENT_USER, hostText, serverConfig } from "./server_config.ts";
import {
  decodeServers,
  encodeServers,
  passwordsOf,
  SECRET_BYTES,
  SERVERS_KEY,
  SERVERS_KIND,
  type ServersDecision,
} from "./server_entry.ts";
import { ServerProcess } from "./server_process.ts";
import { findServerProgram, markOf, type ServerProgram } from "./server_program.ts";
import { makeAtHosts, NATS_SERVICE, natsService, readStatus, type ServerStatus } from "./server_calls.ts";
import { serverWarnings } from "./server_warnings.ts";

/** The servers that keep collections, and what lets in there. */
export type ServersAccess = Pick<JetStreamParts, "server" | "credentials" | "caFile">;

/** What the node lends it. */
export interface DataServersParts extends AgentContext {
  readonly node: RunningNode;
  /** Who a node is now that was decided on. */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  readonly isLeader: (caller: string) => boolean;
  /** Makes or opens a collection of the servers, on this node. */
  readonly open: (request: CollectionRequest) => Promise<Opened>;
  /** Collections are kept by these servers from now on, or by none. */
  readonly share: (access: ServersAccess | undefined) => Promise<void>;
  readonly health: () => Promise<LogHealth | undefined>;
}

const LOOK_MS = 5_000;
const STATUS_MS = 3_000;
/** Where what was decided, the secret and the server's name are kept for the next start. */
const STORE = "data-servers";
const encoder = new TextEncoder();

/** From the start of the agent to its end. */
export class DataServers {
  readonly #parts: DataServersParts;
  readonly #log: Logger;
  #decision: ServersDecision | undefined;
  #process: ServerProcess | undefined;
  #config = "";
  #isShared = false;
  #server: NatsServer = { servers: [], isEncrypted: false };
  #password = "";
  #loopbackPort = 0;
  /** Why this host can't run what it should. */
  #problem: string | undefined;
  #installed: ServerProgram | undefined;
  /** What others have answered; undefined for those that have not. */
  #answers: ReadonlyMap<NodeId, ServerStatus | undefined> = new Map();
  #looking: Promise<void> | undefined;
  #end = () => {};
  #isClosed = false;

  constructor(parts: DataServersParts) {
    this.#parts = parts;
    this.#log = parts.log;
    const stored = parts.store.get(STORE, "decision");
    this.#decision = stored && decodeServers(stored);
  }

  /** What is decided; undefined for no servers. */
  get decision(): ServersDecision | undefined {
    return this.#decision;
  }

  /** Whether this node keeps collections by the servers. */
  get isHost(): boolean {
    return this.#ownPart() !== undefined;
  }

  /** Begins to follow what is decided. */
  start(): void {
    const { mesh: { replica } } = this.#parts;
    const look = () => void this.look();
    const endLooking = repeat(
      this.#parts,
      { intervalMs: LOOK_MS, problem: "cannot look after the servers" },
      look,
    );
    const unsubscribe = replica.subscribe({
      handleEntryEvent: ({ kind }) => {
        if (kind === SERVERS_KIND) look();
      },
    });
    this.#end = () => {
      endLooking();
      unsubscribe();
    };
    look();
  }

  /** Ends the server of this host. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end();
    await this.#looking;
    await this.#process?.stop();
  }

  /** Does what is decided now, and asks the others how they are. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().catch((error) => {
      this.#log.error("cannot look after the servers of collections", { error });
    }).finally(() => this.#looking = undefined);
  }

  /** @returns the service by which members and leaders ask about this host's server */
  definition(): ServiceDefinition {
    const { isLeader, open } = this.#parts;
    return natsService({
      isLeader,
      probe: (program) => this.probe(program),
      status: () => this.#ownStatus(),
      open: async (request) => {
        await this.#looking;
        return this.isHost ? await open(request) : undefined;
      },
    });
  }

  /** @returns which program this host would run @throws InvalidRequestError that says why it can't */
  async probe(
    program: string | undefined,
  ): Promise<Pick<ServerProgram, "version"> & { readonly isAlone: boolean }> {
    const { options } = this.#parts;
    const { version } = await findServerProgram(program);
    return { version, isAlone: options.rootless };
  }

  /** Has a member that keeps collections make one. @returns undefined where this node does @throws DataError */
  async makeElsewhere(request: CollectionRequest): Promise<Opened | undefined> {
    await this.#looking;
    const { options, request: call } = this.#parts;
    if (this.#decision === undefined || this.isHost || options.data !== undefined) return undefined;
    return await makeAtHosts(this.#hostRecords(), request, call);
  }

  /** @returns how all servers are, as far as this node knows */
  async report(): Promise<DataServersReport> {
    await this.look();
    const decision = this.#decision;
    if (decision === undefined) return { replicas: 0, hasQuorum: false, servers: [] };
    const own = this.#parts.mesh.identity.id;
    const statuses = await Promise.all(decision.hosts.map(async ({ nodeId }) => {
      const record = this.#parts.ownerOf(nodeId);
      const name = record?.name ?? nodeId;
      const status = record?.nodeId === own ? await this.#ownStatus() : this.#answers.get(nodeId);
      return { name, status };
    }));
    const health = statuses.map(({ status }) => status?.health).find((one) => one !== undefined);
    const servers = statuses.map(({ name, status }): DataServerReport => {
      if (status === undefined) return { node: name, state: "away" };
      const { serverName, health: _, ...told } = status;
      return {
        node: name,
        ...told,
        ...health !== undefined && status.state === "running" && {
          isLeader: health.leader === serverName,
          isCurrent: !health.behind.includes(serverName),
        },
      };
    }).sort((a, b) => a.node < b.node ? -1 : 1);
    const running = servers.filter(({ state }) => state === "running").length;
    return {
      replicas: decision.hosts.length,
      hasQuorum: running > decision.hosts.length / 2,
      decidedBy: this.#parts.mesh.roster.recordById(decision.decidedBy)?.name ?? decision.decidedBy,
      decidedAt: decision.decidedAt,
      servers,
    };
  }

  /** What is to be told of the servers: on their members, and on leaders. */
  warnings(): readonly Warning[] {
    const decision = this.#decision;
    const { mesh } = this.#parts;
    if (decision === undefined || (!this.isHost && mesh.role !== "leader")) return [];
    const own = mesh.identity.id;
    return serverWarnings(decision.hosts.map(({ nodeId }) => {
      const record = this.#parts.ownerOf(nodeId);
      const isOwn = record?.nodeId === own;
      const isKnown = isOwn || this.#answers.has(nodeId);
      const status = isOwn ? this.#localStatus() : this.#answers.get(nodeId);
      return { name: record?.name ?? nodeId, isKnown, status };
    }));
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    this.#read();
    await this.#follow();
    await this.#poll();
  }

  /** What was decided stays while no leader is there to renew it: it is taken back by a leader alone. */
  #read(): void {
    const { mesh: { replica: { entries } }, store } = this.#parts;
    const signed = entries.signedEntry(
      entries.networkOrigin(SERVERS_KIND, SERVERS_KEY),
      SERVERS_KIND,
      SERVERS_KEY,
    );
    const entry = signed && PLAIN_READER.entry(signed.payload);
    if (entry === undefined) return;
    const decision = entry.isDeleted ? undefined : decodeServers(entry.body);
    if (!entry.isDeleted && decision === undefined) return;
    this.#decision = decision;
    const stored = store.get(STORE, "decision");
    if (decision === undefined && stored !== undefined) store.delete(STORE, "decision");
    const body = decision && encodeServers(decision);
    if (body !== undefined && (stored === undefined || !equalBytes(stored, body))) {
      store.put(STORE, "decision", body);
    }
  }

  #ownPart(): ServersDecision["hosts"][number] | undefined {
    const { mesh, ownerOf, options } = this.#parts;
    if (options.data !== undefined) return undefined;
    return this.#decision?.hosts.find(({ nodeId }) => ownerOf(nodeId)?.nodeId === mesh.identity.id);
  }

  async #follow(): Promise<void> {
    const own = this.#ownPart();
    const decision = this.#decision;
    if (own === undefined || decision === undefined) return await this.#leave();
    const secret = this.#secret(own.sealed);
    if (secret === undefined) {
      this.#problem = "the secret of the servers is not for this node's keys";
      return;
    }
    const { options, mesh } = this.#parts;
    const isAlone = decision.hosts.length === 1;
    const others = this.#hostRecords().filter(({ nodeId }) => nodeId !== mesh.identity.id)
      .map(({ addresses: [address] }) => `${address}`);
    const ownAddress = options.rootless ? undefined : mesh.record.addresses[0]?.toString();
    if (ownAddress === undefined && !isAlone) {
      this.#problem = "a node without an interface can't be reached by other servers";
      return;
    }
    try {
      const program = await this.#program(decision.program);
      this.#loopbackPort ||= ownAddress === undefined ? freeTcpPort() : 0;
      const clientPort = ownAddress === undefined ? this.#loopbackPort : CLIENT_PORT;
      const passwords = passwordsOf(secret);
      const folder = `${options.stateDir}/nats-${mesh.network.id}`;
      const text = serverConfig({
        ...{ serverName: this.#serverName(), network: mesh.network.id, address: ownAddress ?? "127.0.0.1" },
        ...{ clientPort, others, storeDir: folder, passwords, version: program.version },
      });
      await this.#run(program, text, folder, Object.values(passwords));
      await this.#share([ownAddress ?? "127.0.0.1", ...others], clientPort, passwords.client);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : "it can't be started";
    }
  }

  /** Runs what is to be run: what runs already as it should stays. */
  async #run(
    program: ServerProgram,
    config: string,
    folder: string,
    secrets: readonly string[],
  ): Promise<void> {
    const running = this.#process;
    // Another file in the program's place is run from the next start of the agent on: one host after the other.
    if (running !== undefined && this.#config === config && running.program.path === program.path) return;
    await running?.stop();
    this.#process = undefined;
    if (this.#isClosed) return;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const configPath = `${folder}/server.conf`;
    await Deno.remove(configPath).catch(() => {});
    await Deno.writeTextFile(configPath, config, { mode: 0o600, createNew: true });
    this.#config = config;
    this.#process = new ServerProcess({ program, configPath, secrets }, this.#parts);
  }

  async #share(addresses: readonly string[], port: number, password: string): Promise<void> {
    const servers = addresses.map((address, i) => `${hostText(address)}:${i === 0 ? port : CLIENT_PORT}`);
    this.#server = { servers, isEncrypted: false, replicas: addresses.length };
    this.#password = password;
    if (this.#isShared || this.#isClosed) return;
    this.#isShared = true;
    await this.#parts.share({
      server: () => this.#server,
      credentials: () => Promise.resolve({ kind: "password", user: CLIENT_USER, password: this.#password }),
    });
  }

  async #leave(): Promise<void> {
    this.#problem = undefined;
    if (this.#isShared) await this.#parts.share(undefined);
    this.#isShared = false;
    const process = this.#process;
    this.#process = undefined;
    await process?.stop();
  }

  /** The one that is to be run; looked at again when another file is there. */
  async #program(named: string | undefined): Promise<ServerProgram> {
    const known = this.#installed;
    if (known !== undefined && markOf(known.path) === known.mark && (named ?? known.path) === known.path) {
      // A program that runs is asked for its version no more than it has to be.
      return this.#process === undefined ? known : this.#process.program;
    }
    this.#installed = await findServerProgram(named);
    return this.#process?.program.path === this.#installed.path ? this.#process.program : this.#installed;
  }

  /** Kept, so that it is there also when this node's keys are others. */
  #secret(sealed: Uint8Array): Uint8Array | undefined {
    const { mesh, store } = this.#parts;
    const digest = blake2s(sealed);
    const stored = store.get(STORE, "secret");
    if (
      stored?.length === digest.length + SECRET_BYTES && equalBytes(stored.subarray(0, digest.length), digest)
    ) {
      return stored.subarray(digest.length);
    }
    const secret = openSealed(mesh.identity.privateKey, secretLabel(mesh.network.id), sealed);
    if (secret?.length !== SECRET_BYTES) return undefined;
    const kept = new Uint8Array(digest.length + SECRET_BYTES);
    kept.set(digest);
    kept.set(secret, digest.length);
    store.put(STORE, "secret", kept);
    return secret;
  }

  #serverName(): string {
    const { mesh, store } = this.#parts;
    const stored = store.get(STORE, "server");
    if (stored !== undefined) return new TextDecoder().decode(stored);
    // Others know its copies by it, whatever the member is called and whichever keys it has later.
    const name = `weft-${mesh.identity.id.slice(0, 16)}`;
    store.put(STORE, "server", encoder.encode(name));
    return name;
  }

  #localStatus(): ServerStatus {
    const process = this.#process;
    const serverName = this.#serverName();
    if (process === undefined) {
      return { serverName, state: "failed", ...this.#problem !== undefined && { problem: this.#problem } };
    }
    const { program, state, restarts, reason } = process;
    const installed = this.#installed?.version;
    const problem = this.#problem ?? reason;
    return {
      ...{ serverName, state, version: program.version, sinceMs: process.sinceMs, restarts },
      ...installed !== undefined && installed !== program.version && { installed },
      ...problem !== undefined && state !== "running" && { problem },
    };
  }

  async #ownStatus(): Promise<ServerStatus> {
    const health = await this.#parts.health();
    return { ...this.#localStatus(), ...health !== undefined && { health } };
  }

  async #poll(): Promise<void> {
    const { mesh, ownerOf, request } = this.#parts;
    const decision = this.#decision;
    if (decision === undefined) {
      this.#answers = new Map();
      return;
    }
    const asked = await Promise.all(decision.hosts.map(async ({ nodeId }) => {
      const node = ownerOf(nodeId)?.nodeId;
      if (node === undefined || node === mesh.identity.id) return [nodeId, undefined] as const;
      const options = { node, timeoutMs: STATUS_MS, retries: 0 };
      const answer = await request(`${NATS_SERVICE}/status`, {}, options).catch(() => undefined);
      return [nodeId, readStatus(answer)] as const;
    }));
    this.#answers = new Map(asked);
  }

  #hostRecords(): readonly MemberRecord[] {
    return this.#decision?.hosts.map(({ nodeId }) => this.#parts.ownerOf(nodeId))
      .filter((record) => record !== undefined) ?? [];
  }
}

/** @returns under what the secret is sealed: a box of one network is nothing in another one */
export function secretLabel(networkId: string): string {
  return `${networkId} data-servers`;
}
