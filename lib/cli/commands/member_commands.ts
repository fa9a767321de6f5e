/**
 * `weft label` and `weft grant`: what members are called, and may do.
 * @module
 */

import type { DefaultGrantsReport, GrantLists, LabelsRequest, MemberReport } from "../../api/mod.ts";
import { LABEL_KEY, LABEL_VALUE } from "../../mesh/bounds.ts";
import type { ControlClient } from "../control_client.ts";
import { UsageError } from "../failure.ts";
import { pairsText, tableText } from "../output/mod.ts";
import type { Terminal } from "../terminal.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  printJson,
  refuseOthers,
} from "../weft_command.ts";
import { addGrantOptions, grantsText, readGrantOptions } from "./grant_options.ts";

const LABEL_TITLES = ["NAME", "LABELS", "UNCONFIRMED", "SAYS OF ITSELF"];

/** Adds `weft label`. */
export function addLabelCommand(program: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    program.command("label").description("label members (leaders only), or list labels")
      .argument("[node]", "its name, id, key or address")
      .argument("[labels...]", "key=value to set, key- to take away")
      .option("--confirm", "take over labels that it chose itself under a former release")
      .option("--list", "list the labels of all members")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft label web-1 role=web zone-"),
    ports,
    async (client, [node, ...changes], { confirm, list, json }) => {
      const asks = changes.length > 0 || confirm === true;
      if (node === undefined || list === true || !asks) {
        if (asks) {
          throw new UsageError("Cannot list and change labels at once", { hint: "Leave --list out." });
        }
        const members = await client.ask("members", defined({ node }));
        if (json === true) return printJson(ports, members);
        return ports.terminal.out(labelsText(members, ports.terminal));
      }
      const member = await client.ask("changeLabels", {
        ...labelsRequest(node, changes),
        confirm: confirm === true,
      });
      if (json === true) return printJson(ports, member);
      ports.terminal.out(`${member.name}: ${pairsText(member.labels) || "no labels"}\n`);
    },
  );
}

/** Adds `weft grant add`, `remove` and `list`. */
export function addGrantCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("grant").description(
    "who may offer which services, use which topics, add which names",
  ).addHelpText("after", "\nExample:\n  $ weft grant add web-1 --offer orders --publish 'orders/>'");

  const change = (name: "add" | "remove", description: string, example: string) => {
    const command = addGrantOptions(
      group.command(name).description(`${description} (leaders only)`)
        .argument("[node]", "its name, id, key or address")
        .option("--all", "every member"),
    );
    if (name === "add") command.option("--claims", "with --all: who is the first to ask for a path gets it");
    else command.option("--claims", "with --all: nobody gets a path by being the first to ask for it");
    askAndPrint(
      command.option("--json", "as JSON").addHelpText("after", `\nExample:\n  $ ${example}`),
      ports,
      (client, [node], options) => changeGrants(client, name, node, options),
      (report) => `${"name" in report ? report.name : "every member"}: ${reportText(report)}\n`,
    );
  };
  change("add", "let a member, or all, do something", "weft grant add web-1 --offer orders --names db");
  change("remove", "take that away again", "weft grant remove --all --claims");
  askAgent(
    group.command("list").description("list what members may do beside what all may, and what that is")
      .argument("[node]", "one of them")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft grant list"),
    ports,
    async (client, [node], { json }) => {
      const everybody = await client.ask("defaultGrants");
      const members = await client.ask("members", defined({ node }));
      if (json === true) {
        const granted = members.map(({ id, name, roles, grants }) => ({ id, name, roles, grants }));
        return printJson(ports, { everybody, members: granted });
      }
      const rows = members.flatMap((member) => {
        const text = member.roles.includes("leader") ? "everything: it leads" : grantsText(member.grants);
        return text === "" && node === undefined ? [] : [[member.name, text || "nothing more"]];
      });
      ports.terminal.out(
        tableText(["WHO", "MAY"], [["every member", reportText(everybody)], ...rows], ports.terminal),
      );
    },
  );
  refuseOthers(group);
}

async function changeGrants(
  client: ControlClient,
  how: "add" | "remove",
  node: string | undefined,
  { all, claims, ...options }: Readonly<Record<string, unknown>>,
): Promise<MemberReport | DefaultGrantsReport> {
  const lists = readGrantOptions(options);
  if ((node === undefined) === (all !== true)) {
    throw new UsageError("Cannot tell who is meant: name a member, or say --all", {
      hint: `For example \`weft grant ${how} web-1 --offer orders\`.`,
    });
  }
  if (claims === true && node !== undefined) {
    throw new UsageError("Cannot use --claims for one member", {
      hint: `It is for all: \`weft grant ${how} --all --claims\`.`,
    });
  }
  if (lists === undefined && claims !== true) {
    throw new UsageError(`Cannot ${how} nothing: say what`, {
      hint: `For example \`weft grant ${how} ${
        node ?? "--all"
      } --offer orders\`; there are --publish, --subscribe and --names, too.`,
    });
  }
  const change: { readonly add?: GrantLists; readonly remove?: GrantLists } = lists === undefined
    ? {}
    : how === "add"
    ? { add: lists }
    : { remove: lists };
  if (node !== undefined) return await client.ask("changeGrants", { node, ...change });
  return await client.ask(
    "changeDefaultGrants",
    { ...change, ...claims === true && { claims: how === "add" } },
  );
}

function reportText(report: MemberReport | DefaultGrantsReport): string {
  if ("name" in report) return grantsText(report.grants) || "nothing more than all";
  const text = grantsText(report);
  return [...text === "" ? [] : [text], report.claims ? "the first to ask for a path gets it" : "no claims"]
    .join("; ");
}

function labelsText(members: readonly MemberReport[], terminal: Terminal): string {
  const rows = members.map(({ name, labels, unconfirmedLabels, statedLabels }) => [
    name,
    pairsText(labels) || "-",
    pairsText(unconfirmedLabels) || "-",
    pairsText(statedLabels) || "-",
  ]);
  return tableText(LABEL_TITLES, rows, terminal);
}

/** `key=value` sets, `key-` takes away. */
function labelsRequest(node: string, changes: readonly string[]): LabelsRequest {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const change of changes) {
    const [, key = "", value] = /^([^=]*)=(.*)$/.exec(change) ?? [];
    const removed = value === undefined && change.endsWith("-") ? change.slice(0, -1) : undefined;
    if (removed !== undefined && LABEL_KEY.test(removed)) remove.push(removed);
    else if (value !== undefined && LABEL_KEY.test(key) && LABEL_VALUE.test(value)) set[key] = value;
    else {
      throw new UsageError("Cannot read a label: that is neither KEY=VALUE nor KEY-", {
        hint: `For example \`weft label ${node} role=web zone-\`.`,
      });
    }
  }
  return defined<LabelsRequest>({
    node,
    set: Object.keys(set).length > 0 ? set : undefined,
    remove: remove.length > 0 ? remove : undefined,
  });
}
