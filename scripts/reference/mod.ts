/**
 * The pages that are made from the code: what is in `docs/reference`. A test makes them again and compares.
 * @module
 */

import { configurationPage, errorsPage, httpPage } from "./code_pages.ts";
import { commandsPage } from "./command_pages.ts";
import { referenceCommands } from "./commands.ts";
import { limitsPage } from "./limits_page.ts";
import { manPage } from "./man_page.ts";
import { vectorsPage } from "./test_vectors.ts";

/** Where they are, from the root. */
export const REFERENCE_FOLDER = "docs/reference";

/**
 * @param root of the sources
 * @param version of the program
 * @returns the files by their names, before the formatter has seen them
 */
export async function referenceFiles(root: URL, version: string): Promise<ReadonlyMap<string, string>> {
  const commands = referenceCommands();
  return new Map([
    ["commands.md", commandsPage(commands)],
    ["configuration.md", configurationPage()],
    ["errors.md", await errorsPage(root)],
    ["http.md", httpPage()],
    ["limits.md", limitsPage()],
    ["test_vectors.md", vectorsPage()],
    ["weft.1", manPage(commands, version)],
  ]);
}
