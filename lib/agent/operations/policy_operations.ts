/**
 * What may be asked of a running agent about policies, done.
 * @module
 */

import type {
  PolicyApplyReport,
  PolicyApplyRequest,
  PolicyControl,
  PolicyFailure,
  PolicyInput,
  PolicyMember,
  PolicyRevision,
  PolicyStatus,
} from "../../api/mod.ts";
import { lines } from "../../api/mod.ts";
import { readPolicyFile } from "../../config/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { type PolicyDocument, readPolicyDocument } from "../../policy/mod.ts";
import type { Agent } from "../agent.ts";
import { InvalidRequestError } from "../errors.ts";
import { hasPacketPlane } from "../plain_devices.ts";
import {
  AskedPolicy,
  decodeState,
  differenceOf,
  explain,
  NoPolicyError,
  OPERATOR_PORT,
  type OwnWay,
  PolicyCutsOffError,
  type PolicyHead,
  PolicyTestFailedError,
  ruleTexts,
  STATE_KIND,
  UnknownRevisionError,
  unpackPolicy,
  waysCut,
} from "../policy/mod.ts";
import { asOperator, leaderPart } from "./membership_operations.ts";

/** Ways that are cut off are named up to so many. */
const MAX_NAMED = 3;

/** @returns the operations about policies, as `agent` does them */
export function policyOperations(agent: Agent): PolicyControl {
  const { mesh, policies: { all: policies, acts: policyActs } } = agent;
  const inForce = (roster = policies.roster()) => {
    const known = policies.book.get("enforced");
    return known && new AskedPolicy(known.document, roster);
  };

  const apply = (document: PolicyDocument, request: Omit<PolicyApplyRequest, "document" | "text">) => {
    leaderPart(mesh, mesh.admission);
    const { dryRun: isTrial = false, yes = false, expectedRevision } = request;
    const roster = policies.roster();
    const [before, after] = [inForce(roster), new AskedPolicy(document, roster)];
    const tested = after.test();
    requireTests(tested.failures);
    if (!isTrial && !yes) requireWays(before, after, ownWays(agent, request));
    const difference = differenceOf(before, after, roster);
    const place = isTrial ? "trial" : "enforced";
    const { packed, isSame } = asOperator(
      mesh,
      () => policyActs.apply({ document, place, expectedRevision }),
    );
    return { ...tested, isTrial, isSame, difference, sizeBytes: packed.deflated.length };
  };

  // Of the program in force, which is another one when members have changed that matter.
  let looked:
    | { readonly of: unknown; readonly report: Pick<PolicyStatus, "warnings" | "failures"> }
    | undefined;
  const tested = (document: PolicyDocument | null): Pick<PolicyStatus, "warnings" | "failures"> => {
    const of = policies.compiled.enforced;
    if (document === null || of === undefined) return { warnings: [], failures: [] };
    if (looked?.of === of) return looked.report;
    const { warnings, failures } = new AskedPolicy(document, policies.roster()).test();
    looked = { of, report: { warnings, failures } };
    return looked.report;
  };

  return {
    policyStatus() {
      const { book, compiled } = policies;
      const head = book.head("enforced");
      const members = memberStates(agent, head?.revision);
      const document = book.get("enforced")?.document ?? null;
      const { name: _, ...here } = members.find(({ id }) => id === mesh.identity.id) ?? NOBODY;
      const problem = policies.problem();
      const enforced = compiled.enforced?.revision ?? null;
      const isStale = enforced !== (head?.revision ?? null);
      return {
        enforced: head === undefined ? null : revisionReport(agent, head),
        trial: trialHead(agent),
        here: {
          revision: enforced,
          isStale,
          ...here.since !== undefined && here.revision === enforced && { since: here.since },
          ...problem !== undefined && { problem },
        },
        document,
        trialDocument: book.get("trial")?.document ?? null,
        ...tested(document),
        members: members.map(({ id: _, ...member }) => member),
        stale: members.filter((member) => member.isStale).length,
        history: book.history.heads().map((former) => revisionReport(agent, former)),
      };
    },

    async applyPolicy({ text, document, ...request }) {
      return apply(await readInput({ ...text !== undefined && { text }, document }), request);
    },

    async testPolicy(request) {
      const asked = await askedOf(agent, request) ?? inForce();
      if (asked === undefined) throw noPolicy("test");
      return asked.test();
    },

    async diffPolicy({ revision, ...input }) {
      const roster = policies.roster();
      const document = revision === undefined
        ? isGiven(input) ? await readInput(input) : undefined
        : formerDocument(agent, revision);
      const after = document && new AskedPolicy(document, roster);
      return differenceOf(inForce(roster), after, roster);
    },

    async explainPolicy(request) {
      const asked = await askedOf(agent, request) ?? inForce();
      const members = memberStates(agent, policies.book.head("enforced")?.revision);
      const stale = members.filter(({ isStale }) => isStale).map(({ name }) => name);
      return explain(asked, request, policies.roster(), new Set(stale));
    },

    policyCounters() {
      const { compiled: { enforced }, journal } = policies;
      const texts = enforced === undefined ? new Map<string, string>() : ruleTexts(enforced.document);
      const rules = Array.from(
        journal.counts(),
        ([rule, counts]) => ({ rule, text: texts.get(rule) ?? "", ...counts }),
      );
      const { flows, denied } = journal;
      return { revision: enforced?.revision ?? null, rules, flows, denied };
    },

    policyLog({ follow = false }, signal) {
      const { next, end } = policies.journal.read(follow);
      return lines(next, end, signal);
    },

    rollbackPolicy({ revision = policies.book.history.heads()[0]?.revision, ...request }) {
      leaderPart(mesh, mesh.admission);
      if (revision === undefined) {
        throw new UnknownRevisionError("Cannot roll back: no policy was there before");
      }
      return apply(formerDocument(agent, revision), request);
    },

    removePolicy({ trial: isTrial = false }): PolicyApplyReport {
      leaderPart(mesh, mesh.admission);
      const place = isTrial ? "trial" : "enforced";
      const roster = policies.roster();
      const before = inForce(roster);
      asOperator(mesh, () => policyActs.remove(place));
      const difference = differenceOf(before, isTrial ? before : undefined, roster);
      const common = { revision: "", tests: 0, failures: [], warnings: [], isSame: false, sizeBytes: 0 };
      return { ...common, isTrial, difference };
    },
  };
}

const NOBODY: MemberState = { id: "", name: "", revision: null, isStale: false };

type MemberState = PolicyMember & { readonly id: string };

/** @returns what all members that run weft say of themselves, sorted by name */
function memberStates(
  { mesh: { replica }, policies: { all: policies } }: Agent,
  revision: string | undefined,
): MemberState[] {
  const members = replica.roster.members().filter(({ record }) => record.verifyingKey !== undefined);
  const states = members.map(({ record: { nodeId, name } }): MemberState => {
    const entry = replica.entries.get(STATE_KIND, nodeId, "");
    const state = entry && decodeState(entry.body);
    const enforced = state?.enforced ?? null;
    const isHere = nodeId === policies.ownId;
    const problem = isHere ? policies.problem() : undefined;
    return {
      id: nodeId,
      name,
      revision: isHere ? policies.compiled.enforced?.revision ?? null : enforced,
      isStale: (isHere ? policies.compiled.enforced?.revision : state?.enforced) !== revision,
      ...state !== undefined && { since: state.since },
      ...problem !== undefined && { problem },
    };
  });
  return states.sort((a, b) => a.name < b.name ? -1 : 1);
}

function trialHead(agent: Agent): PolicyRevision | null {
  const head = agent.policies.all.book.head("trial");
  return head === undefined ? null : revisionReport(agent, head);
}

function revisionReport(
  { mesh: { roster } }: Agent,
  { revision, appliedAt, appliedBy, policies, rules }: PolicyHead,
): PolicyRevision {
  return { revision, appliedAt, appliedBy: roster.recordById(appliedBy)?.name ?? appliedBy, policies, rules };
}

function isGiven({ text, document }: PolicyInput): boolean {
  return text !== undefined || document !== undefined;
}

/** @throws InvalidPolicyError, InvalidRequestError */
async function readInput({ text, document }: PolicyInput): Promise<PolicyDocument> {
  if (document !== undefined) return readPolicyDocument(document);
  if (text === undefined) {
    throw new InvalidRequestError("Cannot read the policy: neither text nor a document is given");
  }
  return (await readPolicyFile(text)).document;
}

async function askedOf(
  { policies: { all: policies } }: Agent,
  input: PolicyInput,
): Promise<AskedPolicy | undefined> {
  return isGiven(input) ? new AskedPolicy(await readInput(input), policies.roster()) : undefined;
}

/** @param text a revision, or the first digits of one @throws UnknownRevisionError */
function formerDocument({ policies: { all: { book } } }: Agent, text: string): PolicyDocument {
  const meant = book.history.heads().filter(({ revision }) => text !== "" && revision.startsWith(text));
  const [head] = meant;
  const former = head && meant.length === 1 ? book.history.get(head.revision) : undefined;
  const document = former && unpackPolicy(former.deflated, former.head.revision);
  if (document !== undefined) return document;
  const why = meant.length > 1 ? `${meant.length} begin so` : "this node keeps no such revision";
  throw new UnknownRevisionError(`Cannot find the policy ${text}: ${why}`, {
    hint: "`weft policy show` lists those that are kept.",
  });
}

/** @throws PolicyTestFailedError that names the first of them */
function requireTests(failures: readonly PolicyFailure[]): void {
  const [first] = failures;
  if (first === undefined) return;
  const more = failures.length === 1 ? "" : `, and ${failures.length - 1} more fail`;
  throw new PolicyTestFailedError(`Cannot apply that policy: a test fails: ${first.message}${more}`, {
    hint: "`weft policy test FILE` shows all of them.",
  });
}

/** The ways that an operator needs: to this node, and from it to members by SSH. */
function ownWays(
  { mesh: { roster, identity } }: Agent,
  { fromAddress, atPort = OPERATOR_PORT }: Pick<PolicyApplyRequest, "fromAddress" | "atPort">,
): readonly OwnWay[] {
  const from = fromAddress === undefined ? undefined : IpAddress.parse(fromAddress);
  const own = roster.get(identity.id);
  const holder = from && roster.holderOfAddress(from);
  const ways: OwnWay[] = [];
  if (from !== undefined && holder !== undefined && holder.nodeId !== identity.id) {
    const text = `${holder.name}, where you come from, to this node's port ${atPort}`;
    ways.push({ source: { address: from.bytes }, destination: identity.id, port: atPort, text });
  }
  if (own === undefined || !hasPacketPlane(own)) return ways;
  for (const member of roster.members()) {
    const { nodeId, name } = member.record;
    if (nodeId === identity.id || !hasPacketPlane(member)) continue;
    const text = `this node to ${name}'s port ${OPERATOR_PORT}`;
    ways.push({ source: { id: identity.id }, destination: nodeId, port: OPERATOR_PORT, text });
  }
  return ways;
}

/** @throws PolicyCutsOffError */
function requireWays(before: AskedPolicy | undefined, after: AskedPolicy, ways: readonly OwnWay[]): void {
  const cut = waysCut(before, after, ways);
  if (cut.length === 0) return;
  const named = cut.slice(0, MAX_NAMED).map(({ way, rule }) => `${way.text} (${rule})`);
  const more = cut.length > MAX_NAMED ? `, and ${cut.length - MAX_NAMED} more` : "";
  throw new PolicyCutsOffError(
    `Cannot apply that policy: it would cut off your way from ${named.join(", from ")}${more}`,
    { hint: "Write a rule that allows it, or say --yes." },
  );
}

function noPolicy(what: string): NoPolicyError {
  return new NoPolicyError(`Cannot ${what} the policy: there is none`, {
    hint: "`weft policy init` writes a file to begin with.",
  });
}
