/**
 * What is to be told of the servers of collections.
 * @module
 */

import type { Warning } from "../warnings/mod.ts";
import type { ServerStatus } from "./server_calls.ts";

/** A member that is to run one, as another member sees it. */
export interface SeenServer {
  /** The member's name. */
  readonly name: string;
  /** Whether it was asked already. */
  readonly isKnown: boolean;
  /** Undefined where it does not answer. */
  readonly status: ServerStatus | undefined;
}

const KIND = "data-server";
/** What helps where a member does not come back. */
const replaceHint = (name: string) =>
  `If it does not come back, \`weft data replace ${name}\` on a leader has another member take its place.`;
const SHOW = "`weft data status` shows all of them.";
/** A start takes so long, in milliseconds, without being told. */
const START_MS = 30_000;

/** @returns the warnings: who is away, whether most are, and who runs another version */
export function serverWarnings(servers: readonly SeenServer[]): readonly Warning[] {
  const known = servers.filter(({ isKnown }) => isKnown);
  const warnings = known.flatMap(({ name, status }) => {
    if (status === undefined) {
      return [
        warning(
          `away ${name}`,
          `the server of collections on ${name} is away: ${name} does not answer`,
          servers.length > 1 ? replaceHint(name) : SHOW,
        ),
      ];
    }
    const { state, problem, sinceMs = 0, installed, version } = status;
    if (state === "failed" || (state === "starting" && sinceMs > START_MS)) {
      const why = problem === undefined ? "" : `: ${problem}`;
      return [warning(`failed ${name}`, `the server of collections on ${name} does not run${why}`, SHOW)];
    }
    if (installed === undefined) return [];
    return [warning(
      `installed ${name}`,
      `the server of collections on ${name} is of version ${version}, and ${installed} is installed`,
      `Restart weft on ${name}; where several are to be upgraded, on one after the other.`,
    )];
  });
  const running = known.filter(({ status }) => status?.state === "running");
  if (known.length === servers.length && running.length * 2 <= servers.length) {
    warnings.push(warning(
      "quorum",
      `${running.length} of ${servers.length} servers of collections run: nothing is written or read there`,
      "It goes on by itself when most of them run.",
    ));
  }
  const versions = [...new Set(running.map(({ status }) => status?.version ?? ""))].sort();
  if (versions.length > 1) {
    warnings.push(warning(
      "versions",
      `the servers of collections are of versions ${versions.join(" and ")}`,
      "Install one version on all, and restart weft on one after the other.",
    ));
  }
  return warnings;
}

/** @returns that servers which nobody in the mesh runs can't be used, and why */
export function givenWarning(problem: string): Warning {
  return warning(
    "given",
    `the servers of --data can't be used: ${problem}`,
    "`weft data status` shows them.",
  );
}

function warning(about: string, text: string, hint: string): Warning {
  return { kind: KIND, about, text, hint };
}
