/**
 * What is told whoever writes an option that a command does not have.
 * @module
 */

import { nearest } from "../config/mod.ts";
import { type AnyCommand, pathOf } from "./command_tree.ts";

/**
 * @param command the one that does not have it
 * @param unknown as it was written, with its dashes
 * @returns the hint; undefined when nothing is known
 */
export function optionHint(program: AnyCommand, command: AnyCommand, unknown: string): string | undefined {
  const name = nameOf(unknown);
  const isStart = command === program || command.name() === "up";
  // An option of another command is none that is misspelt.
  if (!isStart && has(program, name)) {
    return name === "leader" || name.startsWith("join")
      ? `It stands alone: \`weft --${name}${name === "leader" ? "" : " TOKEN"}\`.`
      : `It is for starting an agent, as in \`weft up --${name}\`; see \`${pathOf(command)} --help\`.`;
  }
  const meant = nearest(name, visibleNames(command));
  if (meant !== undefined) return `Did you mean --${meant}?`;
  const other = holderOf(program, name);
  return other && `--${name} is for other commands, as in \`${pathOf(other)} --${name}\`.`;
}

function nameOf(option: string): string {
  return option.replace(/^-+/, "").replace(/=.*$/s, "");
}

function visibleNames(command: AnyCommand): readonly string[] {
  return command.createHelp().visibleOptions(command as never).map(({ long, short }) =>
    nameOf(long ?? short ?? "")
  );
}

function has(command: AnyCommand, name: string): boolean {
  return command.options.some(({ long, short }) =>
    nameOf(long ?? "") === name || nameOf(short ?? "") === name
  );
}

/** @returns the first command that has it */
function holderOf(group: AnyCommand, name: string): AnyCommand | undefined {
  for (const command of group.commands as AnyCommand[]) {
    if (has(command, name)) return command;
    const found = holderOf(command, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
