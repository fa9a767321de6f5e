/**
 * The operations of collections, queues and the servers that members run for them: how they are asked, and what they
 * answer.
 * @module
 */

import * as z from "zod";
import type * as data from "./data/mod.ts";
import { flag, type LazyObject, named, object } from "./json_schema.ts";
import type { Operation } from "./operation.ts";

const figure = () => z.int().min(0);

const serversRequest: LazyObject<data.DataServersRequest> = named("DataServersRequest", () => ({
  replicas: z.int().min(1).max(5).exactOptional(),
  members: z.array(z.string().min(1).max(128)).max(5).exactOptional(),
  program: z.string().min(1).max(512).exactOptional(),
  force: z.boolean().exactOptional(),
}));
const serverReplacement: LazyObject<data.DataServerReplacement> = object(() => ({
  lost: z.string().min(1).max(128),
  by: z.string().min(1).max(128).exactOptional(),
}));
const serversStop: LazyObject<data.DataServersStop> = object(() => ({
  force: flag()
    .describe("1 to stop them also while they keep collections").exactOptional(),
}));
const server: LazyObject<data.DataServerReport> = named("DataServer", () => ({
  node: z.string(),
  state: z.enum(["starting", "running", "failed", "away"]),
  version: z.string().exactOptional(),
  installed: z.string().exactOptional(),
  sinceMs: figure().exactOptional(),
  restarts: figure().exactOptional(),
  isLeader: z.boolean().exactOptional(),
  isCurrent: z.boolean().exactOptional(),
  problem: z.string().exactOptional(),
}), "One member's server of collections.");
const givenServers: LazyObject<data.GivenServersReport> = named("GivenDataServers", () => ({
  servers: z.array(z.string()),
  isEncrypted: z.boolean(),
  isReached: z.boolean(),
  leader: z.string().exactOptional(),
  problem: z.string().exactOptional(),
}), "Servers of collections that a node was told of by --data.");
const serversReport: LazyObject<data.DataServersReport> = named("DataServers", () => ({
  replicas: figure(),
  hasQuorum: z.boolean(),
  decidedBy: z.string().exactOptional(),
  decidedAt: figure().exactOptional(),
  servers: z.array(server()),
  former: z.array(z.string()).exactOptional(),
  given: givenServers().exactOptional(),
}), "The servers of collections that members run.");

/** The operations about servers of collections. */
export const DATA_SERVER_OPERATIONS: {
  readonly [Name in keyof data.DataServersControl]: Operation<Name>;
} = {
  dataServers: {
    route: "GET /data/servers",
    summary: "The servers of collections that members run, and how they are",
    answer: serversReport,
  },
  startDataServers: {
    route: "POST /data/servers",
    summary: "Has members run servers that keep new collections",
    request: serversRequest,
    answer: serversReport,
  },
  replaceDataServer: {
    route: "POST /data/servers/replace",
    summary: "Has another member run a server in the place of one that is lost for good",
    request: serverReplacement,
    answer: serversReport,
  },
  stopDataServers: {
    route: "DELETE /data/servers",
    summary: "Has those servers stopped; what they keep stays with their members",
    request: serversStop,
    answer: serversReport,
  },
};

const kept = () => ({
  name: z.string(),
  owners: z.array(z.string()),
  state: z.enum(["kept", "away", "refused", "asked"]),
  at: figure().exactOptional(),
});
const collection: LazyObject<data.CollectionReport> = named("Collection", () => ({
  ...kept(),
  entries: figure().exactOptional(),
  revision: figure().exactOptional(),
  key: z.string().exactOptional(),
  index: z.array(z.string()).exactOptional(),
  read: z.string().exactOptional(),
  write: z.string().exactOptional(),
  seal: z.string().exactOptional(),
  shards: figure().exactOptional(),
  schemaVersion: figure().exactOptional(),
}), "A collection as its keepers have said last.");
const queue: LazyObject<data.QueueReport> = named("Queue", () => ({
  ...kept(),
  waiting: figure().exactOptional(),
  leased: figure().exactOptional(),
  dead: figure().exactOptional(),
  maxLength: figure().exactOptional(),
}), "A queue as its keeper has said last.");
const dataReport: LazyObject<data.DataReport> = named("Data", () => ({
  collections: z.array(collection()),
  queues: z.array(queue()),
}), "The collections and queues that members offer.");

/** The operation about what the mesh keeps. */
export const DATA_VIEW_OPERATIONS: {
  readonly [Name in keyof data.DataViewControl]: Operation<Name>;
} = {
  listData: {
    route: "GET /data",
    summary: "The collections and queues of the mesh, as their keepers have said last, and asks them again",
    isPublic: true,
    answer: dataReport,
  },
};
