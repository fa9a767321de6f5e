/**
 * All that `weft doctor` finds, of an agent that runs or of a host before the first start.
 * @module
 */

import type { StatusReport } from "../../../api/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import type { Finding } from "../finding.ts";
import { doctorFindings, hostProbes } from "./doctor.ts";
import { readHostFacts } from "./host_facts.ts";
import { hostFindings } from "./host_findings.ts";

/** What is examined. */
export interface Patient {
  readonly client: Pick<ControlClient, "ask">;
  readonly stateDir: string;
  /** Of the agent that runs. */
  readonly status: StatusReport | undefined;
  /** Of the next start. */
  readonly port: number;
  readonly rootless: boolean;
  /** Of this program. */
  readonly version: string;
}

/** @returns what came of each check by its name, in the order in which problems stop a start */
export async function examine(
  { client, version, ...patient }: Patient,
): Promise<ReadonlyMap<string, Finding>> {
  const { status, stateDir } = patient;
  const policy = status && await client.ask("policyStatus").catch(() => undefined);
  const tokens = status?.node.role === "leader"
    ? await client.ask("listTokens").catch(() => undefined)
    : undefined;
  const probes = hostProbes();
  const findings = await doctorFindings({ ...patient, policy }, probes);
  const host = hostFindings({
    facts: await readHostFacts(stateDir, status),
    status,
    // An agent that runs knows best what it was told.
    port: status?.node.listenPort ?? patient.port,
    rootless: patient.rootless || status?.dataplane.kind === "rootless",
    version,
    stateDir,
    tokens,
    changes: status === undefined ? [] : await client.ask("hostChanges").catch(() => []),
    wallMs: probes.wallMs(),
  });
  return new Map([...findings, ...host]);
}
