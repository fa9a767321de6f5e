/**
 * The part of the table that is about servers of collections: what requests hold, and what is answered.
 * @module
 */

import { z } from "zod";
import type * as servers from "./data_servers.ts";
import { type LazyObject, named, object } from "./json_schema.ts";
import type { Operation } from "./operation.ts";

const count = () => z.int().min(0);

const request: LazyObject<servers.DataServersRequest> = named("DataServersRequest", () => ({
  replicas: z.int().min(1).max(5).exactOptional(),
  members: z.array(z.string().min(1).max(128)).max(5).exactOptional(),
  program: z.string().min(1).max(512).exactOptional(),
}));
const stop: LazyObject<servers.DataServersStop> = object(() => ({
  force: z.union([z.boolean(), z.string().transform((text) => text === "1")])
    .describe("1 to stop them also while they keep collections").exactOptional(),
}));
const server: LazyObject<servers.DataServerReport> = named("DataServer", () => ({
  node: z.string(),
  state: z.enum(["starting", "running", "failed", "away"]),
  version: z.string().exactOptional(),
  installed: z.string().exactOptional(),
  sinceMs: count().exactOptional(),
  restarts: count().exactOptional(),
  isLeader: z.boolean().exactOptional(),
  isCurrent: z.boolean().exactOptional(),
  problem: z.string().exactOptional(),
}), "One member's server of collections.");
const report: LazyObject<servers.DataServersReport> = named("DataServers", () => ({
  replicas: count(),
  hasQuorum: z.boolean(),
  decidedBy: z.string().exactOptional(),
  decidedAt: count().exactOptional(),
  servers: z.array(server()),
}), "The servers of collections that members run.");

/** The operations. */
export const DATA_SERVER_OPERATIONS: {
  readonly [Name in keyof servers.DataServersControl]: Operation<Name>;
} = {
  dataServers: {
    route: "GET /data/servers",
    summary: "The servers of collections that members run, and how they are",
    answer: report,
  },
  startDataServers: {
    route: "POST /data/servers",
    summary: "Has members run servers that keep new collections",
    request,
    answer: report,
  },
  stopDataServers: {
    route: "DELETE /data/servers",
    summary: "Has those servers stopped; what they keep stays with their members",
    request: stop,
    answer: report,
  },
};
