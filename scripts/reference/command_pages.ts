/**
 * The commands as a page of markdown.
 * @module
 */

import type { ReferenceCommand, ReferenceTerm } from "./commands.ts";

/**
 * @param commands the program first
 * @returns a page that has a section for each
 */
export function commandsPage(commands: readonly ReferenceCommand[]): string {
  return [
    "# Commands",
    "Every command has `--help`, and every listing `--json`. Errors are one line that says what was wrong and one " +
    "`hint:` line that says what to do; the exit code is 0, 1 when something failed, 2 when the command line was " +
    "wrong. `--state DIRECTORY` says which node of this host is meant, where it is not the usual one.",
    ...commands.map(section),
  ].join("\n\n") + "\n";
}

function section(command: ReferenceCommand): string {
  const { path, usage, description, aliases, args, options, examples, notes, isGroup } = command;
  return [
    `## \`${path}\``,
    `${description.charAt(0).toUpperCase()}${description.slice(1).replace(/\.$/, "")}.${
      aliases.length === 0 ? "" : ` Also \`${aliases.join("`, `")}\`.`
    }`,
    ...isGroup && path !== "weft" ? [] : [`\`\`\`text\n${path} ${usage}\n\`\`\``],
    ...terms([...args, ...options.filter(({ term }) => term !== "-h, --help")]),
    ...notes === "" ? [] : [`\`\`\`text\n${notes}\n\`\`\``],
    ...examples.length === 0 ? [] : [`\`\`\`console\n${examples.join("\n")}\n\`\`\``],
  ].join("\n\n");
}

function terms(list: readonly ReferenceTerm[]): readonly string[] {
  if (list.length === 0) return [];
  return [
    list.map(({ term, description }) => `- \`${term}\`: ${description.replaceAll("<", "\\<")}`).join("\n"),
  ];
}
