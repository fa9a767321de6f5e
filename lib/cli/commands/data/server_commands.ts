/**
 * `weft data up`, `replace`, `down` and `status`: servers of collections on members.
 * @module
 */

import type {
  DataServerReplacement,
  DataServerReport,
  DataServersReport,
  DataServersRequest,
  GivenServersReport,
} from "../../../api/mod.ts";
import { sleep } from "../../../base/mod.ts";
import { systemTimers } from "../../../host/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import { counted, formatSpan, tableText } from "../../output/mod.ts";
import { SlowNotice } from "../../slow_notice.ts";
import type { Terminal } from "../../terminal.ts";
import {
  type AnyCommand,
  askAndPrint,
  type CommandContext,
  defined,
  readNumber,
} from "../../weft_command.ts";

/** So long a command waits for servers to start, and for a copy to be whole, in milliseconds. */
const READY_MS = 60_000;
const PAUSE_MS = 500;
const TITLES = ["NODE", "SERVER", "VERSION", "SINCE", ">RESTARTS", "COPY"];

/** Adds the commands. */
export function addServerCommands(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("up").description("have members run servers of NATS JetStream that keep new collections")
      .argument("[nodes...]", "the members (default: those that can, in the order of their names)")
      .option("--replicas <number>", "how many: 1, 3 or 5 (default: as many as are named, or 3)")
      .option("--nats-server <path>", "the program on those members (default: nats-server on their PATH)")
      .option("--force", "also where that gives up what servers keep that were stopped")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data up --replicas 3\n  $ weft data up web-1 web-2 web-3 --nats-server /usr/local/bin/nats-server\n\n" +
          "After `weft data down` the same members go on with what they keep, and need not be named. With --force they put it\n" +
          "aside in their state directories, and the servers begin with nothing.",
      ),
    ports,
    async (client, nodes, options) => {
      const { replicas, natsServer, force } = options;
      const report = await client.ask(
        "startDataServers",
        defined<DataServersRequest>({
          replicas: readNumber("--replicas", replicas, {
            least: 1,
            most: 5,
            hint: "For example --replicas 3.",
          }),
          members: nodes.length > 0 ? nodes : undefined,
          program: typeof natsServer === "string" ? natsServer : undefined,
          force: force === true ? force : undefined,
        }),
      );
      return await waited(options, untilAll(client, report, ({ state }) => state === "running"));
    },
    (report) => serversText(report, ports.terminal),
  );
  askAndPrint(
    group.command("replace").description(
      "have another member run a server in the place of one that is lost for good",
    )
      .argument("<lost>", "the member that does not come back")
      .argument("[node]", "who takes its place (default: the first that can, in the order of their names)")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft data replace web-2 web-4\n\n" +
          "What it kept is copied from the others, of which most have to run, with all that was written. For some seconds\n" +
          "they take nothing: what lets in there is made anew, so that the lost one does no harm if it comes back.",
      ),
    ports,
    async (client, [lost = "", by], options) => {
      const report = await client.ask("replaceDataServer", defined<DataServerReplacement>({ lost, by }));
      const isWhole = ({ state, isCurrent }: DataServerReport) => state === "running" && isCurrent === true;
      return await waited(options, untilAll(client, report, isWhole));
    },
    (report) => serversText(report, ports.terminal),
  );
  askAndPrint(
    group.command("down").description("stop those servers; what they keep stays with their members")
      .option("--force", "also while they keep collections or queues, which nobody reaches then")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data down --force"),
    ports,
    (client, _, { force }) => client.ask("stopDataServers", force === true ? { force } : {}),
    ({ former }) =>
      former === undefined
        ? "The servers stop; they kept nothing\n"
        : "The servers stop; `weft data up` goes on with what they keep\n",
  );
  askAndPrint(
    group.command("status").description("show the servers of collections, and how they are")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data status"),
    ports,
    (client) => client.ask("dataServers"),
    (report) => serversText(report, ports.terminal),
  );

  function waited<T>(options: Readonly<Record<string, unknown>>, work: Promise<T>): Promise<T> {
    const more = "they go on when this command is ended, and `weft data status` shows how they are";
    return new SlowNotice(ports, options).during("the servers", work, { boundMs: READY_MS, more });
  }
}

/** @returns how they are when all are as they are to be, or after a while: the agent answers before */
async function untilAll(
  client: ControlClient,
  first: DataServersReport,
  isReady: (server: DataServerReport) => boolean,
): Promise<DataServersReport> {
  const never = new AbortController().signal;
  const until = performance.now() + READY_MS;
  let report = first;
  while (!report.servers.every(isReady) && performance.now() < until) {
    await sleep(systemTimers, PAUSE_MS, never);
    report = await client.ask("dataServers");
  }
  return report;
}

/** @returns the servers as a table, and whether most of them run */
export function serversText(report: DataServersReport, terminal: Terminal): string {
  const { servers, hasQuorum, former, given } = report;
  if (given !== undefined) return givenText(given);
  if (servers.length === 0) {
    return former === undefined
      ? "No servers. `weft data up` has members run some.\n"
      : `No servers. \`weft data up\` goes on with what those keep that ran on ${former.join(", ")}.\n`;
  }
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

function givenText({ servers, isEncrypted, isReached, leader, problem }: GivenServersReport): string {
  const where = `${isEncrypted ? "tls" : "nats"}://${servers.join(",")}`;
  const leads = leader === undefined ? "" : `; ${leader} leads`;
  if (isReached) return `This node keeps collections on ${where}: reached${leads}\n`;
  return `This node keeps collections on ${where}: not reached\n` +
    (problem === undefined ? "" : `warning: ${problem}\n`);
}
