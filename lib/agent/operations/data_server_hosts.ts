/**
 * Which members can run servers of collections, and what they are given for that.
 * @module
 */

import type { MemberRecord } from "../../mesh/mod.ts";
import { CallError, TopicPath } from "../../service/mod.ts";
import type { Agent } from "../agent.ts";
import { type ChosenHost, NATS_SERVICE, type ServersDecision } from "../data_servers/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { membershipOperations } from "./membership_operations.ts";

/** What is asked of members that are to run servers. */
export interface HostWish {
  /** What can't be done without them: "start 3 servers". */
  readonly what: string;
  /** How many are wanted. */
  readonly count: number;
  /** Those that are asked; all members unless given. */
  readonly named?: readonly MemberRecord[];
  readonly program?: string;
  /** Whether they are to be reached by other servers. */
  readonly isReached: boolean;
  /** What is decided, of which they have to know, and who runs servers by that: they are not meant. */
  readonly decision?: ServersDecision;
}

/** What a host offers in the place of others. */
const OFFERS = ["data", "queue"] as const;
/** So many members are asked whether they can. */
const MAX_ASKED = 64;
const ASK_MS = 5_000;

/** @returns as many as are wanted, each of which can @throws InvalidRequestError that says why not */
export async function chooseHosts(agent: Agent, wish: HostWish): Promise<readonly MemberRecord[]> {
  const { what, count, named, decision } = wish;
  const isHost = ({ nodeId }: MemberRecord) =>
    decision?.hosts.some((host) => agent.networks.book.ownerOf(host.nodeId)?.nodeId === nodeId) === true;
  const asked = named ?? agent.mesh.roster.members().map(({ record }) => record)
    .filter((record) => record.verifyingKey !== undefined && !isHost(record))
    .sort((a, b) => a.name < b.name ? -1 : 1).slice(0, MAX_ASKED);
  const answers = await Promise.all(
    asked.map(async (record) => ({ record, why: await whyNot(agent, record, wish) })),
  );
  const able = answers.filter(({ why }) => why === undefined).map(({ record }) => record);
  const refused = answers.find(({ why }) => why !== undefined);
  if (able.length >= count) return able.slice(0, count);
  const none = decision === undefined ? "no member" : "no other member";
  throw new InvalidRequestError(
    `Cannot ${what}: ${able.length === 0 ? none : `only ${able.length}`} can run one` +
      (refused === undefined ? "" : `; ${refused.record.name}: ${refused.why}`),
    { hint: "Members with nats-server and an interface can; a single server also runs on a rootless one." },
  );
}

/** @returns why a member can't run a server; undefined when it can */
async function whyNot(
  { mesh, services: { servers, runtime } }: Agent,
  { nodeId }: MemberRecord,
  { program, isReached, decision }: HostWish,
): Promise<string | undefined> {
  const options = { node: nodeId, timeoutMs: ASK_MS, retries: 0 };
  try {
    const answer = nodeId === mesh.identity.id
      ? await servers.probe(program)
      : await runtime.request(`${NATS_SERVICE}/probe`, program === undefined ? {} : { program }, options);
    const { isAlone, decidedAt } = (answer ?? {}) as { readonly [Key in "isAlone" | "decidedAt"]?: unknown };
    if (isReached && isAlone === true) return "it has no interface, so that no other server reaches it";
    // Who was a host before puts aside what it kept then once it knows that it was replaced.
    if (decision !== undefined && decidedAt !== decision.decidedAt) {
      return "it does not know yet who runs servers, or runs an earlier release";
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidRequestError) && !(error instanceof CallError)) throw error;
    return error.message;
  }
}

/** Gives members what hosts need; what one had before it keeps afterwards. */
export async function grantHosts(
  agent: Agent,
  records: readonly MemberRecord[],
): Promise<readonly ChosenHost[]> {
  const { changeGrants } = membershipOperations(agent);
  const granted: ChosenHost[] = [];
  for (const record of records) {
    const missing = OFFERS.filter((kind) =>
      !agent.authority.mayOffer(record.nodeId, TopicPath.parse(`${kind}/any`))
    );
    if (missing.length > 0) {
      await changeGrants({ node: record.nodeId, add: { offer: missing.map(patternOf) } });
    }
    granted.push({ record, isGranted: missing.length === OFFERS.length });
  }
  return granted;
}

/** Takes back what members were given as hosts. */
export async function ungrantHosts(agent: Agent, hosts: ServersDecision["hosts"]): Promise<void> {
  const { changeGrants } = membershipOperations(agent);
  for (const { nodeId, isGranted } of hosts) {
    const record = isGranted ? agent.mesh.roster.get(nodeId)?.record : undefined;
    if (record !== undefined) {
      await changeGrants({ node: record.nodeId, remove: { offer: OFFERS.map(patternOf) } });
    }
  }
}

function patternOf(kind: (typeof OFFERS)[number]): string {
  return `${kind}/>`;
}
