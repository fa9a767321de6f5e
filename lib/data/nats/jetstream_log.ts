/**
 * A commit log in JetStream.
 * @module
 */

import type { JetStreamClient, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock, Logger, Timers } from "../../base/mod.ts";
import { DataError } from "../errors.ts";
import type { CommitLog, LogReader, LogSnapshot } from "../replicated/mod.ts";
import type { ClientCertificate, NatsCredentials, NatsServer } from "./nats_server.ts";
import { isRefusal, jetStreamCode, reasonOf, refusal } from "./nats_failure.ts";
import { ResendWindow } from "./resend_window.ts";
import { SnapshotBucket } from "./snapshot_bucket.ts";
import { ServerOrder } from "./server_order.ts";
import { readStream } from "./stream_reader.ts";

/** What a log in JetStream stands on. */
export interface JetStreamParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Read before each connection, so that it may change. */
  readonly server: () => NatsServer;
  /** What lets in there, read before each connection, so that it may change; none unless given. */
  readonly credentials?: () => Promise<NatsCredentials>;
  /** A file with certificates of authorities, for servers that prove who they are by none that this host knows. */
  readonly caFile?: string;
  /** By which this client proves who it is, read before each connection, so that it may change; none unless given. */
  readonly clientCertificate?: () => Promise<ClientCertificate>;
  /** Names the stream: letters, digits, `_` and `-`. */
  readonly name: string;
}

/** Whether the servers are reached. */
export interface LogReach {
  /** Whether a connection stands, and the log is read. */
  readonly isReached: boolean;
  /** Why they were not the last time that it was tried; undefined while they are. */
  readonly problem?: string;
}

/** How the servers of a stream are, by their own names. */
export interface LogHealth {
  /** Empty where one server is alone. */
  readonly leader: string;
  /** Those that keep a copy, also one that is away; undefined where a former release tells of it. */
  readonly copies?: readonly string[];
  /** Those that have not all that was written. */
  readonly behind: readonly string[];
}

type NatsClient = typeof import("./connect.ts");

/** What is there while the servers are reached. */
interface Session {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly replicas: number;
  /** Whether one server is alone, and says by a direct get what comes after a message. */
  isDirect: boolean;
  readonly snapshots: SnapshotBucket;
}

/** The server keeps the ids of messages for so long, so that none is appended twice. */
const DUPLICATES_MS = 120_000;
/** A message is sent again for so long: well within that. */
const RESEND_MS = 60_000;
/** How long one answer is waited for, in milliseconds. */
const REQUEST_MS = 5_000;
/** A direct get that is not allowed is not answered, in milliseconds. */
const DIRECT_MS = 1_000;
/** Of a direct get: there is no such message (nats-server's ADR-31). */
const NOT_FOUND = 404;
/** A message that was not answered after so long is sent again: a leader that is cut off hears it, and answers nothing. */
const PUBLISH_MS = 1_500;
const RECONNECT_MS = 500;
const RESEND_PAUSE_MS = 250;
/** The servers' own default of the longest message, until they have said theirs. */
const DEFAULT_MESSAGE_BYTES: number = 1 << 20;
/** Of a message, for its subject and headers. */
const HEADER_BYTES = 512;
/** JSStreamReplicasNotSupportedErr of nats-server's errors.json: the server is no part of a cluster. */
const REPLICAS_NOT_SUPPORTED = 10074;

/** Appends to a stream and reads it, whenever its servers can be reached. */
export class JetStreamLog implements CommitLog {
  readonly #parts: JetStreamParts;
  #session: Session | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;
  #wake = () => {};
  #maxMessageBytes = DEFAULT_MESSAGE_BYTES - HEADER_BYTES;
  #lastReason = "";

  constructor(parts: JetStreamParts) {
    this.#parts = parts;
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  start(reader: LogReader): void {
    this.#running ??= this.#run(reader);
  }

  async append(id: string, bytes: Uint8Array): Promise<number> {
    const window = new ResendWindow(this.#parts.clock, RESEND_MS);
    /** A former message of that name was not answered. */
    let mayBeThere = false;
    for (let sent = 0;; sent++) {
      const session = this.#session;
      try {
        if (session !== undefined) {
          const { seq } = await session.jetstream.publish(this.#subject, bytes, {
            msgID: id,
            timeout: PUBLISH_MS,
          });
          return seq;
        }
        if (sent === 0) {
          throw new DataError("OwnerAway", "The servers that keep the collections can't be reached");
        }
      } catch (error) {
        if (error instanceof DataError) throw error;
        if (isRefusal(error) && !mayBeThere) throw refusal(error);
        if (isRefusal(error)) throw unanswered(error);
        mayBeThere = true;
      }
      if (this.#isClosed || window.isOver) throw unanswered();
      await this.#sleep(RESEND_PAUSE_MS);
    }
  }

  async last(known: number): Promise<number> {
    const session = this.#session;
    if (session === undefined) {
      throw new DataError("OwnerAway", "The servers that keep the collections can't be reached");
    }
    const { jetstream, manager, replicas } = session;
    try {
      if (session.isDirect && await this.#endsAt(session, known)) return known;
      if (replicas === 1) return (await manager.streams.info(this.#parts.name)).state.last_seq;
      // A leader that was replaced and has not heard of it would answer of the past; what it appends needs the others.
      const until = this.#parts.clock.now() + REQUEST_MS;
      for (;;) {
        try {
          return (await jetstream.publish(this.#subject, undefined, { timeout: PUBLISH_MS })).seq;
        } catch (error) {
          const isLate = this.#parts.clock.now() + RESEND_PAUSE_MS >= until;
          if (isLate || isRefusal(error) || this.#session !== session) throw error;
        }
        await this.#sleep(RESEND_PAUSE_MS);
      }
    } catch (error) {
      throw new DataError("OwnerAway", "The servers that keep the collections do not answer", {
        cause: error,
      });
    }
  }

  /** Asks for what comes after a message, for which a server does not describe the whole stream. */
  async #endsAt(session: Session, known: number): Promise<boolean> {
    const { name } = this.#parts;
    const asked = JSON.stringify({ seq: known + 1, next_by_subj: this.#subject });
    try {
      const answer = await session.connection.request(`$JS.API.DIRECT.GET.${name}`, asked, {
        timeout: DIRECT_MS,
      });
      return answer.headers?.code === NOT_FOUND;
    } catch {
      // Whoever lets this node in may not allow it.
      session.isDirect = false;
      return false;
    }
  }

  /** @returns how the stream's servers are; undefined while they are not reached, or have no leader */
  async health(): Promise<LogHealth | undefined> {
    try {
      const { cluster } = await this.#session?.manager.streams.info(this.#parts.name) ?? {};
      if (cluster === undefined) return undefined;
      const { leader = "", replicas = [] } = cluster;
      const behind = replicas.filter(({ current, offline }) => !current || offline === true);
      const copies = [leader, ...replicas.map(({ name }) => name)].filter((name) => name !== "");
      return { leader, copies, behind: behind.map(({ name }) => name) };
    } catch {
      return undefined;
    }
  }

  /** Whether the servers are reached, and why not. */
  get reach(): LogReach {
    if (this.#session !== undefined) return { isReached: true };
    return { isReached: false, ...this.#lastReason !== "" && { problem: this.#lastReason } };
  }

  async snapshot(): Promise<LogSnapshot | undefined> {
    return await this.#session?.snapshots.newest();
  }

  async storeSnapshot(snapshot: LogSnapshot, keepFrom: number): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    if (!await session.snapshots.store(snapshot)) return;
    await session.manager.streams.purge(this.#parts.name, { seq: keepFrom });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    const { connection } = this.#session ?? {};
    await connection?.close().catch(() => {});
    await this.#running;
  }

  get #subject(): string {
    return `weft.${this.#parts.name}.log`;
  }

  /** Reaches the servers, reads until they are gone, and so on. */
  async #run(reader: LogReader): Promise<void> {
    const client = await import("./connect.ts");
    const order = new ServerOrder(this.#parts.clock);
    while (!this.#isClosed) {
      let connection: NatsConnection | undefined;
      try {
        const { server, credentials, caFile, clientCertificate } = this.#parts;
        const { servers, ...rest } = server();
        const given = { ...rest, servers: order.of(servers) };
        connection = await client.connectNats(given, {
          credentials: await credentials?.(),
          caFile,
          clientCertificate: await clientCertificate?.(),
          wallMs: this.#parts.clock.wall(),
          onTry: (address) => order.use(address),
        });
        // A close in the meantime has found nothing to close.
        if (!this.#isClosed) await this.#read(client, connection, reader);
        // The client says there why a connection has ended, and to who reads only that it has.
        const ended = connection.isClosed() ? await connection.closed() : undefined;
        if (ended instanceof Error) this.#report(reasonOf(ended));
      } catch (error) {
        const ended = connection?.isClosed() === true ? await connection.closed() : undefined;
        this.#report(reasonOf(ended instanceof Error ? ended : error));
      }
      if (this.#session !== undefined) {
        this.#session = undefined;
        if (!this.#isClosed) reader.handleAway();
      }
      await connection?.close().catch(() => {});
      order.handleFailed();
      if (!this.#isClosed) await this.#sleep(RECONNECT_MS);
    }
  }

  async #read(client: NatsClient, connection: NatsConnection, reader: LogReader): Promise<void> {
    const jetstream = client.jetstream(connection, { timeout: REQUEST_MS });
    const manager = await client.jetstreamManager(connection, { timeout: REQUEST_MS });
    const info = await this.#stream(manager);
    const { num_replicas: replicas, allow_direct } = info.config;
    const isDirect = allow_direct && isAlone(info);
    const snapshots = new SnapshotBucket(
      () => client.openBucket(connection, this.#parts.name, replicas),
      connection.closed(),
    );
    this.#maxMessageBytes = (connection.info?.max_payload ?? DEFAULT_MESSAGE_BYTES) - HEADER_BYTES;
    this.#session = { connection, jetstream, manager, replicas, isDirect, snapshots };
    const { first_seq: first, last_seq: last } = info.state;
    const after = await reader.handleOpened({ identity: `${info.created}`, first, last });
    if (after === undefined) return;
    const parts = { jetstream, manager, connection, stream: this.#parts.name };
    await readStream(
      {
        ...{ clock: this.#parts.clock, timers: this.#parts.timers },
        make: async (after) => {
          const consumer = await client.makeConsumer(parts, after);
          this.#noteReached();
          return consumer;
        },
        isOver: () => connection.isClosed(),
      },
      after,
      async ({ seq, timestampNanos, data }) => {
        const at = Number(timestampNanos / 1_000_000n);
        return await reader.handleMessages([{ sequence: seq, at, bytes: data }]);
      },
    );
  }

  #noteReached(): void {
    if (this.#lastReason !== "") this.#parts.log.info("the servers of the collections are reached");
    this.#lastReason = "";
  }

  /** @returns the stream, made when it is not there */
  async #stream(manager: JetStreamManager): Promise<StreamInfo> {
    const { name } = this.#parts;
    const server = this.#parts.server();
    try {
      const info = await manager.streams.info(name);
      // Former releases have made streams without direct gets.
      if (info.config.allow_direct || !isAlone(info)) return info;
      return await manager.streams.update(name, { allow_direct: true }).catch(() => info);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "StreamNotFoundError") throw error;
    }
    const add = (replicas: number) =>
      manager.streams.add({
        name,
        description: "Collections of a weft mesh: their commits",
        subjects: [this.#subject],
        storage: "file",
        discard: "new",
        duplicate_window: DUPLICATES_MS * 1e6,
        deny_delete: true,
        allow_direct: true,
        num_replicas: replicas,
      });
    if (server.replicas !== undefined) return await add(server.replicas);
    try {
      return await add(3);
    } catch (error) {
      if (jetStreamCode(error) === REPLICAS_NOT_SUPPORTED) return await add(1);
      throw error;
    }
  }

  /** Logs why the servers can't be used, once for each reason. */
  #report(reason: string): void {
    if (this.#isClosed || reason === this.#lastReason) return;
    this.#lastReason = reason;
    this.#parts.log.warn("the servers of the collections can't be used", { reason });
  }

  async #sleep(delayMs: number): Promise<void> {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.timers.setTimer(delayMs, resolve);
    const wakeOthers = this.#wake;
    this.#wake = () => {
      wakeOthers();
      resolve();
    };
    await promise;
    cancel();
    if (!this.#isClosed) this.#wake = wakeOthers;
  }
}

/** Whether one server has the stream. In a cluster one that has not all of it may answer direct gets while it moves there. */
function isAlone({ config, cluster }: StreamInfo): boolean {
  return config.num_replicas === 1 && cluster?.name === undefined;
}

function unanswered(cause?: unknown): DataError {
  return new DataError("OutcomeUnknown", "The servers that keep the collections have not answered", {
    ...cause !== undefined && { cause },
  });
}
