/**
 * What may be asked of a running agent, done.
 * @module
 */

import type { AgentControl } from "../../api/mod.ts";
import { FLAG, formatRecord, RESPONSE_CODE, responseCodeText } from "../../dns/mod.ts";
import { NO_UPDATE } from "../../mesh/mod.ts";
import type { Agent } from "../agent.ts";
import type { ListedStore } from "../backup/mod.ts";
import { dataServerOperations } from "./data_server_operations.ts";
import { deviceOperations } from "./device_operations.ts";
import { diagnosisOperations } from "./diagnosis_operations.ts";
import { type AgentProcess, processOperations } from "./agent_process.ts";
import { leaderOperations } from "./leader_operations.ts";
import { measurementOperations } from "./measurement_operations.ts";
import { networkOperations } from "./network_operations.ts";
import { policyOperations } from "./policy_operations.ts";
import { DeniedError } from "../policy/mod.ts";
import { InvalidRequestError, UnknownNameError, UnreachableError } from "../errors.ts";
import {
  asOperator,
  leaderPart,
  memberOf,
  membershipOperations,
  recordOf,
  unknownPeer,
} from "./membership_operations.ts";
import { namesOf } from "../names/mod.ts";
import { devicesOf } from "../plain_devices.ts";
import { prunePeers } from "./prune.ts";
import { reachOperations } from "./reach_operations.ts";
import { routeOperations } from "./route_operations.ts";
import { serviceOperations } from "./service_operations.ts";
import { networkSettings, type NodeSettings } from "../start/mod.ts";
import { tunnelPath } from "../status_report.ts";
import type { StatusToken } from "../status_token.ts";
import { tokenOperations, tokenReport } from "./token_operations.ts";
import { unansweredPing } from "./unanswered_ping.ts";

/** How long a member may take to answer a ping. */
const PING_TIMEOUT_MS = 5_000;
/** How long its link may take, when nothing has come back through the tunnel. */
const LINK_PING_TIMEOUT_MS = 1_000;

/** Turns requests, which are as `OPERATIONS` says, into calls of the agent's parts, and their answers into reports. */
export function agentOperations(
  agent: Agent,
  { statusToken, process, settings, reload, store }: {
    readonly statusToken: StatusToken;
    readonly process: AgentProcess | undefined;
    readonly settings: NodeSettings;
    readonly reload: AgentControl["reload"];
    readonly store: ListedStore;
  },
): AgentControl {
  const { mesh } = agent;
  return {
    ...serviceOperations(agent),
    ...measurementOperations(agent),
    ...membershipOperations(agent),
    ...networkOperations(agent),
    ...policyOperations(agent),
    ...routeOperations(agent),
    ...dataServerOperations(agent),
    ...tokenOperations(agent),
    ...deviceOperations(agent),
    ...leaderOperations(agent),
    ...processOperations(agent, process),
    ...reachOperations(agent),
    ...diagnosisOperations(agent, store),

    settings: () => settings.report(networkSettings(mesh)),
    changeSetting: (change) => settings.change(change),
    reload,

    status: () => agent.status(),
    peers: () => agent.status().peers,
    leaders: () => agent.status().leaders,
    memberLinks: () => agent.view.links.view(),
    listData: () => agent.view.data.view(),
    timeline: ({ after = 0 }) => agent.view.timeline.after(after),
    statusToken: ({ isNew }) => ({ token: isNew ? statusToken.renew() : statusToken.current() }),

    removePeer(peer, revokeToken = false) {
      const { secrets } = agent;
      const admission = leaderPart(mesh, mesh.admission);
      // One whose record has expired may come back, until it is removed.
      const member = recordOf(agent, peer);
      if (member.nodeId === mesh.identity.id) {
        throw new InvalidRequestError("Cannot remove this node itself: nobody else could sign that", {
          hint: "`weft leave` lets it leave the network; another leader can remove it.",
        });
      }
      const revoked = asOperator(mesh, () => admission.revoke(member.publicKey));
      if (revoked === undefined) throw unknownPeer(peer);
      // First of all, everybody cuts it off.
      mesh.replica.publish({ ...NO_UPDATE, records: [revoked.signed] });
      secrets.set(revoked.record.nodeId, undefined);
      const devices = devicesOf(mesh, member).map((device) => device.name);
      const removed = { done: true, name: member.name, ...devices.length > 0 && { devices } } as const;
      const tokenId = admission.tokenOf(member);
      if (tokenId === undefined) return removed;
      if (revokeToken && asOperator(mesh, () => mesh.tokens?.revoke(tokenId))) agent.shareTokens();
      const token = mesh.tokens?.get(tokenId);
      return { ...removed, ...token && { token: tokenReport(token) } };
    },

    prunePeers: (request) => prunePeers(agent, request),

    findMember(text) {
      const nodeId = agent.members.find(text);
      return { name: nodeId === undefined ? null : agent.mesh.roster.get(nodeId)?.record.name ?? null };
    },

    async ping(peer) {
      const member = memberOf(agent, peer);
      const { record } = member;
      if (record.nodeId === mesh.identity.id) {
        throw new InvalidRequestError(`Cannot ping ${record.name}: it is this node itself`, {
          hint: "`weft peers` lists the others, and `weft status` shows how this one is.",
        });
      }
      if (record.verifyingKey === undefined) {
        throw new UnreachableError(
          `Cannot ping ${record.name}: it runs no weft, so it has no message plane`,
          {
            hint: "Use the system's ping, which goes through the tunnel.",
          },
        );
      }
      const denied = agent.policies.messages.guard.admitPing("out", mesh.identity.id, record.nodeId);
      if (denied !== undefined) throw new DeniedError(`ping ${record.name}`, denied.rule);
      const health = agent.session?.health;
      // Where the tunnel has worked the probe takes no other answer, but whoever asks wants to know who is there.
      const answer = await health?.probe(member, { timeoutMs: PING_TIMEOUT_MS, dials: true }) ??
        await health?.probeLink(record.nodeId, LINK_PING_TIMEOUT_MS);
      const seen = agent.status().peers.find(({ id }) => id === record.nodeId);
      if (answer === undefined) throw unansweredPing(record.name, seen);
      const { rttMs, path } = answer;
      const way = seen?.way;
      return {
        rttMs,
        path: path === "direct" ? tunnelPath(way) : path,
        ...way && { way },
        lastHandshakeAgeMs: seen?.lastHandshakeAgeMs ?? null,
      };
    },

    listNames() {
      return namesOf(agent.names).handle.records();
    },

    addName(request) {
      return namesOf(agent.names).custom.add(request);
    },

    removeName({ name, type, data }) {
      const removed = namesOf(agent.names).custom.remove(name, type, data);
      if (removed > 0) return removed;
      throw new UnknownNameError(
        `Cannot remove ${JSON.stringify(name)}: this node has added no such record`,
        {
          hint:
            "`weft dns list` shows all; what others have added is removed there, and leaders share theirs.",
        },
      );
    },

    async resolveName(name, type) {
      const { handle } = namesOf(agent.names);
      // resolv.conf(5), `ndots`: a name with a dot in it may be whole.
      const isWhole = /.\../.test(name) && !name.endsWith(".");
      let response = await handle.query(isWhole ? `${name}.` : name, type);
      if (isWhole && response.responseCode !== RESPONSE_CODE.NOERROR) {
        const below = await handle.query(name, type);
        if (below.responseCode === RESPONSE_CODE.NOERROR) response = below;
      }
      return {
        code: responseCodeText(response.responseCode),
        isAuthoritative: (response.flags & FLAG.AA) !== 0,
        answers: response.answers.map(formatRecord),
        authority: response.authority.map(formatRecord),
      };
    },
  };
}
