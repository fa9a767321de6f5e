/**
 * What may be asked of a running agent, done.
 * @module
 */

import type { AgentControl } from "../api/mod.ts";
import { WeftError } from "../base/mod.ts";
import { PresharedKey, PublicKey } from "../crypto/mod.ts";
import { FLAG, formatRecord, RESPONSE_CODE, responseCodeText } from "../dns/mod.ts";
import {
  addGrants,
  type AdmissionRefusal,
  isNodeName,
  isReservedName,
  MAX_OTHER_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  type Member,
  type MeshState,
  NO_GRANTS,
  NO_UPDATE,
  nodeIdOf,
  type RecordEntry,
  type TokenLeader,
} from "../mesh/mod.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import type { Agent } from "./agent.ts";
import {
  InvalidRequestError,
  NotLeaderError,
  UnknownNameError,
  UnknownPeerError,
  UnknownTokenError,
  UnreachableError,
} from "./errors.ts";
import type { LeaderCoordinator } from "./leaders/mod.ts";
import { namesOf } from "./names/mod.ts";
import { serviceOperations } from "./service_operations.ts";

/** How long a member may take to answer a ping. */
const PING_TIMEOUT_MS = 5_000;

/** Why a leader adds no device. */
const ADMISSION_REFUSALS: Readonly<Record<AdmissionRefusal, string>> = {
  "refused:key-mismatch": "its key is another one's",
  "refused:revoked": "its key was removed, and a removed key is never let in again",
  "refused:token": "its token is not good",
  "refused:other-identity": "its key is that of a member",
  "refused:no-address": "no address is free",
  "refused:roster-full": "the network is full",
};

/** Turns requests, which are as `OPERATIONS` says, into calls of the agent's parts, and their answers into reports. */
export function agentOperations(agent: Agent): AgentControl {
  const { mesh } = agent;
  return {
    ...serviceOperations(agent),

    status: () => agent.status(),
    peers: () => agent.status().peers,
    leaders: () => agent.status().leaders,

    createToken(request) {
      const tokens = leaderPart(mesh, mesh.tokens);
      const { withoutEndpoints = false, grants, ...rest } = request;
      const stated = mesh.roster.get(mesh.identity.id)?.statement?.channelEndpoints ?? [];
      const endpoints = withoutEndpoints ? [] : stated;
      const token = asInvalid(() =>
        tokens.create({
          ...rest,
          ...grants === undefined ? {} : { grants: addGrants(NO_GRANTS, grants) },
          networkId: mesh.network.id,
          leaderPublicKey: mesh.identity.publicKey,
          endpoints,
          cidr: mesh.cidr,
          others: withoutEndpoints ? [] : otherLeaders(agent),
        })
      );
      agent.shareTokens();
      const entry = tokens.get(token.tokenId);
      if (entry === undefined) throw new UnknownTokenError(`Cannot find the token ${token.tokenId} again`);
      return { token: token.encode(), report: entry };
    },

    listTokens() {
      return leaderPart(mesh, mesh.tokens).list();
    },

    revokeToken(id) {
      if (leaderPart(mesh, mesh.tokens).revoke(id)) return agent.shareTokens();
      throw new UnknownTokenError(`Cannot revoke the token ${id}: there is none of that id`, {
        hint: "weft token list shows all.",
      });
    },

    addDevice(request) {
      const { secrets } = agent;
      const admission = leaderPart(mesh, mesh.admission);
      const { name, persistentKeepaliveSeconds } = request;
      if (!isNodeName(name)) {
        throw new InvalidRequestError(`Cannot add ${JSON.stringify(name)}: a name is one DNS label`, {
          hint: "Use lower-case letters, digits and hyphens, at most 63.",
        });
      }
      if (isReservedName(name)) {
        throw new InvalidRequestError(`Cannot add ${name}: the name is reserved`, {
          hint: `It means something else in the zone or to resolvers; host-${name} is free to use.`,
        });
      }
      const publicKey = parsed("public key", request.publicKey, (text) => PublicKey.parse(text));
      const presharedKey = optional(
        "preshared key",
        request.presharedKey,
        (text) => PresharedKey.parse(text),
      );
      const endpoint = optional("endpoint", request.endpoint, (text) => Endpoint.parse(text));
      const allowedIps = (request.allowedIps ?? []).map((text) => parsed("allowed IP", text, Cidr.parse));
      const nodeId = nodeIdOf(publicKey);
      const former = secrets.get(nodeId);
      // Before the record: a device that is a peer without its preshared key would be one that nobody asked for.
      secrets.set(nodeId, presharedKey);
      let enrolled: RecordEntry | AdmissionRefusal | undefined;
      try {
        enrolled = asInvalid(() =>
          admission.addDevice({ name, publicKey, endpoint, allowedIps, persistentKeepaliveSeconds })
        );
      } finally {
        if (typeof enrolled !== "object") secrets.set(nodeId, former);
      }
      if (typeof enrolled === "string") {
        throw new InvalidRequestError(`Cannot add ${name}: ${ADMISSION_REFUSALS[enrolled]}`);
      }
      const { record, signed } = enrolled;
      mesh.replica.publish({ ...NO_UPDATE, records: [signed] });
      return { name: record.name, addresses: record.addresses.map(String) };
    },

    removePeer(peer, revokeToken = false) {
      const { secrets } = agent;
      const admission = leaderPart(mesh, mesh.admission);
      const member = memberOf(mesh, peer);
      if (member.record.nodeId === mesh.identity.id) {
        throw new InvalidRequestError("Cannot remove this node itself: nobody else could sign that");
      }
      const revoked = admission.revoke(member.record.publicKey);
      if (revoked === undefined) throw unknownPeer(peer);
      // First of all, everybody cuts it off.
      mesh.replica.publish({ ...NO_UPDATE, records: [revoked.signed] });
      secrets.set(revoked.record.nodeId, undefined);
      const { name } = member.record;
      const tokenId = admission.tokenOf(member.record);
      if (tokenId === undefined) return { done: true, name };
      if (revokeToken && mesh.tokens?.revoke(tokenId)) agent.shareTokens();
      const token = mesh.tokens?.get(tokenId);
      return { done: true, name, ...token && { token } };
    },

    async promoteLeader(node) {
      await coordinator(agent).promote(memberOf(mesh, node));
      agent.shareTokens();
    },

    async demoteLeader(node) {
      await coordinator(agent).demote(memberOf(mesh, node));
    },

    async rotateKey() {
      await agent.rotateKey();
      const { identity } = mesh;
      return { publicKey: identity.publicKey.toString(), id: identity.id };
    },

    async ping(peer) {
      const member = memberOf(mesh, peer);
      const { record } = member;
      if (record.nodeId === mesh.identity.id) throw new InvalidRequestError("Cannot ping this node itself");
      if (record.verifyingKey === undefined) {
        throw new UnreachableError(
          `Cannot ping ${record.name}: it runs no weft, so it has no message plane`,
          {
            hint: "Use the system's ping, which goes through the tunnel.",
          },
        );
      }
      const answer = await agent.session?.health.probe(member, { timeoutMs: PING_TIMEOUT_MS, dials: true });
      if (answer !== undefined) {
        const { lastHandshakeAgeMs = null } = agent.status().peers.find(({ id }) => id === record.nodeId) ??
          {};
        return { ...answer, lastHandshakeAgeMs };
      }
      throw new UnreachableError(`Cannot reach ${record.name}: it answers at none of its endpoints`, {
        hint: "weft peers shows when it was last heard.",
        retryable: true,
      });
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
          hint: "weft dns list shows all; what others have added is removed there, and leaders share theirs.",
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

function coordinator({ session }: Agent): LeaderCoordinator {
  const leaders = session?.leaders;
  if (leaders !== undefined) return leaders;
  throw new UnreachableError("Cannot do that now: the agent has not started yet", { retryable: true });
}

function memberOf({ roster }: MeshState, text: string): Member {
  const member = roster.find(text);
  if (member === undefined) throw unknownPeer(text);
  return member;
}

function unknownPeer(peer: string): UnknownPeerError {
  return new UnknownPeerError(`Cannot find ${JSON.stringify(peer)}: nobody in the network goes by that`, {
    hint: "weft peers lists all names.",
  });
}

/** Those by whom a token lets in as well; the ones that were heard come first. */
function otherLeaders({ mesh: { roster, identity }, session }: Agent): TokenLeader[] {
  const views = session?.leaders.views().toSorted((a, b) => Number(b.isAlive) - Number(a.isAlive)) ?? [];
  return views.filter(({ nodeId }) => nodeId !== identity.id).slice(0, MAX_TOKEN_OTHERS).flatMap(
    ({ nodeId }) => {
      const { record, statement } = roster.get(nodeId) ?? {};
      if (record === undefined || statement === undefined) return [];
      const endpoints = statement.channelEndpoints.slice(0, MAX_OTHER_ENDPOINTS);
      return [{ publicKey: record.publicKey, endpoints }];
    },
  );
}

/** @returns `part`, which leaders have @throws NotLeaderError that names those that have it */
function leaderPart<T>({ roster }: MeshState, part: T | undefined): T {
  if (part !== undefined) return part;
  const leaders = roster.members().filter(({ record }) => record.roles.includes("leader"));
  throw new NotLeaderError("Cannot do that here: this node is no leader", {
    hint: `Do it on ${leaders.map(({ record }) => record.name).join(" or ") || "the leader"}.`,
  });
}

/** @throws InvalidRequestError that does not repeat the text, which may be secret */
function parsed<T>(what: string, text: string, parse: (text: string) => T | undefined): T {
  const value = parse(text);
  if (value !== undefined) return value;
  throw new InvalidRequestError(`Cannot use that ${what}: it is malformed`);
}

function optional<T>(
  what: string,
  text: string | undefined,
  parse: (text: string) => T | undefined,
): T | undefined {
  return text === undefined ? undefined : parsed(what, text, parse);
}

/** The mesh says with a RangeError that a field is out of bounds. */
function asInvalid<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof WeftError || !(error instanceof RangeError)) throw error;
    throw new InvalidRequestError(error.message, { cause: error });
  }
}
