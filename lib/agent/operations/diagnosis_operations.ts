/**
 * What is asked when something is wrong, or may be one day.
 * @module
 */

import type { DiagnosisControl } from "../../api/mod.ts";
import type { StateStore } from "../../base/mod.ts";
import { hostChangeText, HostJournal } from "../../host/mod.ts";
import type { Agent } from "../agent.ts";
import { backupNode, type ListedStore } from "../backup/mod.ts";

/** @returns these operations, done by an agent with its store */
export function diagnosisOperations(agent: Agent, store: StateStore & ListedStore): DiagnosisControl {
  const { mesh } = agent;
  return {
    hostChanges: () => new HostJournal(store).changes().map(hostChangeText),

    async backup(request) {
      const { record: { name }, network } = mesh;
      const files = await agent.services.collections.copy();
      const node = { name, networkId: network.id, madeAt: agent.clock.wall(), files };
      const file = await backupNode(store, node, request);
      return {
        name,
        file: file.toBase64(),
        dataBytes: files.reduce((sum, [, { length }]) => sum + length, 0),
      };
    },
  };
}
