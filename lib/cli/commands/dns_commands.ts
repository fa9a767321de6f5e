/**
 * `weft dns …`: the names that a node serves.
 * @module
 */

import type { DnsAnswerRecord, DnsRecordReport, DnsRecordRequest, DnsRemoval } from "../../api/mod.ts";
import { showUnprintable } from "../../base/mod.ts";
import { reverseName } from "../../dns/mod.ts";
import { DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS } from "../../dns/bounds.ts";
import { IpAddress } from "../../net/mod.ts";
import { CommandError } from "../failure.ts";
import { counted, tableText } from "../output/mod.ts";
import type { Terminal } from "../terminal.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  printJson,
  readNumber,
  refuseOthers,
} from "../weft_command.ts";

const TITLES = ["NAME", "TYPE", "DATA", ">TTL", "FROM"];

/** Adds `weft dns list`, `add`, `remove` and `query`. */
export function addDnsCommands(program: AnyCommand, context: CommandContext): void {
  const group: AnyCommand = program.command("dns").description("the names that this node serves")
    .addHelpText("after", "\nExample:\n  $ weft dns add db A 10.200.0.9");
  addList(group, context);
  addAdd(group, context);
  addRemove(group, context);
  addQuery(group, context);
  refuseOthers(group);
}

function addList(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("list").description("list the names of members, of services, and those that were added")
      .option("--added", "only those that somebody has added")
      .option("--json", "as JSON, with the zone's own records")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft dns list --json | jq -r '.[] | select(.type == \"A\") | .name'",
      ),
    ports,
    async (client, _, { added }) =>
      (await client.ask("listNames")).filter(({ source }) =>
        added !== true || source === "custom" || source === "leader"
      ),
    (records) => recordsText(records, ports.terminal),
  );
}

function addAdd(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("add").description("add a record on every node; it stays until it is removed")
      .argument("<name>", "below the zone unless it ends with a dot; *.apps stands for all below apps")
      .argument("<type>", "A, AAAA, CNAME, TXT, SRV, MX or PTR")
      .argument("<data...>", "an address, a name, `0 0 80 web-1`, or text")
      .option("--ttl <seconds>", `how long others may keep it (default: ${DEFAULT_TTL_SECONDS})`)
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft dns add db A 10.200.0.9\n  $ weft dns add '*.apps' CNAME web-1\n" +
          "  $ weft dns add _http._tcp.shop SRV 0 0 8080 web-1",
      ),
    ports,
    (client, [name = "", type = "", ...data], { ttl }) => {
      const ttlSeconds = readNumber("--ttl", ttl, {
        least: 0,
        most: MAX_TTL_SECONDS,
        of: "seconds",
        hint: "For example --ttl 60.",
      });
      const request = { name, type, data: data.join(" "), ttlSeconds };
      return client.ask("addName", defined<DnsRecordRequest>(request));
    },
    (added) => `Added ${recordText(added)}\n`,
  );
}

function addRemove(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("remove").description("remove what this node has added; leaders share theirs")
      .argument("<name>", "below the zone unless it ends with a dot")
      .argument("[type]", "records of this type alone")
      .argument("[data...]", "this record alone")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft dns remove db"),
    ports,
    async (client, [name = "", type, ...data]) => ({
      removed: await client.ask(
        "removeName",
        defined<DnsRemoval>({ name, type, data: data.length === 0 ? undefined : data.join(" ") }),
      ),
    }),
    ({ removed }, [name]) => `Removed ${counted(removed, "record")} of ${name}\n`,
  );
}

function addQuery(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    group.command("query").description("ask this node's name server")
      .argument("<name>", "in full, or below the zone; an address asks for its name")
      .argument("[type]", "A unless given, PTR for an address")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExamples:\n  $ weft dns query web-1 AAAA\n  $ weft dns query 10.200.0.2"),
    ports,
    async (client, [name = "", type], { json }) => {
      // Who gives an address wants to know whose it is.
      const address = type === undefined || type.toUpperCase() === "PTR" ? IpAddress.parse(name) : undefined;
      const answer = address === undefined
        ? await client.ask("resolveName", name, type)
        : await client.ask("resolveName", `${reverseName(address)}`, "PTR");
      if (json === true) {
        printJson(ports, answer);
        if (answer.code !== "NOERROR") context.exitCode = 1;
        return;
      }
      if (answer.code !== "NOERROR") {
        throw new CommandError(`Cannot find ${name}: ${answer.code}`, { hint: hintFor(answer.code) });
      }
      const lines = answer.answers.map((record) => `${recordText(record)}\n`);
      ports.terminal.out(
        lines.join("") || `${name} has no record of type ${type ?? (address ? "PTR" : "A")}\n`,
      );
    },
  );
}

/** @returns one line a record, below a line of titles; the zone's own records are left out */
export function recordsText(records: readonly DnsRecordReport[], terminal: Terminal): string {
  const shown = records.filter(({ source }) => source !== "zone");
  if (shown.length === 0) return "No names. `weft dns add` adds one.\n";
  const text = ({ name, type, data }: DnsRecordReport): string => `${name} ${type} ${data}`;
  const rows = shown.toSorted((a, b) => text(a) < text(b) ? -1 : 1)
    .map(({ name, type, data, ttlSeconds, source }) => [name, type, data, String(ttlSeconds), source]);
  return tableText(TITLES, rows, terminal);
}

/** As master files have it. */
function recordText({ name, ttlSeconds, type, data }: DnsAnswerRecord): string {
  return showUnprintable(`${name} ${ttlSeconds} ${type} ${data}`);
}

function hintFor(code: string): string {
  if (code === "NXDOMAIN") return "`weft dns list` shows all names.";
  if (code === "REFUSED") return "This node answers its own zones; --dns-forward makes it ask others.";
  return "The servers that it was forwarded to did not answer.";
}
