/**
 * `weft netcheck`: how this host can be reached, with an agent or without.
 * @module
 */

import type { FamilyReport, GatewayReport, NetcheckReport, StunServerReport } from "../../../api/mod.ts";
import { optionText } from "../../../config/mod.ts";
import { ControlClient, NoAgentError } from "../../control_client.ts";
import { SlowNotice } from "../../slow_notice.ts";
import { counted, type Fact, factLines, formatRtt, paintedCell, type Terminal } from "../../output/mod.ts";
import {
  type AnyCommand,
  type CommandContext,
  flagOption,
  optionsOfNextStart,
  printJson,
  runWithOptions,
} from "../../weft_command.ts";

/** Why a protocol brought nothing, for people. */
const FAILURES: Readonly<Record<string, string>> = {
  "no-answer": "no answer",
  unsupported: "not spoken",
  refused: "refused",
  nonsense: "makes no sense",
  "not-public": "no public address",
};

const PROTOCOLS: Readonly<Record<string, string>> = { pcp: "PCP", "nat-pmp": "NAT-PMP", upnp: "UPnP" };

/** Adds the command. */
export function addNetcheckCommand(program: AnyCommand, { ports }: CommandContext): void {
  const command: AnyCommand = program.command("netcheck");
  runWithOptions(
    command.description("find out how this host can be reached from elsewhere")
      .addOption(flagOption("stunServers"))
      .addOption(flagOption("portMapping"))
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft netcheck\n  $ weft netcheck --stun-server stun.example.com:3478",
      ),
    ports,
    async ({ stateDir, stunServers, portMapping }, _, { json }) => {
      const notice = new SlowNotice(ports, { json });
      using client = new ControlClient(stateDir, { notice });
      const servers = stunServers.length === 0 ? {} : { stunServers: [optionText(stunServers)].flat() };
      const report = await client.ask("netcheck", servers).catch(async (error: unknown) => {
        if (!(error instanceof NoAgentError)) throw error;
        const options = await optionsOfNextStart(command, ports);
        const said = { ...options, portMapping, ...stunServers.length > 0 && { stunServers } };
        const checked = (await ports.loadAgent()).checkNetwork(said, ports.process.environment);
        return await notice.during("whoever is asked how this host looks from elsewhere", checked);
      });
      if (json === true) printJson(ports, report);
      else ports.terminal.out(netcheckText(report, ports.terminal));
    },
  );
}

/** @returns the report for people */
export function netcheckText(report: NetcheckReport, terminal: Terminal): string {
  const { udp, ipv4, ipv6, portMapping, stun, mappingVaries, hairpin, proxy, leaders } = report;
  const facts: Fact[] = [
    [
      "UDP",
      udp === null
        ? "not known: nobody was asked"
        : yesNo(terminal, udp, "goes out, and is answered", "is not answered"),
    ],
    ["IPv4", familyText(terminal, ipv4)],
    ["IPv6", familyText(terminal, ipv6)],
    ...portMapping.map((gateway): Fact => ["port mapping", ...gatewayText(terminal, gateway)]),
    ...portMapping.length === 0 ? [["port mapping", "no router was asked"] as const] : [],
    ...stun.map((server): Fact => ["STUN", stunText(server)]),
  ];
  if (mappingVaries !== null) {
    facts.push([
      "NAT",
      yesNo(terminal, !mappingVaries, "the same port to everybody", "another port to each destination"),
    ]);
  }
  if (hairpin !== null) {
    facts.push(["hairpin", hairpin ? "the NAT leads back what is for its outside" : "no"]);
  }
  facts.push(["HTTP proxy", proxy ?? "none"]);
  for (const { name, path, rttMs } of leaders ?? []) {
    facts.push([
      "leader",
      `${name}, ${path === "none" ? "away" : path}${rttMs === null ? "" : `, ${formatRtt(rttMs)}`}`,
    ]);
  }
  const hint = stun.length === 0
    ? "hint: With --stun-server HOST:PORT, twice at best, it tells how the NAT maps.\n"
    : "";
  return factLines(facts, terminal) + hint;
}

function yesNo(terminal: Terminal, isGood: boolean, good: string, bad: string) {
  return paintedCell(terminal, isGood ? "good" : "bad", isGood ? good : bad);
}

function familyText(terminal: Terminal, { isThere, addresses, gateway }: FamilyReport) {
  if (!isThere) return paintedCell(terminal, "quiet", "no way to the Internet");
  const [first = "", ...others] = addresses;
  const more = others.length === 0 ? "" : ` and ${counted(others.length, "more")}`;
  return `${first}${more}${gateway === undefined ? "" : `, by ${gateway}`}`;
}

function gatewayText(
  terminal: Terminal,
  report: GatewayReport,
): Fact extends readonly [string, ...infer P] ? P : never {
  const { gateway, state, protocol = "", udp, tcp, failures = {}, privateAddress } = report;
  if (state === "asking") return [`${gateway} is being asked`];
  if (state === "mapped") {
    const where = udp === tcp || tcp === undefined || udp === undefined
      ? udp ?? tcp
      : `${udp} by UDP, ${tcp} by TCP`;
    return [
      paintedCell(terminal, "good", `${where}`),
      `, by ${PROTOCOLS[protocol] ?? protocol} of ${gateway}`,
    ];
  }
  const reasons = Object.entries(failures).map(([name, failure]) =>
    `${PROTOCOLS[name] ?? name} ${FAILURES[failure] ?? failure}`
  );
  const behind = privateAddress === undefined ? "" : `; it is behind another NAT, as ${privateAddress}`;
  return [paintedCell(terminal, "bad", "none"), ` of ${gateway}: ${reasons.join(", ")}${behind}`];
}

function stunText({ server, mapped, rttMs }: StunServerReport): string {
  if (rttMs === null) return `${server} does not answer`;
  return `${server} sees ${mapped ?? "nothing"}, ${formatRtt(rttMs)}`;
}
