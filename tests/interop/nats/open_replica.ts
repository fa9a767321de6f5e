/**
 * A node's engine alone, without the node, for tests and the programs that they kill.
 * @module
 */

import { silentLogger } from "../../../lib/base/mod.ts";
import {
  DATA_SCHEMA,
  JetStreamLog,
  parseNatsServer,
  RECORD_VERSION,
  ReplicatedEngine,
} from "../../../lib/data/mod.ts";
import { afterSystemTurn, ReplaceableDatabase, systemEnvironment } from "../../../lib/host/mod.ts";

/** @returns what nodes share by the log at a server @param stateDir where its copy is, as it was left @param url of the server */
export function openReplica(stateDir: string, url: string): ReplicatedEngine {
  const environment = systemEnvironment(silentLogger);
  return new ReplicatedEngine({
    ...environment,
    commits: new JetStreamLog({ ...environment, server: () => parseNatsServer(url), name: "kills" }),
    copy: new ReplaceableDatabase(stateDir, {
      ...{ name: "shared.db", applicationId: 1, schemaVersion: 1, newestVersion: RECORD_VERSION },
      ...{ schema: DATA_SCHEMA, isCheckedWhole: false },
    }),
    afterTurn: afterSystemTurn,
  });
}
