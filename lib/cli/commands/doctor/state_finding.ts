/**
 * Whether the state directory can be used: by its folder, and by the database in it.
 * @module
 */

import { shellWord, StateError } from "../../../base/mod.ts";
import { SqliteStateStore, stateErrorFrom } from "../../../host/mod.ts";
import { systemReason } from "../../failure.ts";
import type { Finding } from "../finding.ts";

/** What is wrong with a directory, and what mends it. */
export interface StateTrouble {
  readonly detail: string;
  readonly hint?: string;
}

const USUAL_HINT = "Choose another directory with --state, or mend this one.";

/** @param trouble undefined for none @returns what came of the check */
export function stateFinding(dir: string, trouble: StateTrouble | undefined): Finding {
  if (trouble === undefined) return { kind: "ok", detail: `${dir} can be used` };
  return { kind: "problem", detail: `${dir}: ${trouble.detail}`, hint: trouble.hint ?? USUAL_HINT };
}

/**
 * Nothing is made: a missing directory is judged by the nearest one above it.
 * @param isRunning whether an agent has the database open, which knows best how that is
 */
export async function stateTrouble(dir: string, isRunning: boolean): Promise<StateTrouble | undefined> {
  let at = dir.startsWith("/") ? dir : `${Deno.cwd()}/${dir}`;
  for (;;) {
    try {
      const { isDirectory } = await Deno.stat(at);
      if (!isDirectory) return { detail: `${at} is no directory` };
      break;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        return { detail: error instanceof Error ? error.message : String(error) };
      }
      at = at.replace(/\/+[^/]*\/*$/, "") || "/";
    }
  }
  if (!isRunning && SqliteStateStore.existsIn(dir)) {
    const trouble = databaseTrouble(dir);
    if (trouble !== undefined) return trouble;
  }
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: at, prefix: ".weft-doctor-" }));
  } catch (error) {
    const what = SqliteStateStore.existsIn(dir)
      ? "its files cannot be written"
      : `nothing can be written in ${at}`;
    const { hint } = stateErrorFrom("write", at, error);
    return { detail: `${what}: ${systemReason(error)}`, ...hint !== undefined && { hint } };
  }
  return undefined;
}

/** Opened as a start would, and closed again. */
function databaseTrouble(dir: string): StateTrouble | undefined {
  try {
    SqliteStateStore.open(dir).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    // An agent that starts, or waits to be let in, answers nothing yet.
    if (error.message.includes("in use")) return undefined;
    const detail = error.message.replace(/^Cannot open the state in .*?: /, "");
    if (detail.includes("damaged")) {
      return {
        detail,
        hint: `\`weft restore --force FILE\` brings a backup back; without one, \`mv ${shellWord(dir)} ${
          shellWord(`${dir}.damaged`)
        }\` and join anew.`,
      };
    }
    if (detail.includes("other users")) {
      return {
        detail,
        hint: `\`chown -R "$(id -un)" ${shellWord(dir)} && chmod -R go-rwx ${
          shellWord(dir)
        }\`, as the user that runs weft.`,
      };
    }
    return { detail, ...error.hint !== undefined && { hint: error.hint } };
  }
}
