/**
 * The client of NATS, and a connection by it. Nothing here is loaded before servers are used.
 * @module
 */

import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import {
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { connectGuarded } from "./guarded_transport.ts";
import { isUnreachable } from "./nats_failure.ts";
import type { NatsCredentials, NatsServer } from "./nats_server.ts";

const CONNECT_MS = 5_000;
/** A server that says nothing for twice as long is gone. */
const PING_MS = 5_000;

/**
 * Connects once, to the first of the servers that lets in: who wants more does it again.
 * @param caFile with certificates; where it is given, servers have to prove who they are
 * @throws what the client throws, of the server that has said most
 */
export async function connectNats(
  { servers, isEncrypted }: NatsServer,
  credentials?: NatsCredentials,
  caFile?: string,
): Promise<NatsConnection> {
  let failure: unknown;
  for (const address of servers) {
    try {
      return await connectOne(address, isEncrypted || caFile !== undefined, credentials, caFile);
    } catch (error) {
      if (failure === undefined || isUnreachable(failure)) failure = error;
    }
  }
  throw failure;
}

async function connectOne(
  address: string,
  isEncrypted: boolean,
  credentials: NatsCredentials | undefined,
  caFile: string | undefined,
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
    ...isEncrypted && { tls: { ...caFile !== undefined && { caFile } } },
    ...credentialOptions(credentials),
  };
  return await connectGuarded(options);
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
    case "nkey":
      return { authenticator: nkeyAuthenticator(credentials.seed) };
    case "file":
      return { authenticator: credsAuthenticator(credentials.bytes) };
  }
}
