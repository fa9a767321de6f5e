/**
 * `weft policy apply`, `rollback`, `remove`: what takes effect, and when it has.
 * @module
 */

import type { PolicyApplyReport, PolicyMember } from "../../../api/mod.ts";
import { sleep } from "../../../base/mod.ts";
import { systemTimers } from "../../../host/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import { UsageError } from "../../failure.ts";
import {
  differenceText,
  enforcersText,
  failureLines,
  parseDurationMs,
  warningLines,
} from "../../output/mod.ts";
import type { CliPorts } from "../../ports.ts";
import { SlowNotice } from "../../slow_notice.ts";
import {
  type AnyCommand,
  askAgent,
  type CommandContext,
  defined,
  printJson,
  stopSignal,
} from "../../weft_command.ts";

/** How long members are waited for unless told, and how often they are counted. */
const USUAL_WAIT_MS = 5_000;
const LOOK_MS = 50;
const YES_HELP = "even if it cuts off the way by which this host is reached";

/** Who enforces a policy, and after what time. */
interface Effect {
  readonly members: readonly PolicyMember[];
  readonly stale: number;
  readonly afterMs: number;
}

/** Adds the commands. */
export function addApplyCommands(group: AnyCommand, context: CommandContext): void {
  addApply(group, context);
  addRollback(group, context);
  addRemove(group, context);
}

function addApply(group: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    withWait(group.command("apply").description("have a policy take effect on all members (leaders only)"))
      .argument("<file>", "YAML or JSON; - for standard input")
      .option("--dry-run", "deny nothing, and log what would be denied")
      .option("-y, --yes", YES_HELP)
      .addHelpText(
        "after",
        "\nExamples:\n  # weft policy apply policy.yaml --dry-run\n  # weft policy apply policy.yaml",
      ),
    ports,
    async (client, [path = ""], { dryRun, yes, wait, json }) => {
      const waitMs = readWait(wait);
      const { checkTests, locate, readPolicy } = await import("./policy_input.ts");
      const read = await readPolicy(path, ports);
      const { text, name } = read;
      // The failing ones are to be named, each with the rule that decided.
      const tested = await client.ask("testPolicy", { text });
      if (tested.failures.length > 0) {
        const found = locate(tested.warnings, read);
        if (json === true) printJson(ports, { ...tested, warnings: found });
        else {
          ports.terminal.out(
            warningLines(found, ports.terminal) + failureLines(tested.failures, ports.terminal),
          );
        }
      }
      checkTests(tested, `Cannot apply ${name}`);
      const startedAt = performance.now();
      const report = await client.ask(
        "applyPolicy",
        defined({
          text,
          dryRun: dryRun === true || undefined,
          yes: yes === true || undefined,
          ...ownWay(ports),
        }),
      );
      const warnings = locate(report.warnings, read);
      await tell(client, ports, { ...report, warnings }, { startedAt, waitMs, isJson: json === true });
    },
  );
}

function addRollback(group: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    withWait(group.command("rollback").description("have a former policy take effect again (leaders only)"))
      .argument("[revision]", "as `weft policy show` lists it (default: the one before)")
      .option("-y, --yes", YES_HELP)
      .addHelpText("after", "\nExample:\n  # weft policy rollback"),
    ports,
    async (client, [revision], { yes, wait, json }) => {
      const waitMs = readWait(wait);
      if (revision !== undefined && !/^[0-9a-f]{1,16}$/.test(revision)) {
        throw new UsageError(
          `Cannot go back to ${revision}: a revision is up to 16 digits of 0 to 9 and a to f`,
          {
            hint: "`weft policy show` lists those that this leader keeps.",
          },
        );
      }
      const startedAt = performance.now();
      const report = await client.ask(
        "rollbackPolicy",
        defined({ revision, yes: yes === true || undefined }),
      );
      await tell(client, ports, report, { startedAt, waitMs, isJson: json === true });
    },
  );
}

function addRemove(group: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    withWait(group.command("remove").description("take the policy back, so that all passes (leaders only)"))
      .option("--trial", "the one that is tried, and not the one in force")
      .addHelpText("after", "\nExample:\n  # weft policy remove --trial"),
    ports,
    async (client, _, { trial, wait, json }) => {
      const waitMs = readWait(wait);
      const startedAt = performance.now();
      const report = await client.ask("removePolicy", trial === true ? { trial: true } : {});
      await tell(client, ports, report, { startedAt, waitMs, isJson: json === true, isRemoval: true });
    },
  );
}

function withWait(command: AnyCommand): AnyCommand {
  return command
    .option("--wait <duration>", "how long members are waited for, 0s for not at all (default: 5s)")
    .option("--json", "as JSON") as AnyCommand;
}

function readWait(text: unknown): number {
  if (text === undefined) return USUAL_WAIT_MS;
  const ms = /^0s?$/.test(String(text)) ? 0 : parseDurationMs(String(text));
  if (ms !== undefined && ms <= 3_600_000) return ms;
  throw new UsageError(`Cannot use --wait ${text}: that is no duration up to an hour`, {
    hint: "Write 10s, or 0s.",
  });
}

/** How whoever types this has come in; sshd says so: the client's address and port, the server's address and port. */
function ownWay({ process: { environment } }: CliPorts): { fromAddress?: string; atPort?: number } {
  const [fromAddress, , , port] = (environment.SSH_CONNECTION ?? "").split(" ");
  if (!fromAddress || !/^\d{1,5}$/.test(port ?? "")) return {};
  return { fromAddress, atPort: Number(port) };
}

async function tell(
  client: ControlClient,
  ports: CliPorts,
  report: PolicyApplyReport,
  options: {
    readonly startedAt: number;
    readonly waitMs: number;
    readonly isJson: boolean;
    readonly isRemoval?: boolean;
  },
): Promise<void> {
  const { terminal } = ports;
  const { difference, isTrial, isSame, revision, warnings } = report;
  const isRemoval = options.isRemoval === true;
  if (!options.isJson) {
    const what = isRemoval
      ? isTrial
        ? "Nothing is tried any more"
        : "No policy is in force any more: everybody may reach everything; `weft policy rollback` brings it back"
      : isTrial
      ? `Trying ${revision}: what it would deny is logged, and passes`
      : isSame
      ? `${revision} is in force already`
      : `Applied ${revision}`;
    terminal.out(`${warningLines(warnings, terminal)}${differenceText(difference, terminal)}${what}\n`);
  }
  // What members try, they do not tell.
  const effect = isTrial ? undefined : await new SlowNotice(ports, { json: options.isJson }).during(
    "members",
    waitForMembers(client, ports, isRemoval ? null : revision, options),
    { boundMs: options.waitMs, more: "`weft policy show` lists who does not enforce it yet" },
  );
  if (options.isJson) {
    return printJson(ports, { ...report, ...effect !== undefined && { effect: effectReport(effect) } });
  }
  if (isTrial) {
    if (!isRemoval) {
      terminal.out(
        "`weft policy log --follow` shows it on each member; `weft policy remove --trial` ends it\n",
      );
    }
    return;
  }
  if (effect === undefined) return;
  const { afterMs, members, stale } = effect;
  const who = isRemoval
    ? `${members.length - stale} of ${members.length} members know`
    : enforcersText(members);
  terminal.out(
    `${who}, ${stale === 0 ? "after" : "waited for"} ${(afterMs / 1000).toFixed(2)} s\n`,
  );
}

function effectReport({ members, stale, afterMs }: Effect): object {
  const names = members.filter(({ isStale }) => isStale).map(({ name }) => name);
  return {
    members: members.length,
    enforcing: members.length - stale,
    stale: names,
    afterMs: Math.round(afterMs),
  };
}

/** @returns who enforces it once all do that can be reached, or the time is up; undefined when nobody is waited for */
async function waitForMembers(
  client: ControlClient,
  ports: CliPorts,
  revision: string | null,
  { startedAt, waitMs }: { readonly startedAt: number; readonly waitMs: number },
): Promise<Effect | undefined> {
  if (waitMs === 0) return undefined;
  using stop = stopSignal(ports, { endsWithReader: true });
  const { peers } = await client.ask("status");
  const away = new Set(peers.filter(({ healthy }) => !healthy).map(({ name }) => name));
  for (;;) {
    const { enforced, members } = await client.ask("policyStatus");
    const afterMs = performance.now() - startedAt;
    const stale = members.filter(({ isStale }) => isStale);
    const isReplaced = (enforced?.revision ?? null) !== revision;
    const isOver = afterMs >= waitMs || stop.signal.aborted || isReplaced;
    if (isOver || stale.every(({ name }) => away.has(name))) return { members, stale: stale.length, afterMs };
    await sleep(systemTimers, LOOK_MS, stop.signal).catch(() => {});
  }
}
