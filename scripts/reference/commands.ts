/**
 * The command line as data, read from the program itself, so that no page about it can be out of date.
 * @module
 */

import { makeProgram } from "../../lib/cli/weft.ts";
import { type AnyCommand, pathOf, textAfterHelp } from "../../lib/cli/command_tree.ts";
import { SamplePorts } from "../../lib/cli/testing/sample_ports.ts";

/** An option or an argument. */
export interface ReferenceTerm {
  /** As the help spells it, such as `--uses <number>`. */
  readonly term: string;
  readonly description: string;
}

/** A command that the help shows. */
export interface ReferenceCommand {
  /** As it is typed, such as `weft token create`. */
  readonly path: string;
  /** What follows the path, such as `[options] <name>`. */
  readonly usage: string;
  readonly description: string;
  readonly aliases: readonly string[];
  readonly args: readonly ReferenceTerm[];
  readonly options: readonly ReferenceTerm[];
  /** With the prompt that says who runs it: `#` for root, `$` for anybody. */
  readonly examples: readonly string[];
  /** What else the help says behind the options, without the examples. */
  readonly notes: string;
  /** Whether it is a group, which does nothing by itself. */
  readonly isGroup: boolean;
}

/** @returns the program and every command of it that the help shows, each group before its commands */
export function referenceCommands(): readonly ReferenceCommand[] {
  return walk(makeProgram({ ports: new SamplePorts(), exitCode: 0 }));
}

function walk(command: AnyCommand): readonly ReferenceCommand[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command as never) as unknown as readonly AnyCommand[];
  const path = pathOf(command);
  const after = textAfterHelp(command).trim();
  return [
    {
      path,
      usage: command.usage(),
      description: command.description(),
      aliases: command.aliases(),
      args: help.visibleArguments(command as never).map((each) => ({
        term: help.argumentTerm(each),
        description: help.argumentDescription(each),
      })),
      options: help.visibleOptions(command as never).map((each) => ({
        term: help.optionTerm(each),
        description: help.optionDescription(each),
      })),
      examples: [...after.matchAll(/^ {2}([#$] .*)$/gm)].map(([, line = ""]) => line),
      notes: after.replace(/^Examples?:\n(?: {2,}.*\n?)*/m, "").trim(),
      isGroup: children.length > 0,
    },
    ...children.flatMap((child) => child.name() === "help" ? [] : walk(child)),
  ];
}
