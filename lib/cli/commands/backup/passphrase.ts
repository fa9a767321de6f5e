/**
 * What opens a sealed file, the passphrase or the secret of a recovery key: from a file of its own, typed, or read.
 * @module
 */

import { shellWord } from "../../../base/mod.ts";
import { UsageError } from "../../failure.ts";
import type { CliPorts } from "../../ports.ts";
import { readFile } from "../../weft_command.ts";

/** The option by which it is in a file. */
export const PASSPHRASE_FLAG = "--passphrase-file <file>";
/** What the help says of that. */
export const PASSPHRASE_HELP =
  "the file whose first line is the passphrase; it is asked for, or read from standard input, otherwise";

/** @returns it @throws UsageError when it can't be read, is empty, or was typed in two ways */
export async function readPassphrase(
  { passphraseFile: path }: Readonly<Record<string, unknown>>,
  ports: CliPorts,
  kind: "new" | "known",
): Promise<string> {
  const { process } = ports;
  if (typeof path === "string") {
    const [line = ""] = await readOwnLines(path, ports, "the passphrase");
    return present(line, "a passphrase");
  }
  const typed = present(await process.readSecret("Passphrase: "), "a passphrase");
  if (kind === "known" || !process.isTyped) return typed;
  if (await process.readSecret("The same again: ") === typed) return typed;
  throw new UsageError("Cannot use that passphrase: the second time it was another one", {
    hint: "Run the same again.",
  });
}

/** The option by which the secret of a recovery key is in a file. */
export const SECRET_FLAG = "--secret-file <file>";
/** What the help says of that. */
export const SECRET_HELP =
  "the file with the secret of the recovery key, as `weft recovery-key` has written it; it is asked for otherwise";

/** @returns the secret of a recovery key, unread @throws UsageError when it can't be read or there is none */
export async function readRecoverySecret(
  { secretFile: path }: Readonly<Record<string, unknown>>,
  ports: CliPorts,
): Promise<string> {
  if (typeof path !== "string") {
    return present(await ports.process.readSecret("Secret of the recovery key: "), "the secret");
  }
  const lines = await readOwnLines(path, ports, "the secret of the recovery key");
  return present(lines.find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "", "the secret");
}

/** @throws UsageError when it can't be read, or others may */
async function readOwnLines(path: string, ports: CliPorts, what: string): Promise<string[]> {
  const lines = (await readFile(path, ports, what)).split(/\r?\n/);
  if (await ports.process.othersMay(path) === undefined) return lines;
  throw new UsageError(`Cannot use ${what} in ${path}: others than its owner can read or change it`, {
    hint: `\`chmod 600 ${shellWord(path)}\` leaves it to its owner.`,
  });
}

function present(text: string, what: string): string {
  if (text !== "") return text;
  throw new UsageError(`Cannot go on without ${what}: it is empty`, {
    hint: "Type it, give it on the first line of standard input, or name the file that it is in.",
  });
}
