/**
 * What may be asked of a running agent about servers of collections, done.
 * @module
 */

import type { DataServersControl, DataServersReport, DataServersRequest } from "../../api/mod.ts";
import type { MemberRecord } from "../../mesh/mod.ts";
import { CallError, peerId, TopicPath } from "../../service/mod.ts";
import type { Agent } from "../agent.ts";
import { type ChosenHost, isProgramPath, NATS_SERVICE } from "../data_servers/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { asOperator, leaderPart, memberOf, membershipOperations } from "./membership_operations.ts";

/** What most of can be lost of, without a tie. */
const COUNTS: readonly number[] = [1, 3, 5];
const USUAL_COUNT = 3;
/** What a host offers in the place of others. */
const OFFERS = ["data", "queue"] as const;
/** So many members are asked whether they can. */
const MAX_ASKED = 64;
const ASK_MS = 5_000;
/** How long the servers' start is waited for, in milliseconds. */
const START_MS = 30_000;
const PAUSE_MS = 500;

/** @returns the operations about servers of collections, as `agent` does them */
export function dataServerOperations(agent: Agent): DataServersControl {
  const { mesh, services: { servers, serverActs } } = agent;
  const changeGrants = membershipOperations(agent).changeGrants;

  return {
    dataServers: () => servers.report(),

    async startDataServers(request) {
      leaderPart(mesh, mesh.network.signingKey);
      const { program } = request;
      if (program !== undefined && !isProgramPath(program)) {
        throw new InvalidRequestError(`Cannot run ${program}: that is no absolute path of a nats-server`, {
          hint: "Its name begins with nats-server, as in /usr/local/bin/nats-server.",
        });
      }
      await servers.look();
      const named = request.members?.map((text) => memberOf(agent, text).record);
      const count = countOf(request, named);
      const { decision } = servers;
      if (decision !== undefined) {
        const isSame = decision.hosts.length === count && decision.program === program &&
          (named === undefined ||
            named.every(({ nodeId }) => decision.hosts.some((host) => host.nodeId === nodeId)));
        if (isSame) {
          // An earlier release has not given what it had no use for.
          for (const { nodeId } of decision.hosts) {
            const record = mesh.roster.get(nodeId)?.record;
            const missing = record === undefined ? [] : missingOffers(agent, record);
            if (missing.length > 0) await changeGrants({ node: nodeId, add: { offer: missing } });
          }
          return await servers.report();
        }
        throw new InvalidRequestError("Cannot start servers: others are there already", {
          hint: "`weft data status` shows them; `weft data down` stops them.",
        });
      }
      const hosts = await chosen(agent, named, count, program);
      const granted: ChosenHost[] = [];
      for (const record of hosts) {
        const missing = missingOffers(agent, record);
        if (missing.length > 0) await changeGrants({ node: record.nodeId, add: { offer: missing } });
        // What it had before it keeps afterwards.
        granted.push({ record, isGranted: missing.length === OFFERS.length });
      }
      asOperator(mesh, () => serverActs.start(granted, program));
      return await started(() => servers.report());
    },

    async stopDataServers({ force = false }) {
      leaderPart(mesh, mesh.network.signingKey);
      await servers.look();
      const { decision } = servers;
      if (decision === undefined) throw new InvalidRequestError("Cannot stop servers: there are none");
      const kept = agent.services.runtime.report().filter(({ path, providers }) =>
        OFFERS.some((kind) => path.startsWith(`${kind}/`)) &&
        providers.some(({ id }) => decision.hosts.some(({ nodeId }) => id === peerId(nodeId)))
      );
      if (kept.length > 0 && !force) {
        throw new InvalidRequestError(
          `Cannot stop the servers: their members keep collections and queues, as ${
            kept[0]?.path.slice(kept[0].path.indexOf("/") + 1)
          }`,
          { hint: "With --force those on the servers are away until `weft data up` on the same members." },
        );
      }
      asOperator(mesh, () => serverActs.stop());
      for (const { nodeId, isGranted } of decision.hosts) {
        const record = isGranted ? mesh.roster.get(nodeId)?.record : undefined;
        if (record !== undefined) {
          await changeGrants({ node: record.nodeId, remove: { offer: OFFERS.map(patternOf) } });
        }
      }
      return await servers.report();
    },
  };
}

/** @returns what a host is still to be given */
function missingOffers(agent: Agent, { nodeId }: MemberRecord): string[] {
  return OFFERS.filter((kind) => !agent.authority.mayOffer(nodeId, TopicPath.parse(`${kind}/any`)))
    .map(patternOf);
}

function patternOf(kind: (typeof OFFERS)[number]): string {
  return `${kind}/>`;
}

function countOf({ replicas }: DataServersRequest, named: readonly MemberRecord[] | undefined): number {
  const count = replicas ?? named?.length ?? USUAL_COUNT;
  if (!COUNTS.includes(count)) {
    throw new InvalidRequestError(`Cannot start ${count} servers: there are 1, 3 or 5`, {
      hint: "Of an even number as few may be away as of one less.",
    });
  }
  if (named === undefined) return count;
  if (new Set(named.map(({ nodeId }) => nodeId)).size === count && named.length === count) return count;
  throw new InvalidRequestError(`Cannot start ${count} servers on ${named.length} members`, {
    hint: "Name each member once, and as many as --replicas says.",
  });
}

/** @returns the members, each of which can @throws InvalidRequestError that says why not */
async function chosen(
  agent: Agent,
  named: readonly MemberRecord[] | undefined,
  count: number,
  program: string | undefined,
): Promise<readonly MemberRecord[]> {
  const { mesh, services: { servers, runtime } } = agent;
  const asked = named ?? mesh.roster.members().map(({ record }) => record)
    .filter(({ verifyingKey }) => verifyingKey !== undefined)
    .sort((a, b) => a.name < b.name ? -1 : 1).slice(0, MAX_ASKED);
  const answers = await Promise.all(asked.map(async (record) => {
    const { nodeId } = record;
    const options = { node: nodeId, timeoutMs: ASK_MS, retries: 0 };
    try {
      const answer = nodeId === mesh.identity.id
        ? await servers.probe(program)
        : await runtime.request(`${NATS_SERVICE}/probe`, program === undefined ? {} : { program }, options);
      const isAlone = (answer as { readonly isAlone?: unknown } | null)?.isAlone === true;
      return {
        record,
        why: isAlone && count > 1 ? "it has no interface, so that no other server reaches it" : "",
      };
    } catch (error) {
      if (!(error instanceof InvalidRequestError) && !(error instanceof CallError)) throw error;
      return { record, why: error.message };
    }
  }));
  const able = answers.filter(({ why }) => why === "").map(({ record }) => record);
  const refused = answers.find(({ why }) => why !== "");
  if (able.length >= count) return able.slice(0, count);
  throw new InvalidRequestError(
    `Cannot start ${count} servers: ${able.length === 0 ? "no member" : `only ${able.length}`} can run one` +
      (refused === undefined ? "" : `; ${refused.record.name}: ${refused.why}`),
    { hint: "Members with nats-server and an interface can; a single server also runs on a rootless one." },
  );
}

/** @returns how they are when all run, or after a while */
async function started(report: () => Promise<DataServersReport>): Promise<DataServersReport> {
  const until = performance.now() + START_MS;
  for (;;) {
    const now = await report();
    if (now.servers.every(({ state }) => state === "running") || performance.now() > until) return now;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
