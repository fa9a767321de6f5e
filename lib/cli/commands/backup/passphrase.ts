/**
 * The passphrase of a file: from a file of its own, typed, or read.
 * @module
 */

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
    const [line = ""] = (await readFile(path, ports, "the passphrase")).split(/\r?\n/, 1);
    if (await process.othersMay(path) !== undefined) {
      throw new UsageError(
        `Cannot use the passphrase in ${path}: others than its owner can read or change it`,
        {
          hint: `\`chmod 600 ${path}\` leaves it to its owner.`,
        },
      );
    }
    return present(line);
  }
  const typed = present(await process.readSecret("Passphrase: "));
  if (kind === "known" || !process.isTyped) return typed;
  if (await process.readSecret("The same again: ") === typed) return typed;
  throw new UsageError("Cannot use that passphrase: the second time it was another one", {
    hint: "Run the same again.",
  });
}

function present(passphrase: string): string {
  if (passphrase !== "") return passphrase;
  throw new UsageError("Cannot go on without a passphrase: it is empty", {
    hint: "Type it, give it on the first line of standard input, or name a file by --passphrase-file.",
  });
}
