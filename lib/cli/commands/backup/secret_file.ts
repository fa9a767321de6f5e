/**
 * The new file that a command writes for its owner alone.
 * @module
 */

import { CommandError, systemReason, UsageError } from "../../failure.ts";
import type { CliPorts, SecretFile } from "../../ports.ts";

/**
 * Looks at the path before anything is asked for: one that can't be written has no consequences.
 * @param what it is to hold, as in "the backup"
 * @returns what writes it, and says as well why it can't
 * @throws UsageError for standard output; CommandError where such a file can't be made
 */
export async function prepareFile(path: string, ports: CliPorts, what: string): Promise<SecretFile> {
  if (path === "-") {
    throw new UsageError(`Cannot write ${what} to standard output`, {
      hint: "Name a new file: it is made for its owner alone.",
    });
  }
  const refuse = (cause: unknown) => {
    throw cannotWrite(path, what, cause);
  };
  const file = await ports.process.prepareSecretFile(path).catch(refuse);
  return { write: (content) => file.write(content).catch(refuse) };
}

function cannotWrite(path: string, what: string, cause: unknown): CommandError {
  return new CommandError(`Cannot write ${what} to ${path}: ${systemReason(cause)}`, {
    hint: cause instanceof Deno.errors.AlreadyExists
      ? "Choose another name: nothing is ever overwritten."
      : isFull(cause)
      ? "Make room there, or choose another disk."
      : "Choose a directory in which you may write.",
    cause,
  });
}

function isFull(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && /^(ENOSPC|EDQUOT)$/.test(String(cause.code));
}
