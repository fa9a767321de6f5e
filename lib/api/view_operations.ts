/**
 * The part of the table that is about what a page shows beyond the status.
 * @module
 */

import { z } from "zod";
import { type Lazy, type LazyObject, named, object, orNull } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type { LinkReport, MemberLinks, TimelineEvent, ViewControl } from "./view.ts";

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
  links: z.array(linkReport()).readonly(),
}), "The links of one member.");

const timelineEvent: LazyObject<TimelineEvent> = named("TimelineEvent", () => ({
  number: count(),
  at: count(),
  kind: z.string(),
  text: z.string(),
  member: z.string().exactOptional(),
}), "Something that has happened, as this node has seen it.");

const list = <T>(item: Lazy<T>): Lazy<readonly T[]> => () => z.array(item()).readonly();

/** The operations. */
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
