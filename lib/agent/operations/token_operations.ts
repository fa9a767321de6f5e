/**
 * What may be asked of a running agent about tokens, done; and the token that a leader shows at its start.
 * @module
 */

import type { AgentControl, TokenReport, TokenRequest } from "../../api/mod.ts";
import { type UnixMillis, unixMillis } from "../../base/mod.ts";
import {
  addGrants,
  MAX_OTHER_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  MAX_TOKEN_URL_LENGTH,
  MAX_TOKEN_URLS,
  NO_GRANTS,
  type TokenEntry,
  type TokenLeader,
} from "../../mesh/mod.ts";
import { IpAddress, type WebAddress } from "../../net/mod.ts";
import type { Agent } from "../agent.ts";
import { InvalidRequestError, UnknownTokenError } from "../errors.ts";
import { asInvalid, asOperator, leaderPart, requireBounds } from "./membership_operations.ts";

/** A token that may be shown now, and how long it is good. */
export interface StartToken {
  /** What lets machines in. */
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: UnixMillis;
}

/** @returns the operations about tokens, as `agent` does them */
export function tokenOperations(
  agent: Agent,
): Pick<AgentControl, "createToken" | "listTokens" | "revokeToken"> {
  const { mesh } = agent;
  return {
    createToken(request) {
      const tokens = leaderPart(mesh, mesh.tokens);
      const wanted = request.address === undefined ? undefined : IpAddress.parse(request.address);
      const holder = wanted && mesh.roster.holderOfAddress(wanted);
      if (holder !== undefined) {
        throw new InvalidRequestError(
          `Cannot make a token for the address ${wanted}: it is ${holder.name}'s`,
          {
            hint:
              "`weft peers` shows all addresses; `weft peer address` or `weft peer remove` makes one free.",
          },
        );
      }
      const token = asOperator(mesh, () => asInvalid(() => tokens.create(newToken(agent, request))));
      agent.shareTokens();
      const entry = tokens.get(token.tokenId);
      if (entry === undefined) throw new UnknownTokenError(`Cannot find the token ${token.tokenId} again`);
      return { token: token.encode(), report: tokenReport(entry) };
    },

    listTokens: () => leaderPart(mesh, mesh.tokens).list().map(tokenReport),

    revokeToken(id) {
      const tokens = leaderPart(mesh, mesh.tokens);
      if (asOperator(mesh, () => tokens.revoke(id))) return agent.shareTokens();
      throw new UnknownTokenError(`Cannot revoke the token ${id}: there is none of that id`, {
        hint: "`weft token list` shows all.",
      });
    },
  };
}

/**
 * @returns the token that admits any number of machines: the one of the last start while enough of its life is left
 * @throws NotLeaderError, WeftError when there are too many
 */
export function startTokenOf(agent: Agent): StartToken {
  const { mesh } = agent;
  const token = leaderPart(mesh, asOperator(mesh, () => mesh.startToken(namedByToken(agent))));
  agent.shareTokens();
  return { token: token.encode(), expiresAt: token.expiresAt };
}

function newToken(agent: Agent, request: TokenRequest) {
  const { withoutEndpoints = false, grants: given, ...rest } = request;
  const grants = given === undefined ? undefined : addGrants(NO_GRANTS, given);
  if (grants !== undefined) requireBounds(grants);
  const named = namedByToken(agent);
  return {
    ...rest,
    ...grants && { grants },
    ...named,
    ...withoutEndpoints && { endpoints: [], urls: [], others: [] },
  };
}

/** What every token says of the network and who leads it. */
function namedByToken(agent: Agent) {
  const { mesh } = agent;
  const statement = mesh.roster.get(mesh.identity.id)?.statement;
  return {
    networkId: mesh.network.id,
    leaderPublicKey: mesh.identity.publicKey,
    endpoints: statement?.channelEndpoints ?? [],
    urls: tokenUrls(statement?.urls),
    cidr: mesh.cidr,
    others: otherLeaders(agent),
  };
}

/** @returns the URLs that a token can name */
function tokenUrls(urls: readonly WebAddress[] = []): WebAddress[] {
  return urls.filter((url) => `${url}`.length <= MAX_TOKEN_URL_LENGTH).slice(0, MAX_TOKEN_URLS);
}

/** Those by whom a token lets in as well; the ones that were heard come first. */
function otherLeaders({ mesh: { roster, identity }, session }: Agent): TokenLeader[] {
  const views = session?.leaders.views().toSorted((a, b) => Number(b.isAlive) - Number(a.isAlive)) ?? [];
  return views.filter(({ nodeId }) => nodeId !== identity.id).slice(0, MAX_TOKEN_OTHERS).flatMap(
    ({ nodeId }) => {
      const { record, statement } = roster.get(nodeId) ?? {};
      if (record === undefined || statement === undefined) return [];
      const endpoints = statement.channelEndpoints.slice(0, MAX_OTHER_ENDPOINTS);
      return [{ publicKey: record.publicKey, endpoints, urls: tokenUrls(statement.urls) }];
    },
  );
}

/** @returns what may be shown of a token */
export function tokenReport({ createdAt, expiresAt, ...token }: TokenEntry): TokenReport {
  const { ephemeralMs, needsApproval, address, ...rest } = token;
  return {
    ...rest,
    createdAt: unixMillis(createdAt),
    expiresAt: unixMillis(expiresAt),
    ...ephemeralMs !== undefined && { ephemeralMs },
    ...needsApproval !== undefined && { needsApproval },
    ...address !== undefined && { address },
  };
}
