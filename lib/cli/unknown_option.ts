/**
 * What is told whoever writes an option that a command does not have, or forgets the value of one.
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
  // One letter is near to everything.
  if (!unknown.startsWith("--") && name.length === 1) return undefined;
  if (unknown.includes("=") && has(command, name)) return `--${name} takes no value.`;
  if (command !== program && /^(leader|join|join-file)$/.test(name)) {
    return "`weft --leader` starts a network, `weft --join TOKEN` joins one; neither goes with a command.";
  }
  if (command !== program && has(program, name)) {
    return `--${name} is for who starts an agent; see \`weft up --help\`, and \`${pathOf(command)} --help\`.`;
  }
  const meant = nearest(name, visibleNames(command));
  if (meant !== undefined) return `Did you mean --${meant}?`;
  const other = holderOf(program, name);
  return other &&
    `--${name} is for other commands, as for \`${pathOf(other)}\`; see \`${pathOf(other)} --help\`.`;
}

/**
 * Finds what commander passes over: it takes the next word for the value, whatever that is.
 * @returns the option that another one follows in place of its value
 */
export function optionWithoutValue(
  command: AnyCommand,
  args: readonly string[],
): AnyCommand["options"][number] | undefined {
  const options = optionsOf(command);
  const named = (word: string) => options.find(({ long, short }) => word === long || word === short);
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  const at = words.findIndex((word, i) => {
    const next = words[i + 1] ?? "";
    return next.startsWith("--") && named(word)?.required === true && named(next) !== undefined;
  });
  return at < 0 ? undefined : named(words[at] ?? "");
}

/** @returns its own, and those of the groups that it is in */
function optionsOf(command: AnyCommand): AnyCommand["options"] {
  return [...command.options, ...command.parent === null ? [] : optionsOf(command.parent as AnyCommand)];
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
  return command.options.some(({ long }) => nameOf(long ?? "") === name);
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
