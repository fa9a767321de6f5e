/**
 * The part of the table that is about networks behind members: what requests hold, and what is answered.
 * @module
 */

import * as z from "zod";
import { MAX_ADDRESS_LENGTH } from "../mesh/bounds.ts";
import { type LazyObject, named, object, orNull } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type * as routes from "./reach/mod.ts";

const text = () => z.string();
const network = () => z.string().min(1).max(MAX_ADDRESS_LENGTH + 4);
const node = () => z.string().min(1).max(128);

const request: LazyObject<routes.RouteRequest> = named("RouteRequest", () => ({
  network: network(),
  via: node().exactOptional(),
  masquerade: z.boolean().exactOptional(),
}));
const choice: LazyObject<routes.RouteChoice> = object(() => ({
  network: network(),
  node: node().exactOptional(),
}));
const report: LazyObject<routes.RouteReport> = named("Route", () => ({
  network: text(),
  node: text(),
  state: z.enum(["offered", "approved", "rejected", "withdrawn"]),
  masquerade: z.boolean(),
  isExit: z.boolean(),
  use: z.enum(["carries", "standby", "here", "none"]),
  decidedBy: text().exactOptional(),
  decidedAt: z.int().min(0).exactOptional(),
  problem: text().exactOptional(),
}), "A network and a member that leads there, or would.");

const exitRequest: LazyObject<routes.ExitRequest> = named("ExitRequest", () => ({
  node: node(),
  blocksLan: z.boolean().exactOptional(),
}));
const exitReport: LazyObject<routes.ExitReport> = named("Exit", () => ({
  node: orNull(text()),
  blocksLan: z.boolean(),
  families: z.array(z.union([z.literal(4), z.literal(6)])),
  problem: text().exactOptional(),
}), "Through whom a node sends what is for nobody it knows.");

/** The operations. */
export const ROUTE_OPERATIONS: { readonly [Name in keyof routes.RouteControl]: Operation<Name> } = {
  listRoutes: {
    route: "GET /routes",
    summary: "The networks that members lead to, or offer to",
    isPublic: true,
    answer: () => z.array(report()),
  },
  addRoute: {
    route: "POST /routes",
    summary: "Offers a network behind this node; a leader approves it at once, also behind another member",
    request,
    answer: report,
  },
  approveRoute: {
    route: "POST /routes/approve",
    summary: "Approves what a member offers",
    request: choice,
    answer: report,
  },
  rejectRoute: {
    route: "POST /routes/reject",
    summary: "Turns down what a member offers",
    request: choice,
    answer: report,
  },
  removeRoute: {
    route: "DELETE /routes",
    summary: "Withdraws what this node offers, or takes a route back",
    request: choice,
    answer: report,
  },
  exitStatus: {
    route: "GET /exit",
    summary: "Through whom this node sends what is for nobody it knows",
    isPublic: true,
    answer: exitReport,
  },
  useExit: {
    route: "POST /exit",
    summary: "Sends everything through a member; while that is away, nothing gets out",
    request: exitRequest,
    answer: exitReport,
  },
  leaveExit: {
    route: "DELETE /exit",
    summary: "Sends everything as it was before",
    answer: exitReport,
  },
};
