/**
 * `weft policy show`, `explain`, `counters`, `log`: what is in force, and what it does.
 * @module
 */

import { printableJson } from "../../../base/mod.ts";
import { StoppedError } from "../../control_client.ts";
import { CommandError, UsageError } from "../../failure.ts";
import { countersText, denialText, explanationText, policyStatusText } from "../../output/mod.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  printJson,
  readNumber,
  stopSignal,
} from "../../weft_command.ts";

/** Adds the commands. */
export function addPolicyReportCommands(group: AnyCommand, context: CommandContext): void {
  addShow(group, context);
  addExplain(group, context);
  const { ports } = context;
  askAndPrint(
    group.command("counters").description("count what each rule has decided on this node")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft policy counters"),
    ports,
    (client) => client.ask("policyCounters"),
    (counters) => countersText(counters, ports.terminal),
  );
  addLog(group, context);
}

function addShow(group: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  askAgent(
    group.command("show").description("show the policy in force, and which members do not enforce it yet")
      .option("--yaml", "as a file for `weft policy apply`")
      .option("--trial", "with --yaml: the one that is tried")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExamples:\n  $ weft policy show\n  $ weft policy show --yaml > policy.yaml"),
    ports,
    async (client, _, { yaml, trial, json }) => {
      if (yaml === true && json === true) {
        throw new UsageError("Cannot show it as YAML and as JSON at once", {
          hint: "Leave one of them out.",
        });
      }
      if (trial === true && yaml !== true) {
        throw new UsageError("Cannot use --trial without --yaml", {
          hint: "`weft policy show` tells of both.",
        });
      }
      const status = await client.ask("policyStatus");
      if (json === true) return printJson(ports, status);
      if (yaml !== true) {
        const { rules } = await client.ask("policyCounters");
        return terminal.out(policyStatusText(status, rules, terminal, Date.now()));
      }
      const document = trial === true ? status.trialDocument : status.document;
      if (document === null) {
        throw new CommandError(
          `Cannot show a policy: none is ${trial === true ? "tried" : "in force"} here`,
          {
            hint: trial === true
              ? "`weft policy apply FILE --dry-run` has one tried."
              : "`weft policy init` writes one to begin with.",
          },
        );
      }
      const { policyText } = await import("../../../config/mod.ts");
      terminal.out(await policyText(document));
    },
  );
}

function addExplain(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("explain").description("say whether something passes, and which rule decides")
      .argument("<source>", "a member's name or address; in an overlay network an endpoint's")
      .argument("<destination>", "db-1:5432, db-1:udp/53, db-1:icmp, service:orders/list, topic:metrics/cpu")
      .option("--network <name>", "an overlay network (default: the mesh)")
      .option("--file <file>", "by a policy that is not in force; - for standard input")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft policy explain web-1 db-1:5432\n" +
          "  $ weft policy explain web-1 service:orders/list --file policy.yaml",
      ),
    ports,
    async (client, [source = "", destination = ""], { network, file }) => {
      const { readPolicy } = await import("./policy_input.ts");
      const text = typeof file === "string" ? (await readPolicy(file, ports)).text : undefined;
      const request = { source, destination, network: network as string | undefined, text };
      return await client.ask("explainPolicy", defined(request));
    },
    (explanation) => explanationText(explanation, ports.terminal),
  );
}

function addLog(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const { terminal } = ports;
  askAgent(
    group.command("log").description("show the last denials of this node: both ends, and the rule")
      .option("-f, --follow", "then those that come, until Ctrl-C")
      .option("-n, --lines <number>", "the last so many (default: all that are kept, up to 512)")
      .option("--json", "as JSON, a denial a line")
      .addHelpText("after", "\nExamples:\n  $ weft policy log\n  $ weft policy log --follow --json"),
    ports,
    async (client, _, { follow, lines: text, json }) => {
      const most = readNumber("--lines", text, { least: 1, most: 512, hint: "For example --lines 20." });
      using stop = stopSignal(ports, { endsWithReader: true });
      const print = (line: Parameters<typeof denialText>[0]) =>
        terminal.out(json === true ? `${printableJson(line)}\n` : `${denialText(line, terminal)}\n`);
      try {
        if (follow === true && most === undefined) {
          for await (const line of await client.ask("policyLog", { follow: true }, stop.signal)) print(line);
          return;
        }
        const past = [];
        for await (const line of await client.ask("policyLog", {}, stop.signal)) past.push(line);
        for (const line of most === undefined ? past : past.slice(-most)) print(line);
        if (follow !== true) {
          if (past.length === 0 && json !== true) {
            terminal.out("Nothing was denied here since the agent started.\n");
          }
          return;
        }
        // Those that were told are told again first.
        let skipped = past.length;
        for await (const line of await client.ask("policyLog", { follow: true }, stop.signal)) {
          if (skipped-- > 0 && !("dropped" in line)) continue;
          print(line);
        }
      } catch (error) {
        if (!(error instanceof StoppedError)) throw error;
      }
    },
  );
}
