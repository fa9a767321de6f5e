/**
 * `weft route …`: networks behind members.
 * @module
 */

import type { RouteReport, RouteRequest } from "../../../api/mod.ts";
import { type Cell, paintedCell, tableText } from "../../output/mod.ts";
import type { Terminal } from "../../terminal.ts";
import {
  type AnyCommand,
  askAndPrint,
  type CommandContext,
  defined,
  refuseOthers,
} from "../../weft_command.ts";

const TITLES = ["NETWORK", "BY", "STATE", "SOURCE", "HERE"];

/** Adds `weft route add`, `list`, `approve`, `reject` and `remove`. */
export function addRouteCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("route").description("networks behind members")
    .addHelpText("after", "\nExample:\n  $ weft route add 192.168.50.0/24");

  askAndPrint(
    group.command("list").description("list the networks that members lead to, or offer to")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft route list"),
    ports,
    (client) => client.ask("listRoutes"),
    (routes) => routesText(routes, ports.terminal),
  );
  askAndPrint(
    group.command("add").description("offer a network behind this node; a leader approves it at once")
      .argument("<network>", "as in 192.168.50.0/24; 0.0.0.0/0 makes an exit node")
      .option("--via <node>", "the member that leads there (leaders only; default: this node)")
      .option("--no-masquerade", "keep members' own addresses there; the network needs a route back")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft route add 192.168.50.0/24\n  $ weft route add 10.9.0.0/16 --via web-1 --no-masquerade",
      ),
    ports,
    (client, [network = ""], { via, masquerade }) =>
      client.ask(
        "addRoute",
        defined<RouteRequest>({
          network,
          via: typeof via === "string" ? via : undefined,
          masquerade: masquerade === false ? false : undefined,
        }),
      ),
    routeText,
  );
  for (
    const [name, operation, description] of [
      ["approve", "approveRoute", "let a member lead to a network that it offers (leaders only)"],
      ["reject", "rejectRoute", "turn down a network that a member offers (leaders only)"],
      ["remove", "removeRoute", "withdraw what this node offers; leaders take back everybody's"],
    ] as const
  ) {
    askAndPrint(
      group.command(name).description(description)
        .argument("<network>", "as `weft route list` shows it")
        .argument("[node]", "the member, where several lead there")
        .option("--json", "as JSON")
        .addHelpText("after", `\nExample:\n  $ weft route ${name} 192.168.50.0/24 web-1`),
      ports,
      (client, [network = "", node]) => client.ask(operation, { network, ...node !== undefined && { node } }),
      name === "remove" ? ({ network, node }) => `${node} leads nobody to ${network} any more\n` : routeText,
    );
  }
  refuseOthers(group);
}

/** @returns one line a route, below a line of titles */
export function routesText(routes: readonly RouteReport[], terminal: Terminal): string {
  if (routes.length === 0) return "No routes. `weft route add` offers a network behind this node.\n";
  const rows = routes.map((route) => [
    route.network,
    route.node,
    stateCell(route, terminal),
    route.masquerade ? "masqueraded" : "kept",
    useCell(route, terminal),
  ]);
  return tableText(TITLES, rows, terminal);
}

function stateCell({ state }: RouteReport, terminal: Terminal): Cell | string {
  return state === "offered" ? paintedCell(terminal, "strong", "offered") : state;
}

function useCell({ use, problem, isExit }: RouteReport, terminal: Terminal): Cell | string {
  if (problem !== undefined) return paintedCell(terminal, "bad", `no: ${problem}`);
  if (use === "here") return "this node leads there";
  if (use === "carries") return "used";
  return use === "standby" ? "standby" : isExit ? "not used" : "-";
}

/** @returns what has come of one */
export function routeText({ network, node, state, isExit, problem }: RouteReport): string {
  const to = isExit ? "out" : `to ${network}`;
  const warning = problem === undefined ? "" : `warning: ${problem}\n`;
  if (state === "approved") return `${node} leads members ${to}\n${warning}`;
  if (state === "rejected") return `${node} leads nobody ${to}\n`;
  return `Offered: ${node} leads members ${to} once a leader runs \`weft route approve ${network} ${node}\`\n`;
}
