/**
 * `weft status`, `ping`: commands that ask a running agent.
 * @module
 */

import type { PingReport, StatusReport } from "../../../api/mod.ts";
import { printableJson, sleep } from "../../../base/mod.ts";
import { systemTimers } from "../../../host/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import { AgentAnswerError } from "../../control_client.ts";
import { formatRtt, formatSpan, statusText, wayText } from "../../output/mod.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  printJson,
  readNumber,
  stopSignal,
} from "../../weft_command.ts";

/** Between two looks of `--watch`, in milliseconds. */
const WATCH_MS = 1000;

/** Adds the commands. */
export function addAskCommands(program: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  const status = program.command("status");
  askAgent(
    status.description("show this node, its network and its peers")
      .option("--json", "as JSON")
      .option("-w, --watch", "again every second, until Ctrl-C")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft status --watch\n  $ weft status --json | jq .node.addresses",
      ),
    ports,
    async (client, _, { json, watch }) => {
      const isPage = watch === true && json !== true && terminal.isInteractive;
      const show = async (report: StatusReport) => {
        if (json === true) return printJson(ports, report);
        // An agent of an earlier version has none.
        const policy = await client.ask("policyStatus").catch(() => undefined);
        const exit = await client.ask("exitStatus").catch(() => undefined);
        const text = statusText(report, terminal, { policy, exit });
        // ECMA-48 §8.3.21, §8.3.41, §8.3.39: home, erase behind each line and below all; nothing flickers then.
        terminal.out(isPage ? `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J` : text);
      };
      if (watch !== true) return await show(await client.ask("status"));
      using stop = stopSignal(ports, { endsWithReader: true });
      while (!stop.signal.aborted) {
        await show(await client.ask("status"));
        await sleep(systemTimers, WATCH_MS, stop.signal);
      }
    },
  );

  askAndPrint(
    status.command("token").description(
      "print the token by which other machines read this node's status page",
    )
      .option("--new", "draw another one; the former is good for nothing then")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft status token > /etc/prometheus/web-1.token",
      ),
    ports,
    (client, _, options) => client.ask("statusToken", { ...options.new === true && { isNew: true } }),
    ({ token }) => `${token}\n`,
  );

  askAgent(
    program.command("ping").description(
      "probe a member, through the tunnel first, and name the path, its MTU, and why it is no direct one",
    )
      .argument("<peer>", "its name, id, key or overlay address")
      .option("-c, --count <number>", "how often (default: 1)")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft ping web-1 --count 5"),
    ports,
    async (client, [peer = ""], { count: text = "1", json }) => {
      const count = readNumber("--count", text, { least: 1, hint: "For example --count 5." }) ?? 1;
      const answers: PingReport[] = [];
      for (let i = 0; i < count; i++) {
        const isLast = i === count - 1;
        const answer = await client.ask("ping", peer).catch((error: unknown) => {
          const isAway = error instanceof AgentAnswerError && error.code === "Unreachable";
          if (error instanceof AgentAnswerError && error.code === "UnknownPeer" && IpAddress.parse(peer)) {
            const hint = `Members alone are probed; \`weft explain ${peer}\` says whether one leads there.`;
            throw new AgentAnswerError({ code: error.code, message: error.message, hint });
          }
          // The last one fails when none has answered.
          if (!isAway || isLast && answers.length === 0) throw error;
        });
        if (answer) answers.push(answer);
        if (json === true) terminal.out(`${printableJson({ peer, ...answer || { rttMs: null } })}\n`);
        else terminal.out(`${peer} ${answer ? answerText(peer, answer) : "does not answer"}\n`);
      }
      if (json === true) return;
      if (count > 1) terminal.out(summary(count, answers.map(({ rttMs }) => rttMs)));
      const last = answers.at(-1);
      if (last !== undefined) terminal.out(reasonText(last));
    },
  );
}

function answerText(name: string, { rttMs, path, way, lastHandshakeAgeMs }: PingReport): string {
  const isThrough = path !== "channel";
  const by = !isThrough
    ? "by its channel, not through the tunnel"
    : way === undefined || way.kind === "none" || way.kind === "channel"
    ? path
    : wayText(way, name);
  const mtu = isThrough && way?.mtuBytes !== undefined ? `, MTU ${way.mtuBytes}` : "";
  const age = lastHandshakeAgeMs === null ? "" : `, handshake ${formatSpan(lastHandshakeAgeMs)} ago`;
  return `answers in ${formatRtt(rttMs)}, ${by}${mtu}${age}`;
}

/** @returns a line on why the last answer came no better way; nothing where it could not */
function reasonText({ path, way }: PingReport): string {
  if (way?.why !== undefined) return `not direct: ${way.why}\n`;
  if (path !== "channel" || way === undefined) return "";
  return "not through the tunnel: the path works, but a firewall, here or there, may drop what comes in by weft's interface\n";
}

function summary(asked: number, roundTripsMs: readonly number[]): string {
  const lost = Math.round(100 * (asked - roundTripsMs.length) / asked);
  const average = roundTripsMs.reduce((sum, ms) => sum + ms, 0) / roundTripsMs.length;
  const figures = [Math.min(...roundTripsMs), average, Math.max(...roundTripsMs)].map(formatRtt);
  return `${asked} asked, ${lost} % lost, ${figures.join(" / ")} least, average, most\n`;
}
