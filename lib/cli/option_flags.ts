/**
 * Flags of the command line, from the table of options.
 * @module
 */

import { type Command, Option } from "@commander-js/extra-typings";
import { type Field, FIELDS, type OptionName, SPELLINGS } from "../config/mod.ts";

/** A command with whatever options and arguments. */
export type AnyCommand = Command<unknown[], Record<string, unknown>, Record<string, unknown>>;

/** Adds the flag of an option, and hidden ones for its names of earlier versions. */
export function addFlag(command: AnyCommand, name: OptionName): void {
  const { flag, initial, aliases = [] } = FIELDS[name] as Field;
  const isOn = initial === true;
  command.addOption(flagOption(name).hideHelp(isOn));
  for (const alias of aliases) command.addOption(flagOption(name, { flag: alias }).hideHelp());
  // Without its counterpart the flag would have a default, which would win over the environment and the file.
  if (isOn) command.addOption(flagOption(name, { flag: `no-${flag}` }));
}

/**
 * @param said.flag how it is spelled, where that is not as usual
 * @param said.help what the help says, where that is not what the option means to an agent
 * @returns the flag of an option
 */
export function flagOption(
  name: OptionName,
  said: { readonly flag?: string; readonly help?: string } = {},
): Option {
  const { value, isRepeated = false, initial, initialText, ...field } = FIELDS[name] as Field;
  const { flag, help } = { ...field, ...said };
  const told = initialText ?? (/^(string|number)$/.test(typeof initial) ? `${initial}` : undefined);
  const option = new Option(
    `--${flag}${value === undefined ? "" : ` <${value}>`}`,
    help + (isRepeated ? "; may be repeated" : "") + (told === undefined ? "" : ` (default: ${told})`),
  );
  return isRepeated ? option.argParser(collect) : option;
}

/** Appends to an option that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...before ?? [], value];
}

/** @returns what a command line says of an agent's options */
export function flagValues(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const camelCase = (flag: string) => flag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(SPELLINGS.map(([flag, key]) => [key, given[camelCase(flag)]]));
}
