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
import type { DataServerReport, DataServersReport, GivenServersReport } from "../../api/mod.ts";
import { type LogHealth, type LogReach, type Opened, parseNatsServer } from "../../data/mod.ts";
import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import type { CallOptions, ServiceDefinition } from "../../service/mod.ts";
import type { RunningNode } from "../peers/mod.ts";
import type { Warning } from "../warnings/mod.ts";
import { FormerServers, namedHost } from "./former_servers.ts";
import { HostServer, type HostServerParts, STORE } from "./host_server.ts";
import {
  decodeServers,
  encodeServers,
  readServers,
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
  readKept,
  readStatus,
  type ServerStatus,
} from "./server_calls.ts";
import { givenWarning, type SeenServer, serverWarnings } from "./server_warnings.ts";

/** What the node lends it. */
export interface DataServersParts extends HostServerParts {
  readonly node: RunningNode;
  /** Who a node is now that was decided on. */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  readonly isLeader: (caller: string) => boolean;
  /** Makes a collection or queue of the servers, on this node, or opens it. */
  readonly open: (kind: KeptKind, request: KeptRequest) => Promise<Opened>;
  /** The names of all that the servers keep, as this node knows it; undefined while it keeps nothing by them. */
  readonly kept: () => Promise<readonly string[] | undefined>;
  readonly health: () => Promise<LogHealth | undefined>;
  /** Undefined while the servers are not used. */
  readonly reach: () => LogReach | undefined;
}

const LOOK_MS = 5_000;
const STATUS_MS = 3_000;
/** How often it is asked whether the servers still wait for one that was replaced, in milliseconds. */
const FORGET_MS = 30_000;

/** What a member says who is asked whether it can run a server. */
export interface ProbeAnswer extends Pick<ServerProgram, "version"> {
  /** Whether no other server reaches it. */
  readonly isAlone: boolean;
  /** Of the decision that it knows, and does what it says. */
  readonly decidedAt?: number;
}

/** A member that is to run one. */
export interface SeenHost extends SeenServer {
  /** As it was decided. */
  readonly nodeId: NodeId;
  /** Whether it is this node. */
  readonly isOwn: boolean;
}

/** From the start of the agent to its end. */
export class DataServers {
  readonly #parts: DataServersParts;
  readonly #log: Logger;
  /** Those that were stopped. */
  readonly former: FormerServers;
  /** The one of this host. */
  readonly #own: HostServer;
  #decision: ServersDecision | undefined;
  /** What others have answered; undefined for those that have not. */
  #answers: ReadonlyMap<NodeId, ServerStatus | undefined> = new Map();
  #looking: Promise<void> | undefined;
  /** What this host does by now. */
  #followed: ServersDecision | undefined;
  /** When that is to be asked the next time. */
  #forgetAt = 0;
  #forgetting: Promise<void> | undefined;
  #end = () => {};
  #isClosed = false;

  constructor(parts: DataServersParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.former = new FormerServers(parts);
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
    await this.#forgetting;
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
      kept: () => this.#parts.kept(),
      open: async (kind, request) => {
        await this.#looking;
        return this.isHost ? await open(kind, request) : undefined;
      },
    });
  }

  /** @returns which program this host would run @throws InvalidRequestError that says why it can't */
  async probe(
    program: string | undefined,
  ): Promise<ProbeAnswer> {
    const { options } = this.#parts;
    const { version } = await findServerProgram(program);
    const decidedAt = this.#followed?.decidedAt;
    return { version, isAlone: options.rootless, ...decidedAt !== undefined && { decidedAt } };
  }

  /** @returns the names of all that the servers keep, as their hosts say; undefined where none of them can */
  async kept(): Promise<readonly string[] | undefined> {
    const { mesh, kept, request } = this.#parts;
    const told = await Promise.all(
      this.#hostRecords().map(async ({ nodeId }) => {
        if (nodeId === mesh.identity.id) return await kept().catch(() => undefined);
        const options = { node: nodeId, timeoutMs: STATUS_MS, retries: 0 };
        return readKept(await request(`${NATS_SERVICE}/kept`, {}, options).catch(() => undefined));
      }),
    );
    const known = told.filter((names) => names !== undefined);
    return known.length === 0 ? undefined : [...new Set(known.flat())].sort();
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
    // What was decided while others were asked counts.
    this.#read();
    const decision = this.#decision;
    const given = await this.#given();
    if (decision === undefined) {
      const former = this.former.hosts().map(({ name }) => name).sort();
      return {
        ...{ replicas: 0, hasQuorum: false, servers: [] },
        ...former.length > 0 && { former },
        ...given !== undefined && { given },
      };
    }
    const ownHealth = await this.#parts.health();
    const statuses = this.seen().map(({ name, isOwn, status }) => ({
      name,
      status: isOwn && status !== undefined && ownHealth !== undefined
        ? { ...status, health: ownHealth }
        : status,
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
          isCurrent: health.copies?.includes(serverName) !== false && !health.behind.includes(serverName),
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
      ...given !== undefined && { given },
    };
  }

  /** @returns the members that are to run one, as this one has heard of them the last time, in the decision's order */
  seen(): readonly SeenHost[] {
    const { mesh } = this.#parts;
    return this.#decision?.hosts.map(({ nodeId }) => {
      const { record, name } = namedHost(this.#parts, nodeId);
      const isOwn = record?.nodeId === mesh.identity.id;
      return {
        nodeId,
        name,
        isOwn,
        isKnown: isOwn || this.#answers.has(nodeId),
        status: isOwn ? this.#own.status() : this.#answers.get(nodeId),
      };
    }) ?? [];
  }

  /** What is to be told of the servers: on their members, and on leaders. */
  warnings(): readonly Warning[] {
    const decision = this.#decision;
    const { mesh, options, reach } = this.#parts;
    const { problem } = reach() ?? {};
    if (options.data !== undefined && problem !== undefined) return [givenWarning(problem)];
    if (decision === undefined || (!this.isHost && mesh.role !== "leader")) return [];
    return serverWarnings(this.seen());
  }

  async #given(): Promise<GivenServersReport | undefined> {
    const { options: { data, dataAuthority, dataCertificate }, reach, health } = this.#parts;
    if (data === undefined) return undefined;
    const { servers, isEncrypted } = parseNatsServer(data);
    const { isReached = false, problem } = reach() ?? {};
    const leader = (await health())?.leader ?? "";
    return {
      ...{ servers, isEncrypted: isEncrypted || (dataAuthority ?? dataCertificate) !== undefined, isReached },
      ...leader !== "" && { leader },
      ...problem !== undefined && { problem },
    };
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    this.#read();
    await this.#follow();
    this.#followed = this.#decision;
    await this.#poll();
    // What waits for a server is not waited for by who asks how they are.
    this.#forgetting ??= this.#forget().finally(() => this.#forgetting = undefined);
  }

  /** What was decided stays while no leader is there to renew it: it is taken back by a leader alone. */
  #read(): void {
    const { mesh, store } = this.#parts;
    const read = readServers(mesh.replica.entries, SERVERS_KEY);
    if (read === undefined) return;
    const decision = read === "none" ? undefined : read;
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
    if (part === undefined || decision === undefined) {
      return await (this.#isReplaced() ? this.#own.retire() : this.#own.leave());
    }
    if (decision.decidedAt !== this.#followed?.decidedAt) this.#forgetAt = 0;
    const id = this.#parts.mesh.identity.id;
    const others = this.#hostRecords().filter(({ nodeId }) => nodeId !== id)
      .map(({ addresses: [address] }) => `${address}`);
    await this.#own.follow({ ...decision, sealed: part.sealed, others });
  }

  /** Whether others run servers, and this node surely is none of them, under whichever keys. */
  #isReplaced(): boolean {
    const { mesh, ownerOf, options } = this.#parts;
    const owners = this.#decision?.hosts.map(({ nodeId }) => ownerOf(nodeId)?.nodeId);
    return owners !== undefined && options.data === undefined && !owners.includes(undefined) &&
      !owners.includes(mesh.identity.id);
  }

  /** Only with all names at hand: whose is not known could be taken for one that was replaced. */
  async #forget(): Promise<void> {
    const { mesh, ownerOf, clock } = this.#parts;
    const hosts = this.#decision?.hosts ?? [];
    const now = clock.now();
    if (!this.isHost || hosts.length < 2 || now < this.#forgetAt) return;
    const names = new Set(
      hosts.map(({ nodeId }) =>
        ownerOf(nodeId)?.nodeId === mesh.identity.id
          ? this.#own.status().serverName
          : this.#answers.get(nodeId)?.serverName
      ).filter((name) => name !== undefined),
    );
    if (names.size !== hosts.length) return;
    if (await this.#own.forgetOthers(names)) this.#forgetAt = now + FORGET_MS;
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
