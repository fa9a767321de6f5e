/**
 * `weft service …`: what services the network has, and pausing and resuming them.
 * @module
 */

import type { ProviderReport, ServiceReport } from "../../service/mod.ts";
import type { ControlClient } from "../control_client.ts";
import { CommandError } from "../failure.ts";
import { type Cell, type Fact, factLines, formatRtt, paintedCell, tableText } from "../output/mod.ts";
import type { Terminal } from "../terminal.ts";
import { type AnyCommand, askAndPrint, type CommandContext, refuseOthers } from "../weft_command.ts";

const SERVICE_TITLES = ["PATH", "STATE", "OFFERED BY", "ACTIONS"];

const PROVIDER_TITLES = ["NODE", "STATE", "VERSION", ">RTT", ""];

/** Adds `weft service list`, `show`, `pause` and `resume`. */
export function addServiceCommands(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const group: AnyCommand = program.command("service").description("the services that programs offer")
    .addHelpText("after", "\nExample:\n  $ weft service list");

  askAndPrint(
    group.command("list").description("list all services, wherever they run")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft service list --json | jq -r '.[].path'"),
    ports,
    (client) => client.ask("listServices"),
    (services) => servicesText(services, ports.terminal),
  );
  askAndPrint(
    group.command("show").description("show a service: who offers it, its actions and events")
      .argument("<path>", "as `weft service list` shows it")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft service show math"),
    ports,
    (client, [path = ""]) => find(client, path),
    (service) => serviceText(service, ports.terminal),
  );
  addChange(group, context, "pause");
  addChange(group, context, "resume");
  refuseOthers(group);
}

function addChange(group: AnyCommand, { ports }: CommandContext, change: "pause" | "resume"): void {
  const isPause = change === "pause";
  askAndPrint(
    group.command(change)
      .description(isPause ? "turn the calls of a service away until it is resumed" : "let calls in again")
      .argument("<path>", "as `weft service list` shows it")
      .option("--node <name>", "on another node, by name, id, key or address (leaders only)")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        `\nExamples:\n  $ weft service ${change} math\n  $ weft service ${change} math --node web-1`,
      ),
    ports,
    async (client, [path = ""], { node }) => {
      const request = { path, ...typeof node === "string" ? { node } : {} };
      return { changed: await client.ask(isPause ? "pauseService" : "resumeService", request) };
    },
    ({ changed }, [path], { node }) => {
      const where = typeof node === "string" ? ` on ${node}` : "";
      if (changed) return `${isPause ? "Paused" : "Resumed"} ${path}${where}\n`;
      return `${path} was not ${isPause ? "running" : "paused"}${where}\n`;
    },
  );
}

async function find(client: ControlClient, path: string): Promise<ServiceReport> {
  const services = await client.ask("listServices");
  const service = services.find((one) => one.path === path);
  if (service !== undefined) return service;
  throw new CommandError(`Cannot show ${path}: nobody offers a service of that path`, {
    hint: "`weft service list` shows all.",
  });
}

/** @returns one line a service, below a line of titles */
export function servicesText(services: readonly ServiceReport[], terminal: Terminal): string {
  if (services.length === 0) {
    return "No services. A program offers one with `node.addService` of @weft/mesh.\n";
  }
  const rows = services.map(({ path, providers, actions }) => [
    path,
    summary(providers, terminal),
    providers.map(({ name }) => name).join(", "),
    actions.map(({ name }) => name).join(", "),
  ]);
  return tableText(SERVICE_TITLES, rows, terminal);
}

/** @returns all that is known of a service */
export function serviceText(service: ServiceReport, terminal: Terminal): string {
  const { path, description, actions, events, providers } = service;
  const facts: readonly Fact[] = [
    ["service", paintedCell(terminal, "strong", path), description && `, ${description}`],
    ["actions", actions.map(actionText).join(", ") || "none"],
    ["events", events.map((event) => `${path}/${event}`).join(", ") || "none"],
  ];
  const rows = providers.map((provider) => [
    provider.name,
    stateCell(provider, terminal),
    provider.version,
    provider.rttMs === undefined ? "-" : formatRtt(provider.rttMs),
    [provider.isLeader && "leads", provider.isLocal && "here"].filter(Boolean).join(", "),
  ]);
  return `${factLines(facts, terminal)}\n${tableText(PROVIDER_TITLES, rows, terminal)}`;
}

function actionText({ name, idempotent }: ServiceReport["actions"][number]): string {
  return idempotent ? `${name} (idempotent)` : name;
}

/** `running`, `2 of 3 running`, `paused`. */
function summary(providers: readonly ProviderReport[], terminal: Terminal): Cell {
  const [first] = providers;
  if (providers.length === 1 && first !== undefined) return stateCell(first, terminal);
  const running = providers.filter(isServing).length;
  const text = running === providers.length ? "running" : `${running} of ${providers.length} running`;
  return paintedCell(terminal, running > 0 ? "good" : "bad", text);
}

function stateCell(provider: ProviderReport, terminal: Terminal): Cell {
  const tone = isServing(provider) ? "good" : "bad";
  const state = provider.isHealthy ? provider.state : "away";
  return paintedCell(terminal, tone, provider.isAlone ? `${state}, not granted` : state);
}

function isServing({ state, isHealthy, isAlone }: ProviderReport): boolean {
  return state === "running" && isHealthy && isAlone !== true;
}
