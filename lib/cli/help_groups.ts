/**
 * How long helps are laid out: which commands and options stand together, and where what they do stands.
 * @module
 */

import { Help } from "@commander-js/extra-typings";
import type { AnyCommand } from "./command_tree.ts";

/** Every command that the help of the program shows, by its heading. */
const COMMAND_GROUPS: readonly (readonly [heading: string, names: string])[] = [
  ["This node:", "up status ping top explain peers down logs config reload leave rotate-key version"],
  ["Members (on a leader):", "token peer label grant leader audit"],
  ["Names, routes, networks, policy:", "dns route exit network endpoint policy"],
  ["Services and data:", "service call publish subscribe data queue offer forward proxy"],
  ["Keeping it well:", "doctor netcheck bugreport backup recovery-key restore cleanup install uninstall"],
  ["Beside that:", "completions sim wg help"],
];

/** What the long flags of an agent begin with, by heading; those of none stand above. */
const OPTION_GROUPS: readonly (readonly [heading: string, flags: RegExp])[] = [
  ["Packets:", /^--(interface|mtu|dataplane|cipher|workers)/],
  ["Finding each other:", /^--((no-)?discovery|endpoint|port-mapping|stun|(no-)?relay)/],
  ["Names:", /^--dns/],
  ["Services, data, networks, policy:", /^--(label|offer|forward-allow|data|network|policy|recovery-key)/],
  ["The page and the log:", /^--(status|log)/],
];

/** Puts the commands of the program under headings; comes after all of them are there. */
export function groupCommands(program: AnyCommand): void {
  for (const [heading, names] of COMMAND_GROUPS) {
    for (const name of names.split(" ")) {
      program.commands.find((each) => each.name() === name)?.helpGroup(heading);
    }
  }
}

/** Puts the options of a command that starts an agent under headings; comes after all of them are there. */
export function groupOptions(command: AnyCommand): void {
  for (const option of command.options) {
    const [heading] = OPTION_GROUPS.find(([, flags]) => flags.test(option.long ?? "")) ?? [];
    if (heading !== undefined) option.helpGroup(heading);
  }
}

/** Narrower columns are hard to read: what a term means then stands below it. */
const LEAST_COLUMNS = 28;
const BELOW = " ".repeat(6);

/** Has what a term means be wrapped at words, beside it or below. */
export const HELP_LAYOUT: Pick<Help, "minWidthToWrap" | "formatItem"> = {
  minWidthToWrap: 20,
  formatItem(term, termWidth, description, helper) {
    const width = helper.helpWidth ?? 80;
    if (description === "" || width - termWidth - 4 >= LEAST_COLUMNS) {
      return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
    }
    const lines = helper.boxWrap(description, width - BELOW.length).split("\n");
    return [`  ${term}`, ...lines.map((line) => BELOW + line)].join("\n");
  },
};
