/**
 * The pages that are made from the code: what is in `docs/reference`. A test makes them again and compares.
 * @module
 */

import { commandsPage } from "./command_pages.ts";
import { referenceCommands } from "./commands.ts";
import { manPage } from "./man_page.ts";

/** Where they are, from the root. */
export const REFERENCE_FOLDER = "docs/reference";

/**
 * @param version of the program
 * @returns the files by their names, before the formatter has seen them
 */
export function referenceFiles(version: string): ReadonlyMap<string, string> {
  const commands = referenceCommands();
  return new Map([
    ["commands.md", commandsPage(commands)],
    ["weft.1", manPage(commands, version)],
  ]);
}
