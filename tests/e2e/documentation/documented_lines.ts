/**
 * The command lines that a reader may copy: those of the README and of docs, and those of every command's help.
 * @module
 */

import { SamplePorts } from "../../../lib/cli/testing/sample_ports.ts";
import { main, makeProgram } from "../../../lib/cli/weft.ts";
import type { AnyCommand } from "../../../lib/cli/weft_command.ts";

/** A command line as it is written. */
export interface DocumentedLine {
  /** Without the prompt. */
  readonly line: string;
  /** For messages: `docs/guides/names.md` or `weft peer add --help`. */
  readonly where: string;
}

/** What follows a prompt of a shell, over several lines where they end in a backslash. */
const PROMPT = /^ *[#$] (?<line>(?:.*\\\n)*.*)$/gm;
const BLOCK = /^```(?<language>\w*)\n(?<text>.*?)^```$/gms;

/** @returns the lines of a shell in blocks of Markdown, and those in its sentences and tables that begin with `weft` */
export function linesOfMarkdown(markdown: string, where: string): readonly DocumentedLine[] {
  const lines: string[] = [];
  for (const { groups: { language = "", text = "" } = {} } of markdown.matchAll(BLOCK)) {
    if (language === "console") lines.push(...prompted(text));
    if (language === "sh") lines.push(...text.replaceAll(/ +#.*$/gm, "").split("\n"));
  }
  for (const [, code = ""] of markdown.replaceAll(BLOCK, "").matchAll(/`([^`\n]+(?:\n[^`\n]+)?)`/g)) {
    if (code.startsWith("weft ")) lines.push(code.replace(/\n\s*/, " "));
  }
  return lines.map((line) => line.trim()).filter((line) => line !== "").map((line) => ({ line, where }));
}

/** @returns the examples of all commands */
export async function linesOfHelp(): Promise<readonly DocumentedLine[]> {
  const lines: DocumentedLine[] = [];
  for (const path of commandPaths()) {
    const ports = new SamplePorts();
    await main(["help", ...path], ports);
    const text = ports.stdout;
    const where = ["weft", ...path, "--help"].join(" ");
    const examples = text.slice(Math.max(0, text.search(/^Examples?:/m)));
    lines.push(...prompted(examples).map((line) => ({ line, where })));
  }
  return lines;
}

/** @returns whether a line is the name of a command that needs more words than that */
export function isName(line: string): boolean {
  let command = sampleProgram();
  for (const word of line.split(" ").slice(1)) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return false;
    command = next as AnyCommand;
  }
  const needsWords = command.commands.length > 0 ||
    [
      ...command.registeredArguments.map(({ required }) => required),
      ...command.options.map(({ mandatory }) => mandatory),
    ]
      .includes(true);
  return line.startsWith("weft ") && needsWords;
}

/** @returns the words of every command that is shown, that of the program itself among them */
function commandPaths(): readonly (readonly string[])[] {
  const pathsBelow = (command: AnyCommand, path: readonly string[]): readonly (readonly string[])[] => [
    path,
    ...command.createHelp().visibleCommands(command)
      .flatMap((each) => pathsBelow(each as AnyCommand, [...path, each.name()])),
  ];
  return pathsBelow(sampleProgram(), []);
}

function sampleProgram(): AnyCommand {
  return makeProgram({ ports: new SamplePorts(), exitCode: 0 });
}

function prompted(text: string): readonly string[] {
  return [...text.matchAll(PROMPT)].map(({ groups: { line = "" } = {} }) => line.replaceAll(/\\\n */g, ""));
}
