/**
 * `weft config check`, `schema`, `init`: the configuration file, before a node reads it.
 * @module
 */

import { WeftError } from "../../../base/mod.ts";
import {
  checkConfigFile,
  type ConfigProblem,
  configSchema,
  configTemplate,
  FIELDS,
  fileLayer,
  type OptionName,
} from "../../../config/mod.ts";
import { runtimeModule } from "../../../host/mod.ts";
import { CommandError, systemReason, UsageError } from "../../failure.ts";
import type { CliPorts } from "../../ports.ts";
import {
  type AnyCommand,
  type CommandContext,
  printJson,
  readFile,
  runWithOptions,
  saidSettings,
} from "../../weft_command.ts";

/** What `init` writes unless told. */
const USUAL_FILE = "weft.yaml";

/** Adds the commands to `weft config`. */
export function addConfigFileCommands(group: AnyCommand, context: CommandContext): void {
  addCheck(group, context);
  addSchema(group, context);
  addInit(group, context);
}

function addCheck(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const command: AnyCommand = group.command("check").description(
    "check a configuration file, and the files that it names",
  )
    .argument("[file]", "YAML; - for standard input (default: what --config names, or earlier starts named)")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  $ weft config check /etc/weft.yaml");
  runWithOptions(command, ports, async (_, [named], { json }) => {
    const path = named ?? await usualFile(command, ports);
    const text = await readFile(path, ports, "the configuration");
    const name = path === "-" ? "standard input" : path;
    const found = await checkConfigFile(text, name);
    const problems = found.length > 0 ? found : await namedFileProblems(text, name, ports);
    if (json === true) printJson(ports, problems);
    else if (problems.length === 0) ports.terminal.out(`${name} can be used\n`);
    else for (const { message, hint } of problems) ports.terminal.out(`${message}\n  hint: ${hint}\n`);
    if (problems.length > 0) context.exitCode = 1;
  });
}

/** @returns the file that the next start reads @throws UsageError when there is none */
async function usualFile(command: AnyCommand, ports: CliPorts): Promise<string> {
  const said = await saidSettings(command, ports).catch((error) => {
    // What is wrong in the file is what this command is to tell.
    const path = command.optsWithGlobals()["config"] ?? ports.process.environment["WEFT_CONFIG"];
    if (typeof path === "string") return path;
    throw error;
  });
  if (typeof said === "string") return said;
  if (said.file !== undefined) return said.file.path;
  const reports = await (await ports.loadAgent()).storedSettings(said, () => {}).catch(() => []);
  const kept = reports.find(({ name }) => name === "config")?.value;
  if (typeof kept === "string") return kept;
  throw new UsageError("Cannot check a configuration file: none is named, and no start has named one", {
    hint: "For example `weft config check /etc/weft.yaml`.",
  });
}

/** What the files that it names are for is checked as a start does. */
async function namedFileProblems(
  text: string,
  name: string,
  ports: CliPorts,
): Promise<readonly ConfigProblem[]> {
  const layer = await fileLayer(text, name);
  const { policy, statusTokenFile } = layer.values;
  const problems: ConfigProblem[] = [];
  const check = async (option: OptionName, path: unknown, read: (path: string) => Promise<unknown>) => {
    if (typeof path !== "string") return;
    try {
      const { dirname, resolve } = runtimeModule("node:path");
      await read(name.includes("/") ? resolve(dirname(name), path) : path);
    } catch (error) {
      const position = layer.locate?.(option, () => true);
      const place = position === undefined ? name : `${name}:${position.line}:${position.column}`;
      const why = error instanceof WeftError ? error.message : systemReason(error);
      const hint = error instanceof WeftError && error.hint !== undefined ? error.hint : FIELDS[option].hint;
      problems.push({
        message: `Cannot use ${FIELDS[option].flag}: ${path} in ${place}: ${why}`,
        hint,
        ...position && { position },
      });
    }
  };
  await check("policy", policy, async (path) => {
    const { readPolicyFile } = await import("../../../config/mod.ts");
    await readPolicyFile(await ports.process.readText(path), path);
  });
  await check("statusTokenFile", statusTokenFile, (path) => ports.process.readText(path));
  return problems;
}

function addSchema(group: AnyCommand, { ports }: CommandContext): void {
  const command = group.command("schema").description(
    "print the JSON Schema of the configuration file, for editors",
  )
    .addHelpText(
      "after",
      "\nExample:\n  $ weft config schema > weft.schema.json\n\n" +
        "Editors with the YAML language server use it for a file whose first line is the comment\n" +
        "`# yaml-language-server: $schema=./weft.schema.json`.",
    );
  runWithOptions(command, ports, () => printJson(ports, configSchema()));
}

function addInit(group: AnyCommand, { ports }: CommandContext): void {
  const command = group.command("init").description(
    "write a configuration file to begin with: every setting, commented out",
  )
    .argument("[file]", `where; - for standard output (default: ${USUAL_FILE})`)
    .option("--force", "in place of a file that is there")
    .addHelpText("after", "\nExample:\n  $ weft config init weft.yaml");
  runWithOptions(command, ports, async (_, [path = USUAL_FILE], { force }) => {
    const text = configTemplate();
    if (path === "-") return ports.terminal.out(text);
    try {
      await Deno.writeTextFile(path, text, { createNew: force !== true });
    } catch (cause) {
      if (cause instanceof Deno.errors.AlreadyExists) {
        throw new UsageError(`Cannot write ${path}: it is there already`, {
          hint: "Name another file, or put a new one in its place with --force.",
        });
      }
      throw new CommandError(`Cannot write ${path}: ${systemReason(cause)}`, {
        hint: "Check the directory and its permissions; - writes to standard output.",
        cause,
      });
    }
    ports.terminal.out(
      `Wrote ${path}; \`weft config check ${path}\` checks it, \`weft up --config ${path}\` starts with it\n`,
    );
  });
}
