/**
 * The manual page, in the macros of man(7).
 * @module
 */

import type { ReferenceCommand, ReferenceTerm } from "./commands.ts";

/** What weft reads and leaves, as `FILES` of a manual page says it. */
const FILES: readonly ReferenceTerm[] = [
  { term: "/var/lib/weft", description: "the state of a node that root runs: who it is, and who belongs" },
  { term: "$XDG_STATE_HOME/weft", description: "the same of another user, ~/.local/state/weft unless told" },
  { term: "/var/run/wireguard/INTERFACE.sock", description: "where `wg` and `wg-quick` find the interface" },
];

const EXIT_STATUS: readonly ReferenceTerm[] = [
  { term: "0", description: "it was done" },
  { term: "1", description: "it failed; one line says why, and one begins with `hint:`" },
  { term: "2", description: "the command line was wrong" },
];

/**
 * @param commands the program first
 * @param version of the program
 * @returns weft(1)
 */
export function manPage(commands: readonly ReferenceCommand[], version: string): string {
  const [program, ...others] = commands;
  if (program === undefined) throw new RangeError("There is no program");
  return [
    `.TH WEFT 1 "" "weft ${version}" "User Commands"`,
    ".SH NAME",
    "weft \\- a private network of machines, by WireGuard's protocol",
    ".SH SYNOPSIS",
    ...["weft --leader [options]", "weft --join TOKEN [options]", "weft COMMAND [options]"]
      .flatMap((line) => [`.B ${roff(line)}`, ".br"]).slice(0, -1),
    ".SH DESCRIPTION",
    roff(program.description),
    roff(
      "Run it with --leader on one machine, and paste what it prints on the others: each gets an address, a name " +
        "and encrypted direct paths to all others. On the wire it is WireGuard's protocol.",
    ),
    ".SH OPTIONS",
    ...terms(program.options),
    ".SH COMMANDS",
    ...others.filter(({ isGroup }) => !isGroup).flatMap(commandSection),
    ".SH EXIT STATUS",
    ...terms(EXIT_STATUS),
    ".SH ENVIRONMENT",
    roff("Every option has a variable: WEFT_PORT is --port. `weft config show` lists all, and what holds."),
    ".SH FILES",
    ...terms(FILES),
    ".SH SEE ALSO",
    ".BR wg (8),",
    ".BR wg-quick (8)",
    "",
  ].join("\n");
}

function commandSection(command: ReferenceCommand): readonly string[] {
  return [
    `.SS "${roff(command.path)} ${roff(command.usage)}"`,
    `${roff(sentence(command.description))}`,
    ...terms(command.args),
    // Of every command; the manual says them once.
    ...terms(command.options.filter(({ term }) => !COMMON.test(term))),
    ...command.notes === "" ? [] : [".PP", ".nf", ...command.notes.split("\n").map(roff), ".fi"],
    ...command.examples.length === 0 ? [] : [".PP", ".nf", ...command.examples.map(roff), ".fi"],
  ];
}

const COMMON = /^(?:-h, --help|-s, --state |--config |--json$)/;

function terms(list: readonly ReferenceTerm[]): readonly string[] {
  return list.flatMap(({ term, description }) => [".TP", `.B ${roff(term)}`, roff(description)]);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Text as roff takes it for text: groff_char(7), and no line of it a macro. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...").replaceAll('"', "\\(dq")
    .replace(/^(['.])/gm, "\\&$1");
}
