/**
 * `weft data up`, `down` and `status`: servers of collections on members.
 * @module
 */

import type { DataServersReport, DataServersRequest } from "../../../api/mod.ts";
import { counted, formatSpan, tableText } from "../../output/mod.ts";
import type { Terminal } from "../../terminal.ts";
import {
  type AnyCommand,
  askAndPrint,
  type CommandContext,
  defined,
  readNumber,
} from "../../weft_command.ts";

const TITLES = ["NODE", "SERVER", "VERSION", "SINCE", ">RESTARTS", "COPY"];

/** Adds the commands. */
export function addServerCommands(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("up").description("have members run servers of NATS JetStream that keep new collections")
      .argument("[nodes...]", "the members (default: those that can, in the order of their names)")
      .option("--replicas <number>", "how many: 1, 3 or 5 (default: as many as are named, or 3)")
      .option("--nats-server <path>", "the program on those members (default: nats-server on their PATH)")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data up --replicas 3\n  $ weft data up web-1 web-2 web-3 --nats-server /usr/local/bin/nats-server",
      ),
    ports,
    (client, nodes, { replicas, natsServer }) =>
      client.ask(
        "startDataServers",
        defined<DataServersRequest>({
          replicas: readNumber("--replicas", replicas, {
            least: 1,
            most: 5,
            hint: "For example --replicas 3.",
          }),
          members: nodes.length > 0 ? nodes : undefined,
          program: typeof natsServer === "string" ? natsServer : undefined,
        }),
      ),
    (report) => serversText(report, ports.terminal),
  );
  askAndPrint(
    group.command("down").description("stop those servers; what they keep stays with their members")
      .option("--force", "also while they keep collections, which nobody reaches then")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data down --force"),
    ports,
    (client, _, { force }) => client.ask("stopDataServers", force === true ? { force } : {}),
    () => "The servers stop; `weft data up` on the same members goes on with what they keep\n",
  );
  askAndPrint(
    group.command("status").description("show the servers of collections, and how they are")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data status"),
    ports,
    (client) => client.ask("dataServers"),
    (report) => serversText(report, ports.terminal),
  );
}

/** @returns the servers as a table, and whether most of them run */
export function serversText({ servers, hasQuorum }: DataServersReport, terminal: Terminal): string {
  if (servers.length === 0) return "No servers. `weft data up` has members run some.\n";
  const rows = servers.map(({ node, state, version, installed, sinceMs, restarts, isLeader, isCurrent }) => [
    ...[node, state, `${version ?? "-"}${installed === undefined ? "" : ` (${installed} is installed)`}`],
    ...[sinceMs === undefined ? "-" : formatSpan(sinceMs), restarts === undefined ? "-" : `${restarts}`],
    isLeader === true ? "leads" : isCurrent === undefined ? "-" : isCurrent ? "whole" : "behind",
  ]);
  const problems = servers.flatMap(({ node, problem }) =>
    problem === undefined ? [] : [`warning: ${node}: ${problem}\n`]
  );
  const running = servers.filter(({ state }) => state === "running").length;
  const quorum = hasQuorum
    ? ""
    : `warning: ${running} of ${counted(servers.length, "server")} run: nothing is written or read there\n`;
  return tableText(TITLES, rows, terminal) + problems.join("") + quorum;
}
