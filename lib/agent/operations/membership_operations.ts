/**
 * What may be asked of a running agent about members, done: what they are called, may do and have, who waits to be let in,
 * and what happened.
 * @module
 */

import type {
  AuditReport,
  DefaultGrantsReport,
  GrantLists,
  MemberReport,
  MembershipControl,
  PendingJoin,
} from "../../api/mod.ts";
import { WeftError } from "../../base/mod.ts";
import { nearest } from "../../config/mod.ts";
import {
  addGrants,
  type AdmissionRefusal,
  areGrants,
  type AuditActor,
  type AuditEntry,
  DEFAULT_GRANTS_KEY,
  type DefaultGrants,
  encodeDefaultGrants,
  GRANT_ENTRY_KIND,
  type Grants,
  isReservedName,
  MAX_ENTRY_LIFETIME_MS,
  type Member,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  type RecordEntry,
  removeGrants,
  type WaitingJoin,
} from "../../mesh/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import type { Agent } from "../agent.ts";
import { AmbiguousNameError, InvalidRequestError, notLeader, UnknownPeerError } from "../errors.ts";

const OPERATOR: AuditActor = { kind: "operator" };
/** So many entries of the audit log are answered unless told. */
const USUAL_AUDIT_LIMIT = 1_000;

/** Why a leader does not let somebody in, or change somebody. */
export const ADMISSION_REFUSALS: Readonly<Record<AdmissionRefusal, string>> = {
  "refused:key-mismatch": "its key is another one's",
  "refused:revoked": "its key was removed, and a removed key is never let in again",
  "refused:token": "its token is not good",
  "refused:other-identity": "its key is that of a member",
  "refused:no-address": "no address is free",
  "refused:roster-full": "the network is full",
  "refused:address-not-allowed": "its token does not allow the address that it asks for",
  "refused:address-not-here": "this leader does not give out the address that it asks for",
  "refused:address-taken": "the address that it asks for is taken",
  "refused:name": "that name is reserved, or is none",
  "refused:name-taken": "the name is taken",
  "refused:network": "a network behind it is not its own",
  "refused:not-approved": "it was refused before",
  "refused:too-many-wait": "too many machines wait",
  "refused:clock": "its clock and this leader's are too far apart",
};

/** What to do about it, where a look at the members is not enough. */
const ADMISSION_HINTS: Partial<Record<AdmissionRefusal, string>> = {
  "refused:address-not-here": "`weft leader list` on each leader shows which addresses it gives out.",
  "refused:name":
    "A name is lower-case letters, digits and hyphens, as in web-1, and none that has a meaning of its own.",
};

/** @returns the operations about members, as `agent` does them */
export function membershipOperations(agent: Agent): Omit<MembershipControl, "prunePeers"> {
  const { mesh } = agent;
  return {
    members({ node } = {}) {
      const members = node === undefined ? mesh.roster.members() : [memberOf(agent, node)];
      return members.map((member) => {
        const tokenId = mesh.admission?.tokenOf(member.record);
        return { ...memberReport(member), ...tokenId !== undefined && { tokenId } };
      }).sort((a, b) => a.name < b.name ? -1 : 1);
    },

    changeLabels({ node, set = {}, remove = [], confirm = false }) {
      const admission = leaderPart(mesh, mesh.admission);
      const { record } = memberOf(agent, node);
      const { unconfirmedLabels = {} } = record;
      const without = (labels: MemberReport["labels"], keys: readonly string[]) =>
        Object.fromEntries(Object.entries(labels).filter(([key]) => !keys.includes(key)));
      const confirmed = confirm ? unconfirmedLabels : {};
      const labels = { ...without({ ...confirmed, ...record.labels }, remove), ...set };
      const open = confirm ? {} : without(unconfirmedLabels, [...remove, ...Object.keys(set)]);
      const changes = { labels, ...Object.keys(open).length > 0 && { unconfirmedLabels: open } };
      return changed("label", record.name, () => admission.amend(record, changes));
    },

    renameMember({ node, name }) {
      const admission = leaderPart(mesh, mesh.admission);
      const { record } = memberOf(agent, node);
      return changed("rename", record.name, () => admission.rename(record, name.toLowerCase()), {
        "refused:name": isReservedName(name.toLowerCase())
          ? `${JSON.stringify(name)} is reserved, because it means something else`
          : `${JSON.stringify(name)} is no name`,
        "refused:name-taken": `${name} is taken`,
      });
    },

    setAddress({ node, address: text }) {
      const admission = leaderPart(mesh, mesh.admission);
      const { record } = memberOf(agent, node);
      const address = IpAddress.parse(text);
      if (address === undefined || !mesh.cidr.contains(address)) {
        const problem = address === undefined ? "that is none" : `it is not in ${mesh.cidr}`;
        throw new InvalidRequestError(`Cannot give ${record.name} the address ${text}: ${problem}`, {
          hint:
            `Write a free address of ${mesh.cidr}; \`weft leader list\` shows which this leader gives out.`,
        });
      }
      const holder = mesh.roster.holderOfAddress(address);
      return changed("readdress", record.name, () => admission.readdress(record, address), {
        "refused:address-taken": `${address} is ${holder === undefined ? "taken" : `${holder.name}'s`}`,
        "refused:address-not-here": `this leader does not give out ${address}${otherLeadersText()}`,
      });
    },

    changeGrants({ node, add = {}, remove = {} }) {
      const admission = leaderPart(mesh, mesh.admission);
      const { record } = memberOf(agent, node);
      // Who loses a path has lost it, however it came to have it.
      const less = { ...remove, claimed: remove.offer ?? [] };
      const grants = addGrants(removeGrants(record.grants, less), add);
      requireBounds(grants);
      return changed("grant", record.name, () => admission.amend(record, { grants }));
    },

    defaultGrants: () => agent.authority.defaults,

    changeDefaultGrants({ add = {}, remove = {}, claims }) {
      const { network: { id, signingKey }, replica } = mesh;
      const key = leaderPart(mesh, signingKey);
      const before = agent.authority.defaults;
      const grants = addGrants(removeGrants({ ...before, claimed: [] }, remove), add);
      requireBounds(grants);
      const { claimed: _, ...given } = grants;
      const after: DefaultGrantsReport = { ...given, claims: claims ?? before.claims };
      const entry = { kind: GRANT_ENTRY_KIND, key: DEFAULT_GRANTS_KEY, body: encodeDefaultGrants(after) };
      const { audit } = mesh.leadership;
      const written = mesh.atOnce(() => {
        const detail = defaultsText(after);
        audit?.append({ kind: "defaults-changed", detail }, OPERATOR);
        return replica.entries.write(id, key, { ...entry, lifetimeMs: MAX_ENTRY_LIFETIME_MS });
      });
      replica.publish({ ...NO_UPDATE, entries: written === undefined ? [] : [written] });
      return agent.authority.defaults;
    },

    listPending: () => leaderPart(mesh, mesh.admission).approvals.list().map(pendingReport),

    async approveJoin(who) {
      const waiting = waitingOf(leaderPart(mesh, mesh.admission).approvals.list(), who);
      const { tokenId, publicKey } = waiting;
      const counted = mesh.tokens?.isUse(tokenId, undefined, publicKey)
        ? await agent.session?.leaders.countUse(tokenId, publicKey)
        : "here";
      const admission = leaderPart(mesh, mesh.admission);
      const report = changed(
        "approve",
        waiting.name,
        () => counted === "refused" ? "refused:token" : admission.approve(waiting, counted === "elsewhere"),
      );
      agent.shareTokens();
      return report;
    },

    refuseJoin(who) {
      const admission = leaderPart(mesh, mesh.admission);
      const waiting = waitingOf(admission.approvals.list(), who);
      admission.refuse(waiting);
      return pendingReport(waiting);
    },

    listAudit({ since, after, limit = USUAL_AUDIT_LIMIT }) {
      const audit = leaderPart(mesh, mesh.leadership.audit);
      return audit.list({ since, after, limit }).map((entry) => auditReport(entry, mesh.record.name));
    },

    leave: async ({ force = false }) => ({ isKnown: await agent.leave(force) }),
  };

  /** Has a record signed, tells everybody, and says who the member is now. */
  function changed(
    what: string,
    name: string,
    sign: () => RecordEntry | AdmissionRefusal,
    problems: Partial<Record<AdmissionRefusal, string>> = {},
  ): MemberReport {
    const signed = asOperator(mesh, () => asInvalid(sign));
    if (typeof signed === "string") {
      throw new InvalidRequestError(
        `Cannot ${what} ${name}: ${problems[signed] ?? ADMISSION_REFUSALS[signed]}`,
        {
          hint: ADMISSION_HINTS[signed] ?? "`weft peers` shows all names and addresses.",
        },
      );
    }
    mesh.replica.publish({ ...NO_UPDATE, records: [signed.signed] });
    return memberReport(mesh.roster.get(signed.record.nodeId) ?? { record: signed.record });
  }

  /** Which part is whose, only each leader itself knows. */
  function otherLeadersText(): string {
    const others = mesh.roster.members().filter(({ record }) =>
      record.roles.includes("leader") && record.nodeId !== mesh.identity.id
    );
    const names = others.map(({ record }) => record.name).join(" or ");
    return names === "" ? "" : `, but ${names} may`;
  }
}

/** What is signed and written by `body` was asked for at this leader. */
export function asOperator<T>({ leadership: { audit } }: MeshState, body: () => T): T {
  return audit === undefined ? body() : audit.as(OPERATOR, body);
}

/** @returns `part`, which leaders have @throws NotLeaderError that names those that have it */
export function leaderPart<T>({ roster }: MeshState, part: T | undefined): T {
  if (part !== undefined) return part;
  const leaders = roster.members().filter(({ record }) => record.roles.includes("leader"));
  throw notLeader(leaders.map(({ record }) => record.name));
}

/** @returns the member that is meant @throws UnknownPeerError, AmbiguousNameError */
export function memberOf(agent: Agent, text: string): Member {
  const { roster } = agent.mesh;
  const member = roster.get(recordOf(agent, text).nodeId);
  if (member === undefined) throw unknownPeer(text, roster.members().map(({ record }) => record.name));
  return member;
}

/** @returns the record of who is meant, also when it has expired @throws UnknownPeerError, AmbiguousNameError */
export function recordOf({ members, mesh: { roster } }: Agent, text: string): MemberRecord {
  const [found, ...others] = members.findRecords(text);
  if (found === undefined) throw unknownPeer(text, roster.members().map(({ record }) => record.name));
  if (others.length === 0) return found;
  const choices = [found, ...others].map(({ addresses: [address], publicKey }) =>
    `${address} (${publicKey})`
  );
  throw new AmbiguousNameError(text, choices);
}

/** @param names of who is in the network @returns the error for whoever is not */
export function unknownPeer(peer: string, names: readonly string[] = []): UnknownPeerError {
  const isLeader = peer.toLowerCase() === "leader";
  const meant = nearest(peer, names);
  const problem = isLeader ? "no leader is known to live" : "nobody in the network goes by that";
  return new UnknownPeerError(`Cannot find ${JSON.stringify(peer)}: ${problem}`, {
    hint: isLeader
      ? "`weft leader list` shows when each was last heard."
      : meant === undefined
      ? "`weft peers` lists all names."
      : `Did you mean ${meant}? \`weft peers\` lists all names.`,
  });
}

/** The mesh says with a RangeError that a field is out of bounds. */
export function asInvalid<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof WeftError || !(error instanceof RangeError)) throw error;
    throw new InvalidRequestError(error.message, { cause: error });
  }
}

/** @throws InvalidRequestError when grants are malformed, or too much */
export function requireBounds(grants: Grants): void {
  if (areGrants(grants)) return;
  throw new InvalidRequestError("Cannot grant that: a pattern is malformed, or it is too much", {
    hint: "At most 32 patterns of each kind, and 1,024 characters in all.",
  });
}

/** By id, by how it begins, or by name when only one goes by that. */
function waitingOf(waiting: readonly WaitingJoin[], who: string): WaitingJoin {
  const byId = waiting.filter(({ nodeId }) => nodeId === who);
  const named = byId.length > 0 ? byId : waiting.filter(({ name }) => name === who);
  const [found, another] = named;
  if (found !== undefined && another === undefined) return found;
  const problem = found === undefined
    ? "nobody waits who goes by that"
    : `${named.length} machines wait that ask for that name`;
  throw new UnknownPeerError(`Cannot find ${JSON.stringify(who)}: ${problem}`, {
    hint: "`weft peer pending` lists who waits at this leader, with ids.",
  });
}

function memberReport({ record, statement }: Member): MemberReport {
  const { nodeId: id, name, roles, addresses, labels, unconfirmedLabels = {}, grants, ephemeralMs } = record;
  return {
    id,
    name,
    roles,
    addresses: addresses.map(String),
    labels,
    statedLabels: statement?.labels ?? {},
    unconfirmedLabels,
    grants,
    ...ephemeralMs !== undefined && { ephemeralMs },
  };
}

function pendingReport({ nodeId: id, name, from, tokenId: token, since, address }: WaitingJoin): PendingJoin {
  return { id, name, from, token, since, ...address && { address: address.toString() } };
}

function auditReport({ by, ...entry }: AuditEntry, leader: string): AuditReport {
  return { ...entry, leader, by };
}

function defaultsText({ claims, ...given }: DefaultGrants): Record<string, string> {
  const lists = Object.entries(given as GrantLists).map(([kind, patterns]) =>
    [kind, patterns.join(" ")] as const
  );
  return { ...Object.fromEntries(lists), claims: claims ? "yes" : "no" };
}
