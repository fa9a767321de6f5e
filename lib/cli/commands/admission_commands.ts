/**
 * `weft peer rename`, `address`, `pending`, `approve` and `refuse`, `weft audit`, `weft leave`: who comes, goes and changes.
 * @module
 */

import type { AuditReport, PendingJoin, PrunedPeers, PruneRequest } from "../../api/mod.ts";
import { printableJson, sleep } from "../../base/mod.ts";
import { systemTimers } from "../../host/mod.ts";
import { ControlClient, NoAgentError } from "../control_client.ts";
import { SlowNotice } from "../slow_notice.ts";
import { UsageError } from "../failure.ts";
import { formatSpan, parseDurationMs, tableText } from "../output/mod.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  printJson,
  readNumber,
  runWithOptions,
  stopSignal,
} from "../weft_command.ts";

const PENDING_TITLES = ["NAME", "ID", "FROM", "TOKEN", "ADDRESS", "WAITS"];
const AUDIT_TITLES = ["TIME", "WHAT", "WHO", "BY", "DETAIL"];
const NO_LEADER_LEFT = "this was the last leader: nobody can be let in, changed or removed any more";
const NOTHING = "Nothing has happened yet.\n";
const NOTHING_SINCE = "Nothing has happened in that time.\n";
/** How often `weft audit --follow` asks. */
const FOLLOW_MS = 1_000;
/** How long `weft leave` waits until the agent has stopped, and how often it looks. */
const STOP_BOUND_MS = 10_000;
const STOP_LOOK_MS = 50;
const MAX_AUDIT_LIMIT = 10_000;
const MIN_PRUNE_MS = 2 * 86_400_000;
const MAX_PRUNE_MS = 365 * 86_400_000;

/** Adds them to `weft peer`. */
export function addAdmissionCommands(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("rename").description("give a member or device another name")
      .argument("<peer>", "its name, id, key or address")
      .argument("<name>", "a name that is free")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer rename web-1 web-old"),
    ports,
    (client, [node = "", name = ""]) => client.ask("renameMember", { node, name }),
    ({ name }, [peer]) => `${peer} is called ${name} now\n`,
  );
  askAndPrint(
    group.command("address").description("give a member or device another overlay address")
      .argument("<peer>", "its name, id, key or address")
      .argument("<address>", "one that this leader gives out")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer address web-1 10.200.1.7"),
    ports,
    (client, [node = "", address = ""]) => client.ask("setAddress", { node, address }),
    ({ name, addresses, roles }) =>
      `${name} is ${addresses[0]} now\n${
        roles.includes("wireguard") ? `\`weft peer config ${name}\` prints what it needs then\n` : ""
      }`,
  );
  askAndPrint(
    group.command("prune").description("remove the members that nobody has heard of for long")
      .requiredOption("--away <duration>", "for how long at least, 2d or more")
      .option("--dry-run", "only say who that is")
      .option(
        "--devices",
        "devices too, which this leader has had no handshake with for so long, but not those of another hub",
      )
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer prune --away 30d --dry-run"),
    ports,
    (client, _, { away, dryRun, devices }) => {
      const awayMs = parseDurationMs(String(away));
      if (awayMs === undefined || awayMs < MIN_PRUNE_MS || awayMs > MAX_PRUNE_MS) {
        throw new UsageError(`Cannot use --away ${away}: it is a duration of two days to a year`, {
          hint: "For example --away 30d; whoever is there says so once a day.",
        });
      }
      const flags = { dryRun: dryRun === true || undefined, devices: devices === true || undefined };
      return client.ask("prunePeers", defined<PruneRequest>({ awayMs, ...flags }));
    },
    (pruned, _, { dryRun }) => prunedText(pruned, dryRun === true, Date.now()),
  );
  askAndPrint(
    group.command("pending").description("list the machines that wait for this leader's approval")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer pending"),
    ports,
    (client) => client.ask("listPending"),
    (pending) => pendingText(pending),
  );
  askAndPrint(
    group.command("approve").description("let a machine in that waits")
      .argument("<peer>", "its id, or the name that it asks for")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer approve web-1"),
    ports,
    (client, [who = ""]) => client.ask("approveJoin", who),
    ({ name, addresses }) =>
      `Approved ${name}, which is ${addresses[0]} as soon as it asks again, in 30 s at most\n`,
  );
  askAndPrint(
    group.command("refuse").description("refuse a machine that waits, for as long as its token lives")
      .argument("<peer>", "its id, or the name that it asks for")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer refuse web-1"),
    ports,
    (client, [who = ""]) => client.ask("refuseJoin", who),
    ({ name, id }) => `Refused ${name} (${id})\n`,
  );

  function pendingText(pending: readonly PendingJoin[]): string {
    if (pending.length === 0) return "Nobody waits for this leader's approval.\n";
    const rows = pending.map(({ name, id, from, token, address, since }) => [
      name,
      id,
      from,
      token.slice(0, 8),
      address ?? "any",
      formatSpan(Math.max(0, Date.now() - since)),
    ]);
    return tableText(PENDING_TITLES, rows, ports.terminal);
  }
}

/** Adds `weft audit`. */
export function addAuditCommand(program: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    program.command("audit").description("what happened to members, by whose word (leaders only)")
      .option("--since <duration>", "of the last such time, as in 1h or 7d")
      .option("--limit <number>", "the last so many (default: 1000)")
      .option("-f, --follow", "then wait for what happens")
      .option("--json", "a line of JSON for each")
      .addHelpText("after", "\nExample:\n  $ weft audit --since 24h --json"),
    ports,
    async (client, _, { since, limit, follow, json }) => {
      const bounds = { least: 1, most: MAX_AUDIT_LIMIT, hint: "For example --limit 50." };
      const entries = await client.ask(
        "listAudit",
        defined({
          since: since === undefined ? undefined : Math.max(0, Date.now() - durationOf(String(since))),
          limit: readNumber("--limit", limit, bounds),
        }),
      );
      tell(entries, json === true, since === undefined ? NOTHING : NOTHING_SINCE);
      if (follow !== true) return;
      using stop = stopSignal(ports, { endsWithReader: true });
      let after = entries.at(-1)?.number ?? 0;
      while (!stop.signal.aborted) {
        await sleep(systemTimers, FOLLOW_MS, stop.signal).catch(() => {});
        if (stop.signal.aborted) return;
        const more = await client.ask("listAudit", { after });
        tell(more, json === true);
        after = more.at(-1)?.number ?? after;
      }
    },
  );

  /** What comes after the first entries has no titles, and nothing is no news. */
  function tell(entries: readonly AuditReport[], isJson: boolean, nothing?: string): void {
    const { terminal } = ports;
    if (isJson) return entries.forEach((entry) => terminal.out(`${printableJson(entry)}\n`));
    if (entries.length === 0) return nothing === undefined ? undefined : terminal.out(nothing);
    const text = tableText(AUDIT_TITLES, entries.map(auditRow), terminal);
    terminal.out(nothing !== undefined ? text : text.slice(text.indexOf("\n") + 1));
  }
}

/** Adds `weft leave`. */
export function addLeaveCommand(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("leave").description("leave the network: the agent stops, and its state is put away")
      .option("--force", "also when no leader answers, this is the last leader, or no agent runs")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft leave"),
    ports,
    async ({ stateDir }, _, { force, json }) => {
      const isForced = force === true;
      const notice = new SlowNotice(ports, { json });
      using client = new ControlClient(stateDir, { notice });
      try {
        const { node: { id, name } } = await client.ask("status");
        const others = (await client.ask("members")).filter((member) => member.id !== id);
        const { isKnown } = await client.ask("leave", { force: isForced });
        await notice.during(`${name} to stop`, untilStopped(client), { boundMs: STOP_BOUND_MS });
        const isLast = !others.some(({ roles }) => roles.includes("leader"));
        return tell(name, isKnown ? undefined : isLast ? NO_LEADER_LEFT : stillMember(name), json === true);
      } catch (error) {
        if (!isForced || !(error instanceof NoAgentError)) throw error;
      }
      const node = (await ports.loadAgent()).forget(stateDir);
      if (node === undefined) {
        throw new UsageError(`Cannot leave: there is no node in the state directory ${stateDir}`, {
          hint: "Name another with --state.",
        });
      }
      tell(node.name, node.isRemoved ? undefined : stillMember(node.name), json === true);
    },
  );

  function tell(name: string, warning: string | undefined, isJson: boolean): void {
    if (isJson) return printJson(ports, { name, isKnown: warning === undefined });
    ports.terminal.out(`${name} has left the network; its state belongs to none now\n`);
    if (warning !== undefined) ports.terminal.err(`warning: ${warning}\n`);
  }
}

function stillMember(name: string): string {
  return `no leader knows, and its key is a member's still: run \`weft peer remove ${name}\` on a leader`;
}

/** Until then the state directory is the agent's. */
async function untilStopped(client: ControlClient): Promise<void> {
  const never = new AbortController().signal;
  for (let waitedMs = 0; waitedMs < STOP_BOUND_MS; waitedMs += STOP_LOOK_MS) {
    try {
      await client.ask("status");
    } catch {
      return;
    }
    await sleep(systemTimers, STOP_LOOK_MS, never);
  }
}

function durationOf(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`Cannot use --since ${text}: that is no duration`, { hint: "Write 90s, 24h or 7d." });
}

function auditRow({ at, kind, node, by, leader, detail = {} }: AuditReport): readonly string[] {
  const who = by.kind === "operator"
    ? `operator at ${leader}`
    : by.kind === "leader"
    ? "another leader"
    : by.kind === "agent"
    ? leader
    : by.kind === "token"
    ? `token ${by.id?.slice(0, 8)}`
    : by.name ?? by.kind;
  const facts = Object.entries(detail).map(([key, text]) => `${key}=${text}`).join(" ");
  return [new Date(at).toISOString(), kind, node?.name ?? "-", who, facts];
}

function prunedText({ peers, left }: PrunedPeers, isDry: boolean, nowMs: number): string {
  if (peers.length === 0) return "Everybody was heard of since.\n";
  const lines = peers.map(({ name, lastSeenMs }) => {
    const seen = lastSeenMs === undefined ? "never seen" : `last seen ${formatSpan(nowMs - lastSeenMs)} ago`;
    return `${name}: ${isDry ? "would be removed" : "removed"}, ${seen}\n`;
  });
  return lines.join("") + (left === 0 ? "" : `${left} more are left: run the same again\n`);
}
