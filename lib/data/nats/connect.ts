/**
 * The client of NATS, and a connection by it. Nothing here is loaded before servers are used.
 * @module
 */

import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import {
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { DataError } from "../errors.ts";
import { checkClientCertificate, hasExpired } from "./client_certificate.ts";
import { connectGuarded } from "./guarded_transport.ts";
import { isUnreachable } from "./nats_failure.ts";
import type { ClientCertificate, NatsCredentials, NatsServer } from "./nats_server.ts";
import type { StreamConsumer } from "./stream_reader.ts";

const CONNECT_MS = 5_000;
/** A server that says nothing for twice as long is gone. */
const PING_MS = 3_000;
/** A consumer that says nothing for three times as long is gone. */
const HEARTBEAT_MS = 1_000;
/** A server forgets consumers that nobody reads after so long. */
const INACTIVE_NS: number = 30 * 1e9;
/** So much is read ahead. */
const READ_AHEAD_BYTES: number = 8 << 20;
/** What the client says of a consumer that gives no more: it would wait for it, for half a minute and more. */
const SILENT: ReadonlySet<string> = new Set([
  "heartbeats_missed",
  "consumer_not_found",
  "consumer_deleted",
  "stream_not_found",
  "no_responders",
]);

/** By what servers are reached. */
export interface NatsAccess {
  readonly credentials?: NatsCredentials | undefined;
  /** With certificates of authorities; where it is given, servers have to prove who they are. */
  readonly caFile?: string | undefined;
  /** Where it is given, servers have to prove who they are, too. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** The time since 1970, by which it is said that the certificate has expired. */
  readonly wallMs?: number;
  /** Told of each server before it is tried. */
  readonly onTry?: (address: string) => void;
}

/**
 * Connects once, to the first of the servers that lets in: who wants more does it again.
 * @throws DataError when a client's certificate can't be used; what the client throws, of the server that has said most
 */
export async function connectNats(
  { servers, isEncrypted }: NatsServer,
  access: NatsAccess = {},
): Promise<NatsConnection> {
  const { caFile, clientCertificate, onTry = () => {} } = access;
  if (clientCertificate !== undefined) checkClientCertificate(clientCertificate);
  const isTls = isEncrypted || caFile !== undefined || clientCertificate !== undefined;
  let failure: unknown;
  for (const address of servers) {
    onTry(address);
    try {
      return await connectOne(address, isTls, access);
    } catch (error) {
      if (failure === undefined || isUnreachable(failure)) failure = error;
    }
  }
  throw failure;
}

async function connectOne(
  address: string,
  isTls: boolean,
  { credentials, caFile, clientCertificate, wallMs = 0 }: NatsAccess,
): Promise<NatsConnection> {
  const options: NodeConnectionOptions = {
    servers: address,
    name: "weft",
    reconnect: false,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 1,
    // A trace of whoever has asked would be taken for each message.
    noAsyncTraces: true,
    ...isTls && {
      tls: {
        ...caFile !== undefined && { caFile },
        ...clientCertificate !== undefined &&
          { cert: clientCertificate.certificate, key: clientCertificate.key },
      },
    },
    ...credentialOptions(credentials),
  };
  try {
    return await connectGuarded(options);
  } catch (error) {
    // Not every server says so, and it may be lost.
    const isRefused = error instanceof DataError && clientCertificate !== undefined;
    if (!isRefused || !hasExpired(clientCertificate.certificate, wallMs)) throw error;
    throw new DataError("Failed", "they refuse the certificate of --data-cert, which has expired", {
      cause: error,
    });
  }
}

/** @returns the bucket of that name, made when it is not there */
export async function openBucket(
  connection: NatsConnection,
  name: string,
  replicas: number,
): Promise<ObjectStore> {
  return await new Objm(connection).create(name, {
    description: "Collections of a weft mesh: their snapshots",
    replicas,
  });
}

/** What consumers are made by. */
export interface ConsumerParts {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly connection: NatsConnection;
  /** The stream's name. */
  readonly stream: string;
}

/** @returns a consumer, on one of the stream's servers, of what comes after a message */
export async function makeConsumer(
  { jetstream, manager, connection, stream }: ConsumerParts,
  after: number,
): Promise<StreamConsumer<JsMsg>> {
  const info = await manager.consumers.add(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ack_policy: AckPolicy.None,
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_NS,
  });
  const messages = await jetstream.consumers.getConsumerFromInfo(info).consume({
    max_bytes: READ_AHEAD_BYTES,
    idle_heartbeat: HEARTBEAT_MS,
    // Whether it is there is seen by what it says: to ask first takes as long as it is away.
    bind: true,
  });
  const close = () => {
    void messages.close();
    if (!connection.isClosed()) manager.consumers.delete(stream, info.name).catch(() => {});
  };
  void (async () => {
    for await (const { type } of messages.status()) if (SILENT.has(type)) return void messages.close();
  })();
  // A connection that is gone ends no iterator by itself.
  void connection.closed().then(() => messages.close());
  return { messages, close };
}

export { jetstream, jetstreamManager };

function credentialOptions(credentials: NatsCredentials | undefined): Partial<NodeConnectionOptions> {
  switch (credentials?.kind) {
    case undefined:
      return {};
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "token":
      return { token: credentials.token };
    case "nkey":
      return { authenticator: nkeyAuthenticator(credentials.seed) };
    case "file":
      return { authenticator: credsAuthenticator(credentials.bytes) };
  }
}
