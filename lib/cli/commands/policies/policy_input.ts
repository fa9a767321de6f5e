/**
 * The files of policies that commands name, and the flags that several of them have.
 * @module
 */

import { type PolicyFile, readPolicyFile, readRosterFile } from "../../../config/mod.ts";
import { checkPolicy, compilePolicy, type PolicyRoster, runPolicyTests } from "../../../policy/mod.ts";
import type { PolicyTestReport } from "../../../api/mod.ts";
import { CommandError } from "../../failure.ts";
import type { CliPorts } from "../../ports.ts";
import { readFile } from "../../weft_command.ts";

/** A file that was read, and its text for the agent. */
export interface ReadPolicy extends PolicyFile {
  readonly text: string;
  /** As messages call it. */
  readonly name: string;
}

/** @param path `-` for standard input @throws UsageError, PolicyFileError */
export async function readPolicy(path: string, ports: CliPorts): Promise<ReadPolicy> {
  const name = path === "-" ? "standard input" : path;
  const text = await readFile(path, ports, "the policy");
  return { ...await readPolicyFile(text, name), text, name };
}

/** @throws UsageError, PolicyFileError */
export async function readRoster(path: string, ports: CliPorts): Promise<PolicyRoster> {
  const name = path === "-" ? "standard input" : path;
  return await readRosterFile(await readFile(path, ports, "the members"), name);
}

/** @returns what came of the tests of a file, without an agent */
export function testOffline({ document }: PolicyFile, roster: PolicyRoster): PolicyTestReport {
  const revision = "0".repeat(16);
  const { warnings } = compilePolicy(document, roster, { revision });
  return {
    revision,
    tests: document.tests.reduce((sum, { accept, deny }) => sum + accept.length + deny.length, 0),
    failures: runPolicyTests(document, roster),
    warnings: [...new Set([...checkPolicy(document, roster).map(({ message }) => message), ...warnings])],
  };
}

/**
 * @returns warnings with the place of the rule that each names first, as in `web-tier#3: nobody is meant by role=dbb`;
 * one entry of a file makes a rule for each of its protocols, and what is true of all of them is told of the first
 */
export function locate(
  warnings: readonly string[],
  { document, positionOf }: Pick<PolicyFile, "document" | "positionOf">,
): readonly string[] {
  const located = new Map<string, string>();
  for (const warning of warnings) {
    const [, name, number, what = ""] = /^([a-z0-9-]+)#(\d+): (.*)$/s.exec(warning) ?? [];
    const policy = document.policies.findIndex((one) => one.name === name);
    const place = policy < 0 ? undefined : positionOf(["policies", policy, "rules", Number(number) - 1]);
    const at = place && `line ${place.line}, column ${place.column}: `;
    const key = at === undefined ? warning : at + what;
    if (!located.has(key)) located.set(key, `${at ?? ""}${warning}`);
  }
  return [...located.values()];
}

/** @throws CommandError when tests fail */
export function checkTests(
  { failures, tests }: Pick<PolicyTestReport, "failures" | "tests">,
  what: string,
): void {
  if (failures.length === 0) return;
  throw new CommandError(`${what}: ${failures.length} of ${tests} tests fail`, {
    hint: "`weft policy explain SOURCE DESTINATION --file FILE` shows every rule that was asked.",
  });
}
