/**
 * The part of the table that is about members: what requests hold, and what is answered.
 * @module
 */

import * as z from "zod";
import {
  LABEL_KEY,
  LABEL_VALUE,
  MAX_ADDRESS_LENGTH,
  MAX_EPHEMERAL_MS,
  MAX_GRANTS,
  MAX_LABELS,
  MAX_LABELS_LENGTH,
  MAX_NAME_LENGTH,
  MAX_TOKEN_LIFETIME_MS,
  MAX_TOKEN_USES,
  MIN_EPHEMERAL_MS,
  NAME_GRANT,
  TOPIC_GRANT,
} from "../mesh/bounds.ts";
import { type Lazy, type LazyObject, named, object } from "./json_schema.ts";
import type * as membership from "./membership/mod.ts";
import type { Operation } from "./operation.ts";

const DAY_MS = 86_400_000;
/** A member says once a day that it is there, and its word may take a while. */
const MIN_PRUNE_MS = 2 * DAY_MS;
/** As many entries as a leader keeps. */
const MAX_AUDIT_LIMIT = 10_000;

const text = () => z.string();
const time = () => z.number().describe("Milliseconds since 1970");
const node = () => z.string().min(1).max(128);
const textMap = () => z.record(z.string(), z.string());
const patterns = (form: RegExp) => z.array(z.string().max(1024).regex(form)).max(MAX_GRANTS).exactOptional();

const labels = () =>
  z.record(z.string().regex(LABEL_KEY), z.string().regex(LABEL_VALUE)).refine((record) =>
    Object.keys(record).length <= MAX_LABELS &&
    Object.entries(record).flat().join("").length <= MAX_LABELS_LENGTH
  ).meta({ maxProperties: MAX_LABELS });

const grantLists: LazyObject<membership.GrantLists> = named("GrantLists", () => ({
  offer: patterns(TOPIC_GRANT),
  publish: patterns(TOPIC_GRANT),
  subscribe: patterns(TOPIC_GRANT),
  names: patterns(NAME_GRANT),
}), "Patterns of service paths, topics and names.");

const given = () => ({
  offer: z.array(text()),
  publish: z.array(text()),
  subscribe: z.array(text()),
  names: z.array(text()),
});

/** The schema of `TokenRequest`; without `lifetimeMs` a token lives for a day. */
export const tokenRequest: LazyObject<membership.TokenRequest> = named("TokenRequest", () => ({
  uses: z.int().min(1).max(MAX_TOKEN_USES).exactOptional(),
  lifetimeMs: z.int().min(1).max(MAX_TOKEN_LIFETIME_MS).default(DAY_MS),
  labels: labels().exactOptional(),
  grants: grantLists().exactOptional(),
  ephemeralMs: z.int().min(MIN_EPHEMERAL_MS).max(MAX_EPHEMERAL_MS).exactOptional(),
  needsApproval: z.boolean().exactOptional(),
  address: z.string().max(MAX_ADDRESS_LENGTH).exactOptional(),
  withoutEndpoints: z.boolean().exactOptional(),
})) as LazyObject<membership.TokenRequest>;

/** The schema of `GrantsReport`. */
export const grantsReport: LazyObject<membership.GrantsReport> = named("GrantsReport", () => ({
  ...given(),
  claimed: z.array(text()),
}), "What a member may do beside what all may.");

const defaultGrants: LazyObject<membership.DefaultGrantsReport> = named("DefaultGrants", () => ({
  ...given(),
  claims: z.boolean(),
}), "What every member may do.");

const memberReport: LazyObject<membership.MemberReport> = named("MemberReport", () => ({
  id: text(),
  name: text(),
  roles: z.array(text()),
  addresses: z.array(text()),
  labels: textMap(),
  statedLabels: textMap().describe("What it calls itself, which authorises nothing"),
  unconfirmedLabels: textMap().describe("What it called itself under a former release"),
  grants: grantsReport(),
  tokenId: text().exactOptional(),
  ephemeralMs: z.number().exactOptional(),
}), "A member or device, as the network's key has signed it.");

const pendingJoin: LazyObject<membership.PendingJoin> = named("PendingJoin", () => ({
  id: text(),
  name: text(),
  from: text(),
  token: text(),
  since: time(),
  address: text().exactOptional(),
}), "A machine that waits to be let in.");

const auditReport: LazyObject<membership.AuditReport> = named("AuditEntry", () => ({
  number: z.int().min(1),
  at: time(),
  kind: text(),
  leader: text(),
  by: z.strictObject({ kind: text(), id: text().exactOptional(), name: text().exactOptional() }),
  node: z.strictObject({ id: text(), name: text() }).exactOptional(),
  detail: textMap().exactOptional(),
}), "One thing that happened.");

const membersRequest: LazyObject<membership.MembersRequest> = object(() => ({
  node: node().exactOptional(),
}));
const labelsRequest: LazyObject<membership.LabelsRequest> = named("LabelsRequest", () => ({
  node: node(),
  set: labels().exactOptional(),
  remove: z.array(z.string().regex(LABEL_KEY)).max(MAX_LABELS).exactOptional(),
  confirm: z.boolean().exactOptional(),
}));
const renameRequest: LazyObject<membership.RenameRequest> = named("RenameRequest", () => ({
  node: node(),
  name: z.string().min(1).max(MAX_NAME_LENGTH),
}));
const addressRequest: LazyObject<membership.AddressRequest> = named("AddressRequest", () => ({
  node: node(),
  address: z.string().min(1).max(MAX_ADDRESS_LENGTH),
}));
const grantsRequest: LazyObject<membership.GrantsRequest> = named("GrantsRequest", () => ({
  node: node(),
  add: grantLists().exactOptional(),
  remove: grantLists().exactOptional(),
}));
const defaultGrantsRequest: LazyObject<membership.DefaultGrantsRequest> = named(
  "DefaultGrantsRequest",
  () => ({
    add: grantLists().exactOptional(),
    remove: grantLists().exactOptional(),
    claims: z.boolean().exactOptional(),
  }),
);
const whole = (least: number) => z.coerce.number().int().min(least);
const auditRequest: LazyObject<membership.AuditRequest> = object(() => ({
  since: whole(0).exactOptional(),
  after: whole(0).exactOptional(),
  limit: whole(1).max(MAX_AUDIT_LIMIT).exactOptional(),
}));
const pruneRequest: LazyObject<membership.PruneRequest> = named("PruneRequest", () => ({
  awayMs: z.int().min(MIN_PRUNE_MS).max(MAX_EPHEMERAL_MS),
  devices: z.boolean().exactOptional(),
  dryRun: z.boolean().exactOptional(),
}));
const prunedPeers: LazyObject<membership.PrunedPeers> = named("PrunedPeers", () => ({
  peers: z.array(z.strictObject({ name: text(), id: text(), lastSeenMs: time().exactOptional() })),
  left: z.int().min(0),
}), "Who was removed, or would be, and how many more there are.");
const leaveRequest: LazyObject<membership.LeaveRequest> = object(() => ({
  force: z.boolean().exactOptional(),
}));
const who = { request: object(() => ({ who: node() })), parameters: ["who"] };
const list = <T>(item: Lazy<T>): Lazy<readonly T[]> => () => z.array(item());

/** Its entries. */
export const MEMBERSHIP_OPERATIONS: {
  readonly [Name in keyof membership.MembershipControl]: Operation<Name>;
} = {
  members: {
    route: "GET /members",
    summary: "All members and devices, or one, with their labels and rights",
    request: membersRequest,
    answer: list(memberReport),
  },
  changeLabels: {
    route: "POST /members/labels",
    summary: "Labels a member, and confirms what it chose itself under a former release",
    request: labelsRequest,
    answer: memberReport,
  },
  renameMember: {
    route: "POST /members/name",
    summary: "Gives a member another name",
    request: renameRequest,
    answer: memberReport,
  },
  setAddress: {
    route: "POST /members/address",
    summary: "Gives a member another overlay address, of those that this leader gives out",
    request: addressRequest,
    answer: memberReport,
  },
  changeGrants: {
    route: "POST /members/grants",
    summary: "Gives a member rights, and takes them away",
    request: grantsRequest,
    answer: memberReport,
  },
  defaultGrants: {
    route: "GET /grants",
    summary: "What every member may do",
    answer: defaultGrants,
  },
  changeDefaultGrants: {
    route: "POST /grants",
    summary: "Changes what every member may do",
    request: defaultGrantsRequest,
    answer: defaultGrants,
  },
  listPending: {
    route: "GET /joins",
    summary: "The machines that wait for this leader's approval",
    answer: list(pendingJoin),
  },
  approveJoin: {
    route: "POST /joins",
    summary: "Lets a machine in that waits, by its id or name",
    ...who,
    answer: memberReport,
  },
  refuseJoin: {
    route: "DELETE /joins/{who}",
    summary: "Refuses a machine that waits, for as long as its token lives",
    ...who,
    answer: pendingJoin,
  },
  listAudit: {
    route: "GET /audit",
    summary: "What happened to members, by whose word: the last 1,000 entries of this leader unless told",
    request: auditRequest,
    answer: list(auditReport),
  },
  prunePeers: {
    route: "POST /members/prune",
    summary: "Removes members that nobody has heard of for so long, or says who that is",
    request: pruneRequest,
    answer: prunedPeers,
  },
  leave: {
    route: "POST /leave",
    summary: "Leaves the network; the agent stops then",
    request: leaveRequest,
    answer: object(() => ({ isKnown: z.boolean() })),
  },
};
