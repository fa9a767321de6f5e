/**
 * What may be asked of a running agent about servers of collections, done.
 * @module
 */

import type { DataServersControl, DataServersReport, DataServersRequest } from "../../api/mod.ts";
import type { MemberRecord } from "../../mesh/mod.ts";
import { peerId } from "../../service/mod.ts";
import type { Agent } from "../agent.ts";
import { checkReplaceable, type ChosenHost, isProgramPath, type SeenHost } from "../data_servers/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { chooseHosts, grantHosts, OFFERS, ungrantHosts } from "./data_server_hosts.ts";
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
      asOperator(mesh, () => serverActs.start(granted, program));
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
      // Where each collection is kept is not known here; what more of them offer is the likelier to be on the servers.
      const kept = agent.services.runtime.report().filter(({ path, providers }) =>
        OFFERS.some((kind) => path.startsWith(`${kind}/`)) &&
        providers.some(({ id }) => decision.hosts.some(({ nodeId }) => id === peerId(nodeId)))
      ).toSorted((a, b) => b.providers.length - a.providers.length);
      if (kept.length > 0 && !force) {
        throw new InvalidRequestError(
          `Cannot stop the servers: their members keep collections and queues, as ${
            kept[0]?.path.slice(kept[0].path.indexOf("/") + 1)
          }`,
          { hint: "With --force those on the servers are away until `weft data up` on the same members." },
        );
      }
      asOperator(mesh, () => serverActs.stop());
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
