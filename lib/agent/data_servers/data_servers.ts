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
import type { DataServerReport, DataServersReport } from "../../api/mod.ts";
import type { LogHealth, Opened } from "../../data/mod.ts";
import { type MemberRecord, type NodeId, PLAIN_READER } from "../../mesh/mod.ts";
import type { CallOptions, ServiceDefinition } from "../../service/mod.ts";
import type { RunningNode } from "../peers/mod.ts";
import type { Warning } from "../warnings/mod.ts";
import { HostServer, type HostServerParts, STORE } from "./host_server.ts";
import {
  decodeServers,
  encodeServers,
  SERVERS_KEY,
  SERVERS_KIND,
  type ServersDecision,
} from "./server_entry.ts";
import { findServerProgram, type ServerProgram } from "./server_program.ts";
import {
  type KeptKind,
  type KeptRequest,
  makeAtHosts,
  NATS_SERVICE,
  natsService,
  readStatus,
  type ServerStatus,
} from "./server_calls.ts";
import { serverWarnings } from "./server_warnings.ts";

/** What the node lends it. */
export interface DataServersParts extends HostServerParts {
  readonly node: RunningNode;
  /** Who a node is now that was decided on. */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  readonly isLeader: (caller: string) => boolean;
  /** Makes a collection or queue of the servers, on this node, or opens it. */
  readonly open: (kind: KeptKind, request: KeptRequest) => Promise<Opened>;
  readonly health: () => Promise<LogHealth | undefined>;
}

const LOOK_MS = 5_000;
const STATUS_MS = 3_000;

/** From the start of the agent to its end. */
export class DataServers {
  readonly #parts: DataServersParts;
  readonly #log: Logger;
  /** The one of this host. */
  readonly #own: HostServer;
  #decision: ServersDecision | undefined;
  /** What others have answered; undefined for those that have not. */
  #answers: ReadonlyMap<NodeId, ServerStatus | undefined> = new Map();
  #looking: Promise<void> | undefined;
  #end = () => {};
  #isClosed = false;

  constructor(parts: DataServersParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#own = new HostServer(parts);
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
    await this.#own.close();
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
      open: async (kind, request) => {
        await this.#looking;
        return this.isHost ? await open(kind, request) : undefined;
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

  /** Has a member that keeps collections and queues make one. @returns undefined where this node does @throws DataError */
  async makeElsewhere(kind: KeptKind, request: KeptRequest): Promise<Opened | undefined> {
    await this.#looking;
    const { options, request: call } = this.#parts;
    if (this.#decision === undefined || this.isHost || options.data !== undefined) return undefined;
    return await makeAtHosts(this.#hostRecords(), kind, request, call);
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
      const status = isOwn ? this.#own.status() : this.#answers.get(nodeId);
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
    const part = this.#ownPart();
    const decision = this.#decision;
    if (part === undefined || decision === undefined) return await this.#own.leave();
    const id = this.#parts.mesh.identity.id;
    const others = this.#hostRecords().filter(({ nodeId }) => nodeId !== id)
      .map(({ addresses: [address] }) => `${address}`);
    await this.#own.follow({ ...decision, sealed: part.sealed, others });
  }

  async #ownStatus(): Promise<ServerStatus> {
    const health = await this.#parts.health();
    return { ...this.#own.status(), ...health !== undefined && { health } };
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
