/**
 * The part of the table that is about overlay networks: what requests hold, and what is answered.
 * @module
 */

import * as z from "zod";
import { MAX_ADDRESS_LENGTH, MAX_NAME_LENGTH } from "../mesh/bounds.ts";
import { flag, type Lazy, type LazyObject, named, object, port } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type * as overlay from "./overlay.ts";

// Names, blocks, identifiers and options are checked by whoever uses them, with errors of their own.
const MAX_TEXTS = 64;
const text = () => z.string();
const count = () => z.int().min(0);
const label = () => z.string().min(1).max(MAX_NAME_LENGTH);
const node = () => z.string().min(1).max(128);
const texts = (longest: number) => z.array(z.string().min(1).max(longest)).max(MAX_TEXTS);
const uint32 = () => z.int().min(0).max(0xffff_ffff);

const networkRequest: LazyObject<overlay.NetworkRequest> = named("NetworkRequest", () => ({
  name: label(),
  type: label().exactOptional(),
  identifier: uint32().exactOptional(),
  cidrs: texts(MAX_ADDRESS_LENGTH + 4).exactOptional(),
  mtuBytes: uint32().exactOptional(),
  underlay: z.enum(["mesh", "plain"]).exactOptional(),
  remotes: texts(MAX_ADDRESS_LENGTH).exactOptional(),
  group: z.string().max(MAX_ADDRESS_LENGTH).exactOptional(),
  interfaces: texts(64).exactOptional(),
  port: port(1).exactOptional(),
  hopLimit: uint32().exactOptional(),
  members: z.string().max(1024).exactOptional(),
  gateway: node().exactOptional(),
  options: z.record(z.string().max(64), z.string().max(255)).exactOptional(),
  stormLimit: uint32().exactOptional(),
}));
const networkChange: LazyObject<overlay.NetworkChange> = named("NetworkChange", () => ({
  network: label(),
  mtuBytes: uint32().exactOptional(),
  remotes: texts(MAX_ADDRESS_LENGTH).exactOptional(),
  members: z.string().max(1024).exactOptional(),
  gateway: z.string().max(128).exactOptional(),
  isActive: z.boolean().exactOptional(),
  stormLimit: uint32().exactOptional(),
}));
const networkRemoval = object(() => ({
  network: label(),
  force: flag().describe("1 to take its endpoints back, too").exactOptional(),
}));
const endpointRequest: LazyObject<overlay.EndpointRequest> = named("EndpointRequest", () => ({
  network: label(),
  name: label(),
  macAddress: z.string().max(32).exactOptional(),
  ipAddresses: z.array(z.string().max(MAX_ADDRESS_LENGTH + 4)).max(2).exactOptional(),
  device: z.string().max(64).exactOptional(),
  netns: z.string().max(255).exactOptional(),
  attach: z.string().max(64).exactOptional(),
  allowsForeign: z.boolean().exactOptional(),
}));
const endpoint = () => ({ network: label(), endpoint: label() });

const counts: LazyObject<overlay.FrameCountsReport> = named("FrameCounts", () => ({
  framesIn: count(),
  framesOut: count(),
  bytesIn: count(),
  bytesOut: count(),
  drops: z.record(z.string(), count()),
}), "What was carried and dropped.");

const endpointReport: LazyObject<overlay.OverlayEndpointReport> = named("OverlayEndpoint", () => ({
  network: text(),
  name: text(),
  node: text(),
  isLocal: z.boolean(),
  macAddress: text(),
  ipAddresses: z.array(text()),
  allowsForeign: z.boolean(),
  state: z.enum(["remote", "up", "blocked", "failed", "conflict", "inactive"]),
  problem: text().exactOptional(),
  hint: text().exactOptional(),
  device: text().exactOptional(),
  netns: text().exactOptional(),
  attach: text().exactOptional(),
  counts: counts().exactOptional(),
}), "An endpoint of an overlay network.");

/** The schema of `NetworkReport`. */
export const networkReport: LazyObject<overlay.NetworkReport> = named("NetworkReport", () => ({
  id: text(),
  name: text(),
  type: text(),
  identifier: count(),
  identifierName: text(),
  cidrs: z.array(text()),
  mtuBytes: count(),
  underlay: z.enum(["mesh", "plain"]),
  isActive: z.boolean(),
  options: z.record(z.string(), z.string()),
  remotes: z.array(text()).exactOptional(),
  group: text().exactOptional(),
  interfaces: z.array(text()).exactOptional(),
  port: port(1).exactOptional(),
  members: text().exactOptional(),
  gateway: text().exactOptional(),
  stormLimit: count().exactOptional(),
  endpointCount: count(),
  endpoints: z.array(endpointReport()),
  counts: counts().exactOptional(),
  problem: text().exactOptional(),
  hint: text().exactOptional(),
}), "An overlay network, and how it is doing on this host.");

const list = <T>(item: Lazy<T>): Lazy<readonly T[]> => () => z.array(item());

/** The operations. */
export const OVERLAY_OPERATIONS: { readonly [Name in keyof overlay.OverlayControl]: Operation<Name> } = {
  listNetworks: {
    route: "GET /networks",
    summary: "Overlay networks and their endpoints",
    isPublic: true,
    answer: list(networkReport),
  },
  createNetwork: {
    route: "POST /networks",
    summary: "Makes an overlay network",
    request: networkRequest,
    answer: networkReport,
  },
  changeNetwork: {
    route: "POST /networks/change",
    summary: "Changes what of an overlay network can change",
    request: networkChange,
    answer: networkReport,
  },
  deleteNetwork: {
    route: "DELETE /networks/{network}",
    summary: "Takes an overlay network back; with `force` its endpoints, too",
    request: networkRemoval,
    parameters: ["network", "force"],
    answer: networkReport,
  },
  addEndpoint: {
    route: "POST /endpoints",
    summary: "Makes an endpoint of this node in an overlay network",
    request: endpointRequest,
    answer: endpointReport,
  },
  removeEndpoint: {
    route: "DELETE /endpoints/{network}/{endpoint}",
    summary: "Takes an endpoint back",
    request: object(endpoint),
    parameters: ["network", "endpoint"],
    answer: endpointReport,
  },
  moveEndpoint: {
    route: "POST /endpoints/move",
    summary: "Has another member have an endpoint, with its addresses",
    request: object(() => ({ ...endpoint(), node: node() })),
    parameters: ["network", "endpoint", "node"],
    answer: endpointReport,
  },
};
