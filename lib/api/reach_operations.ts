/**
 * The part of the table that is about how a host can be reached.
 * @module
 */

import { z } from "zod";
import { type LazyObject, named, object, orNull } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type { GatewayReport, NetcheckReport, ReachControl } from "./reach/mod.ts";

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
