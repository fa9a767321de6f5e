/**
 * The part of the table that is about how a host can be reached, and about what a page shows of the whole mesh.
 * @module
 */

import * as z from "zod";
import { type Lazy, type LazyObject, named, object, orNull } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type {
  GatewayReport,
  LinkReport,
  MemberLinks,
  NetcheckReport,
  ReachControl,
  TimelineEvent,
  ViewControl,
} from "./reach/mod.ts";

const MAX_SERVERS = 16;
const MAX_SERVER_LENGTH = 262;

const texts = () => z.array(z.string());
const rtt = () => orNull(z.number().min(0));
const family = () =>
  z.strictObject({ isThere: z.boolean(), addresses: texts(), gateway: z.string().exactOptional() });
/** The schema of `GatewayReport`. */
export const gatewayReport: LazyObject<GatewayReport> = object(() => ({
  gateway: z.string(),
  state: z.enum(["asking", "mapped", "unmapped"]),
  protocol: z.enum(["pcp", "nat-pmp", "upnp"]).exactOptional(),
  udp: z.string().exactOptional(),
  tcp: z.string().exactOptional(),
  failures: z.record(z.string(), z.string()).exactOptional(),
  privateAddress: z.string().exactOptional(),
}));
const stunServer = () =>
  z.strictObject({ server: z.string(), mapped: z.string().exactOptional(), rttMs: rtt() });
const leader = () =>
  z.strictObject({
    name: z.string(),
    path: z.enum(["direct", "relay", "carrier", "channel", "hub", "none"]),
    rttMs: rtt(),
  });

const netcheckReport: LazyObject<NetcheckReport> = named("NetcheckReport", () => ({
  udp: orNull(z.boolean()),
  ipv4: family(),
  ipv6: family(),
  portMapping: z.array(gatewayReport()),
  stun: z.array(stunServer()),
  mappingVaries: orNull(z.boolean()),
  hairpin: orNull(z.boolean()),
  proxy: orNull(z.string()),
  leaders: z.array(leader()).exactOptional(),
}), "How this host can be reached.");

/** The operations. */
export const REACH_OPERATIONS: { readonly [Name in keyof ReachControl]: Operation<Name> } = {
  netcheck: {
    route: "POST /netcheck",
    summary: "Finds out how this host can be reached, which takes some seconds",
    request: object(() => ({
      stunServers: z.array(z.string().min(1).max(MAX_SERVER_LENGTH)).max(MAX_SERVERS).exactOptional(),
    })),
    answer: netcheckReport,
  },
};

const count = () => z.int().min(0);

const linkReport: LazyObject<LinkReport> = named("LinkReport", () => ({
  id: z.string(),
  path: z.enum(["direct", "relay", "carrier", "channel", "hub", "none"]),
  via: z.string().exactOptional(),
  rttMs: orNull(z.number().min(0)),
  rxBytes: count(),
  txBytes: count(),
  lastHandshakeAt: orNull(z.number().min(0)),
  healthy: z.boolean(),
  hasChannel: z.boolean(),
  why: z.string().exactOptional(),
}), "One link of a member, as that member says.");

const memberLinks: LazyObject<MemberLinks> = named("MemberLinks", () => ({
  id: z.string(),
  at: count(),
  denied: count(),
  links: z.array(linkReport()),
}), "The links of one member.");

const timelineEvent: LazyObject<TimelineEvent> = named("TimelineEvent", () => ({
  number: count(),
  at: count(),
  kind: z.string(),
  text: z.string(),
  member: z.string().exactOptional(),
}), "Something that has happened, as this node has seen it.");

const list = <T>(item: Lazy<T>): Lazy<readonly T[]> => () => z.array(item()).readonly();

/** The operations of a page. */
export const VIEW_OPERATIONS: { readonly [Name in keyof ViewControl]: Operation<Name> } = {
  memberLinks: {
    route: "GET /links",
    summary: "The links of other members, as they say themselves",
    isPublic: true,
    answer: list(memberLinks),
  },
  timeline: {
    route: "GET /timeline",
    summary: "What has happened lately, as this node has seen it",
    isPublic: true,
    request: object(() => ({
      after: z.coerce.number().int().min(0).describe("only those with a higher number").exactOptional(),
    })),
    answer: list(timelineEvent),
  },
};
