/**
 * `weft policy init`, `test`, `diff`, `import`: files of policies, before they take effect.
 * @module
 */

import type { PolicyTestReport } from "../../../api/mod.ts";
import { CommandError, systemReason, UsageError } from "../../failure.ts";
import { counted, differenceText, failureLines, warningLines } from "../../output/mod.ts";
import {
  agentClient,
  type AnyCommand,
  askAgent,
  type CommandContext,
  printJson,
  readFile,
  runWithOptions,
} from "../../weft_command.ts";

/** What `init` writes unless told. */
const USUAL_FILE = "policy.yaml";

/** Adds the commands. */
export function addPolicyFileCommands(group: AnyCommand, context: CommandContext): void {
  addInit(group, context);
  addTest(group, context);
  addDiff(group, context);
  addImport(group, context);
}

function addInit(group: AnyCommand, { ports }: CommandContext): void {
  const command = group.command("init").description("write a policy to begin with, with comments")
    .argument("[file]", `where; - for standard output (default: ${USUAL_FILE})`)
    .option("--force", "in place of a file that is there")
    .addHelpText("after", "\nExample:\n  $ weft policy init policy.yaml");
  runWithOptions(command, ports, async (_, [path = USUAL_FILE], { force }) => {
    const { POLICY_TEMPLATE } = await import("../../../config/mod.ts");
    if (path === "-") return ports.terminal.out(POLICY_TEMPLATE);
    try {
      await Deno.writeTextFile(path, POLICY_TEMPLATE, { createNew: force !== true });
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
      `Wrote ${path}; \`weft policy test ${path}\` runs its tests, \`weft policy apply ${path}\` has it take effect\n`,
    );
  });
}

function addTest(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const command = group.command("test").description("run the tests of a policy, and look for mistakes in it")
    .argument("[file]", "YAML or JSON; - for standard input (default: the policy in force)")
    .option("--roster <file>", "against the members of a file, as of `weft peers --json`; no agent is asked")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weft policy test policy.yaml\n  $ weft policy test policy.yaml --roster members.yaml",
    );
  runWithOptions(command, ports, async ({ stateDir }, [path], { roster, json }) => {
    if (typeof roster === "string" && path === undefined) {
      throw new UsageError("Cannot test the policy in force against --roster: name a file", {
        hint: "For example `weft policy test policy.yaml --roster members.yaml`.",
      });
    }
    if (roster === "-" && path === "-") {
      throw new UsageError("Cannot read both the policy and the members from standard input", {
        hint: "Put one of them into a file.",
      });
    }
    const { checkTests, locate, readPolicy, readRoster, testOffline } = await import("./policy_input.ts");
    const read = path === undefined ? undefined : await readPolicy(path, ports);
    let report: PolicyTestReport;
    if (read !== undefined && typeof roster === "string") {
      report = testOffline(read, await readRoster(roster, ports));
    } else {
      using client = agentClient(stateDir, ports, { json });
      report = await client.ask("testPolicy", read === undefined ? {} : { text: read.text });
    }
    if (read !== undefined) report = { ...report, warnings: locate(report.warnings, read) };
    const what = read?.name ?? "The policy in force";
    if (json === true) printJson(ports, report);
    else {
      const { terminal } = ports;
      const said = warningLines(report.warnings, terminal) + failureLines(report.failures, terminal);
      const end = report.failures.length > 0
        ? ""
        : report.tests === 0
        ? `${what} has no tests, and can be applied\n`
        : `${what}: ${counted(report.tests, "test")} pass\n`;
      terminal.out(said + end);
    }
    if (json === true && report.failures.length > 0) context.exitCode = 1;
    else checkTests(report, what);
  });
}

function addDiff(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    group.command("diff").description("say what a policy would change, and for whom")
      .argument("[file]", "YAML or JSON; - for standard input")
      .option("--revision <revision>", "a former one in place of a file (leaders only)")
      .option("--exit-code", "exit with 1 where something would change")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft policy diff policy.yaml"),
    ports,
    async (client, [path], { revision, exitCode, json }) => {
      if ((path === undefined) === (typeof revision !== "string")) {
        throw new UsageError("Cannot compare: name either a file or a --revision", {
          hint: "For example `weft policy diff policy.yaml`; `weft policy show` lists revisions.",
        });
      }
      const { readPolicy } = await import("./policy_input.ts");
      const request = path === undefined
        ? { revision: String(revision) }
        : { text: (await readPolicy(path, ports)).text };
      const difference = await client.ask("diffPolicy", request);
      if (json === true) printJson(ports, difference);
      else ports.terminal.out(differenceText(difference, ports.terminal));
      const { changed, addedRules, removedRules } = difference;
      if (exitCode === true && changed + addedRules.length + removedRules.length > 0) context.exitCode = 1;
    },
  );
}

function addImport(group: AnyCommand, { ports }: CommandContext): void {
  const command = group.command("import").description(
    "make a policy of Tailscale's or Headscale's, and print it",
  )
    .argument("<file>", "JSON with comments (HuJSON), or YAML; - for standard input")
    .option("--json", "as JSON, with what could not be carried over")
    .addHelpText("after", "\nExample:\n  $ weft policy import acl.hujson > policy.yaml");
  runWithOptions(command, ports, async (_, [path = ""], { json }) => {
    const { importTailscalePolicy, noteText } = await import("../../../config/mod.ts");
    const name = path === "-" ? "standard input" : path;
    const { text, notes } = await importTailscalePolicy(await readFile(path, ports, "the policy"), name);
    if (json === true) {
      return printJson(ports, {
        text,
        notes: notes.map(({ position, message }) => ({ ...position, message })),
      });
    }
    ports.terminal.out(text);
    for (const note of notes) ports.terminal.err(`weft: ${noteText(note)}\n`);
  });
}
