/**
 * Who leads: promotion, demotion, new keys, and what is left for when no leader is.
 * @module
 */

import type { AgentControl } from "../../api/mod.ts";
import {
  noteExport,
  openRecoveryFile,
  passphraseProblem,
  recoveryContent,
  sealRecoveryFile,
} from "../../mesh/mod.ts";
import { systemRandom } from "../../host/mod.ts";
import type { Agent } from "../agent.ts";
import { InvalidRecoveryFileError, InvalidRequestError, UnreachableError } from "../errors.ts";
import type { LeaderCoordinator } from "../leaders/mod.ts";
import { leaderPart, memberOf } from "./membership_operations.ts";

/** What may be asked about leaders. */
type LeaderOperations = Pick<
  AgentControl,
  "promoteLeader" | "demoteLeader" | "rotateKey" | "exportLeader" | "recoverLeader"
>;

/** @returns these operations, done by an agent */
export function leaderOperations(agent: Agent): LeaderOperations {
  const { mesh } = agent;
  return {
    async promoteLeader(node) {
      const member = memberOf(agent, node);
      // So that it knows before it leads what has been counted.
      if (mesh.role === "leader") agent.shareTokens(true);
      await coordinator(agent).acts.promote(member);
      agent.shareTokens();
      return { done: true, name: member.record.name };
    },

    async demoteLeader(node) {
      const member = memberOf(agent, node);
      await coordinator(agent).acts.demote(member);
      return { done: true, name: member.record.name };
    },

    async rotateKey() {
      await agent.rotateKey();
      const { identity } = mesh;
      return { publicKey: identity.publicKey.toString(), id: identity.id };
    },

    async exportLeader({ passphrase }) {
      leaderPart(mesh, mesh.admission);
      const problem = passphraseProblem(passphrase);
      if (problem !== undefined) {
        throw new InvalidRequestError(`Cannot use that passphrase: ${problem}`, {
          hint: "Some words that nobody guesses will do; whoever has the file may guess for years.",
        });
      }
      const content = recoveryContent(mesh, agent.clock.wall());
      const file = await sealRecoveryFile(content, passphrase, { random: systemRandom });
      mesh.replica.publish(noteExport(mesh, content));
      return { file, name: mesh.record.name, members: content.roster.records.length };
    },

    async recoverLeader({ file, passphrase }) {
      const content = await openRecoveryFile(file, passphrase);
      if ("problem" in content) throw new InvalidRecoveryFileError(content);
      const others = coordinator(agent).recover(content);
      agent.shareTokens();
      return { done: true, name: mesh.record.name, others };
    },
  };
}

function coordinator({ session }: Agent): LeaderCoordinator {
  const leaders = session?.leaders;
  if (leaders !== undefined) return leaders;
  throw new UnreachableError("Cannot do that now: the agent has not started yet", { retryable: true });
}
