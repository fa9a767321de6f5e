/**
 * The client of NATS, and a connection by it. Nothing here is loaded before servers are used.
 * @module
 */

import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import type { NatsCredentials, NatsServer } from "./nats_server.ts";

const CONNECT_MS = 5_000;
/** A server that says nothing for twice as long is gone. */
const PING_MS = 5_000;

/** Connects once: who wants more does it again. */
export async function connectNats(
  server: NatsServer,
  credentials?: NatsCredentials,
  caFile?: string,
): Promise<NatsConnection> {
  const options: NodeConnectionOptions = {
    servers: [...server.servers],
    name: "weft",
    reconnect: false,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 1,
    // A trace of whoever has asked would be taken for each message.
    noAsyncTraces: true,
    ...server.isEncrypted && { tls: caFile === undefined ? {} : { caFile } },
    ...credentialOptions(credentials),
  };
  return await connect(options);
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

export { DeliverPolicy, jetstream, jetstreamManager };

function credentialOptions(credentials: NatsCredentials | undefined): Partial<NodeConnectionOptions> {
  switch (credentials?.kind) {
    case undefined:
      return {};
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "token":
      return { token: credentials.token };
    case "file":
      return { authenticator: credsAuthenticator(credentials.bytes) };
  }
}
