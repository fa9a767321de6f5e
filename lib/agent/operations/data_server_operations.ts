/**
 * What may be asked of a running agent about servers of collections, done.
 * @module
 */

import type { DataServersControl, DataServersReport, DataServersRequest } from "../../api/mod.ts";
import type { MemberRecord } from "../../mesh/mod.ts";
import type { Agent } from "../agent.ts";
import {
  checkReplaceable,
  type ChosenHost,
  isProgramPath,
  type NamedHost,
  type SeenHost,
} from "../data_servers/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { chooseHosts, grantHosts, ungrantHosts } from "./data_server_hosts.ts";
import { asOperator, leaderPart, memberOf, recordOf } from "./membership_operations.ts";

/** What most of can be lost of, without a tie. */
const COUNTS: readonly number[] = [1, 3, 5];
const USUAL_COUNT = 3;
/** How long the servers' start is waited for, in milliseconds: who asks waits for 15 s for all of it. */
const START_MS = 4_000;
const PAUSE_MS = 500;

/** @returns the operations about servers of collections, as `agent` does them */
export function dataServerOperations(agent: Agent): DataServersControl {
  const { mesh, services: { servers, serverActs } } = agent;

  return {
    dataServers: () => servers.report(),

    async startDataServers(request) {
      leaderPart(mesh, mesh.network.signingKey);
      if (request.program !== undefined && !isProgramPath(request.program)) {
        throw new InvalidRequestError(
          `Cannot run ${request.program}: that is no absolute path of a nats-server`,
          { hint: "Its name begins with nats-server, as in /usr/local/bin/nats-server." },
        );
      }
      await servers.look();
      const { decision, former } = servers;
      const continued = decision === undefined && request.force !== true ? former.decision : undefined;
      const program = request.program ?? continued?.program;
      const asked = request.members?.map((text) => memberOf(agent, text).record);
      const named = continued === undefined ? asked : formerMembers(former.hosts(), request, asked);
      const count = countOf(request, named);
      if (decision !== undefined) {
        const isSame = decision.hosts.length === count && decision.program === program &&
          (named === undefined ||
            named.every(({ nodeId }) => decision.hosts.some((host) => host.nodeId === nodeId)));
        if (isSame) {
          // An earlier release has not given what it had no use for.
          await grantHosts(
            agent,
            decision.hosts.flatMap(({ nodeId }) => mesh.roster.get(nodeId)?.record ?? []),
          );
          return await servers.report();
        }
        throw new InvalidRequestError("Cannot start servers: others are there already", {
          hint: "`weft data status` shows them; `weft data down` stops them.",
        });
      }
      const hosts = await chooseHosts(agent, {
        ...{ what: `start ${count} servers`, count, isReached: count > 1 },
        ...named !== undefined && { named },
        ...program !== undefined && { program },
      });
      const granted = await grantHosts(agent, hosts);
      asOperator(mesh, () => serverActs.start(granted, program, continued));
      return await started(() => servers.report());
    },

    async replaceDataServer({ lost: lostText, by: byText }) {
      leaderPart(mesh, mesh.network.signingKey);
      await servers.look();
      const { decision } = servers;
      if (decision === undefined) throw new InvalidRequestError("Cannot replace a server: there are none");
      const lost = lostHost(agent, lostText);
      const named = byText === undefined ? undefined : memberOf(agent, byText).record;
      const staying = servers.seen().filter((host) => host !== lost && host.nodeId !== lost.nodeId);
      checkReplaceable(lost, staying);
      const stayingRecords = staying.flatMap(({ nodeId }) => agent.networks.book.ownerOf(nodeId) ?? []);
      if (
        stayingRecords.some(({ nodeId }) => nodeId === named?.nodeId) ||
        stayingRecords.length < staying.length
      ) {
        throw new InvalidRequestError(
          `Cannot replace the server on ${lost.name} by one that is there already`,
          {
            hint: "Name a member that runs none; `weft data status` shows who does.",
          },
        );
      }
      const { program } = decision;
      const [by] = await chooseHosts(agent, {
        ...{ what: `replace the server on ${lost.name}`, count: 1, isReached: true, decision },
        ...named !== undefined && { named: [named] },
        ...program !== undefined && { program },
      });
      if (by === undefined) return await servers.report();
      const granted = await grantHosts(agent, [by]);
      // Who was given rights as a host keeps that mark, so that they are taken back when it is none any more.
      const kept = staying.flatMap(({ nodeId }): readonly ChosenHost[] => {
        const record = agent.networks.book.ownerOf(nodeId);
        const isGranted = decision.hosts.find((host) => host.nodeId === nodeId)?.isGranted === true;
        return record === undefined ? [] : [{ record, isGranted }];
      });
      asOperator(mesh, () => serverActs.replace([...kept, ...granted], program, lost.name, by.name));
      await ungrantHosts(agent, decision.hosts.filter(({ nodeId }) => nodeId === lost.nodeId));
      return await started(() => servers.report());
    },

    async stopDataServers({ force = false }) {
      leaderPart(mesh, mesh.network.signingKey);
      await servers.look();
      const { decision } = servers;
      if (decision === undefined) throw new InvalidRequestError("Cannot stop servers: there are none");
      const kept = await servers.kept();
      if (kept?.length !== 0 && !force) {
        throw new InvalidRequestError(
          "Cannot stop the servers: " +
            (kept === undefined ? "none of them says what they keep" : `they keep ${examples(kept)}`),
          { hint: "With --force that is away until `weft data up`." },
        );
      }
      asOperator(mesh, () => serverActs.stop(kept?.length !== 0));
      await ungrantHosts(agent, decision.hosts);
      return await servers.report();
    },
  };
}

/** @returns the host that is meant, who may have been removed from the network meanwhile @throws UnknownPeerError */
function lostHost(agent: Agent, text: string): SeenHost {
  const hosts = agent.services.servers.seen();
  const named = hosts.filter(({ name, nodeId }) => name === text || nodeId === text);
  if (named.length === 1 && named[0] !== undefined) return named[0];
  const { nodeId } = recordOf(agent, text);
  const found = hosts.find((host) => agent.networks.book.ownerOf(host.nodeId)?.nodeId === nodeId);
  if (found !== undefined) return found;
  throw new InvalidRequestError(`Cannot replace the server on ${text}: it runs none`, {
    hint: `Those that do are ${hosts.map(({ name }) => name).join(", ")}.`,
  });
}

/**
 * @returns those that ran servers before, in whose place no others may be asked for
 * @throws InvalidRequestError when they are, or some of them were removed from the network
 */
function formerMembers(
  hosts: readonly NamedHost[],
  { replicas }: DataServersRequest,
  asked: readonly MemberRecord[] | undefined,
): readonly MemberRecord[] {
  const names = hosts.map(({ name }) => name).sort().join(", ");
  const gone = hosts.find(({ record }) => record === undefined);
  const records = hosts.flatMap(({ record }) => record ?? []);
  const isSame = (replicas ?? asked?.length ?? hosts.length) === hosts.length &&
    (asked === undefined || records.every(({ nodeId }) => asked.some((one) => one.nodeId === nodeId)));
  if (isSame && gone === undefined) return records;
  throw new InvalidRequestError(
    `Cannot start servers: those that were stopped keep collections, on ${names}` +
      (gone === undefined ? "" : `; ${gone.name} was removed from the network`),
    {
      hint: (gone === undefined ? "`weft data up` goes on with them there. " : "") +
        "With --force they are given up: put aside on those members, and others begin with nothing.",
    },
  );
}

/** @returns "orders", "orders and mails", or "mails, orders and others" */
function examples(names: readonly string[]): string {
  const [first, second] = names;
  return names.length > 2 ? `${first}, ${second} and others` : names.join(" and ");
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

/** @returns how they are when all run, or after a while */
async function started(report: () => Promise<DataServersReport>): Promise<DataServersReport> {
  const until = performance.now() + START_MS;
  for (;;) {
    const now = await report();
    if (
      now.servers.every(({ state }) => state === "running") ||
      performance.now() > until
    ) return now;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
