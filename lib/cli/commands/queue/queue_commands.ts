/**
 * `weft queue …`: queues from a shell.
 * @module
 */

import { printableJson, showUnprintable } from "../../../base/mod.ts";
import type { QueueState } from "../../../data/mod.ts";
import { UsageError } from "../../failure.ts";
import { parseDurationMs, tableText } from "../../output/mod.ts";
import { paint } from "../../terminal.ts";
import {
  type AnyCommand,
  type CommandContext,
  printJson,
  readFile,
  readNumber,
  refuseOthers,
} from "../../weft_command.ts";
import { type AttachedData, checkNotOthers, ownersOf, runWithData } from "../data/mod.ts";
import { addDeadCommands } from "./dead_commands.ts";
import { addWork } from "./work_command.ts";

const LIST_TITLES = ["QUEUE", "OWNER", ">WAITING", ">LEASED", ">DEAD"];
const PREFIX = "queue/";
const QUEUE = ["<queue>", "as `weft queue list` shows it"] as const;
/** So many lines are pushed together. */
const BATCH_LINES = 256;

/** Adds the commands. */
export function addQueueCommands(program: AnyCommand, context: CommandContext): void {
  const group: AnyCommand = program.command("queue").description("queues of messages, and who works on them")
    .addHelpText("after", "\nExample:\n  $ weft queue list");
  addList(group, context);
  addShow(group, context);
  addCreate(group, context);
  addPush(group, context);
  addWork(group, context);
  addDeadCommands(group, context);
  addDelete(group, context);
  refuseOthers(group);
}

function addList(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("list").description("list all queues, and who owns them")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft queue list --json | jq -r '.[].name'"),
    ports,
    async (data, _, { json }) => {
      const queues = await listQueues(data);
      if (json === true) return printJson(ports, queues);
      if (queues.length === 0) {
        return ports.terminal.out(
          "No queues. `weft queue create` or `node.queue` of @weft/mesh makes one.\n",
        );
      }
      const rows = queues.map(({ name, owner, state, isAway }) => [
        ...[name, owner],
        ...state === undefined
          ? [isAway === true ? "away" : "-", "-", "-"]
          : [state.waiting, state.leased, state.dead].map(String),
      ]);
      ports.terminal.out(tableText(LIST_TITLES, rows, ports.terminal));
    },
  );
}

/** What an owner does not say, since it does not answer, is not there. */
async function listQueues({ client, services }: AttachedData) {
  const offered = (await services()).filter(({ path }) => path.startsWith(PREFIX));
  return await Promise.all(offered.map(async ({ path, providers }) => {
    const name = path.slice(PREFIX.length);
    const state = await client.existingQueue(name).describe().catch((error) => error?.code === "Refused");
    // Who may not work on it is not told how much there is.
    const { owner, owners } = ownersOf(providers);
    return typeof state === "boolean"
      ? { name, owner, owners, isAway: !state }
      : { name, owner, owners, state };
  }));
}

function addShow(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("show").description("print how many messages a queue has, and its limits")
      .argument(...QUEUE)
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft queue show mails"),
    ports,
    async ({ client }, [name = ""], { json }) => {
      const state = await client.existingQueue(name).describe();
      if (json === true) return printJson(ports, state);
      const width = Math.max(...SHOWN.map(([what]) => what.length)) + 2;
      const lines = SHOWN.map(([what, text]) => `${what.padEnd(width)}${showUnprintable(text(state))}`);
      ports.terminal.out(`${paint(ports.terminal, "strong", name)}\n${lines.join("\n")}\n`);
    },
  );
}

const SHOWN: readonly (readonly [string, (state: QueueState) => string])[] = [
  ["waiting", ({ waiting, maxLength }) => `${waiting} (at most ${maxLength}, the others included)`],
  ["leased", ({ leased }) => `${leased} that workers have now`],
  ["dead", ({ dead, maxAttempts }) => `${dead} that were tried ${maxAttempts} times`],
  ["lease", ({ leaseMs, maxLeaseMs }) => `${seconds(leaseMs)}, renewed up to ${seconds(maxLeaseMs)}`],
  ["again", ({ backoffMs, maxBackoffMs }) => `after ${seconds(backoffMs)}, up to ${seconds(maxBackoffMs)}`],
  ["push", ({ push = "every member" }) => push],
  ["work", ({ work = "every member" }) => work],
];

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

function addCreate(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("create").description("make a queue that this node owns, or change its limits")
      .argument("<queue>", "a letter, then letters, digits, _ and -")
      .option("--attempts <number>", "how often a message is tried before it is a dead letter (new: 10)")
      .option("--lease <duration>", "how long a worker has a message unless it renews, as in 30s (new: 30s)")
      .option("--max-lease <duration>", "how long it has one at most, as in 15m (new: 15m)")
      .option("--backoff <duration>", "how long a message waits after its first failure (new: 1s)")
      .option("--max-backoff <duration>", "how long it waits at most after a failure (new: 5m)")
      .option("--length <number>", "how many messages it holds, dead letters included (new: 100000)")
      .option("--push <selector>", "who may push beside this node, as in role=web (default: every member)")
      .option("--work <selector>", "who may work on it beside this node (default: every member)")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft queue create mails --attempts 5 --backoff 10s\n\n" +
          "Its messages are in this node's state directory, and are gone when that is.",
      ),
    ports,
    async ({ client }, [name = ""], options) => {
      const { attempts, lease, maxLease, backoff, maxBackoff, length, push, work, json } = options;
      const limits = {
        maxAttempts: readNumber("--attempts", attempts, { least: 1, hint: "For example --attempts 5." }),
        leaseMs: readDuration("--lease", lease),
        maxLeaseMs: readDuration("--max-lease", maxLease),
        backoffMs: readDuration("--backoff", backoff),
        maxBackoffMs: readDuration("--max-backoff", maxBackoff),
        maxLength: readNumber("--length", length, { least: 1, hint: "For example --length 10000." }),
        push: typeof push === "string" ? push : undefined,
        work: typeof work === "string" ? work : undefined,
      };
      const said = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
      const queue = await client.queue(name, said);
      if (json === true) return printJson(ports, { owner: queue.owner, ...await queue.describe() });
      ports.terminal.out(`${queue.owner} owns ${paint(ports.terminal, "strong", name)}\n`);
    },
  );
}

function addPush(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("push").description("add messages")
      .argument(...QUEUE)
      .argument("[value]", "as JSON")
      .option("--id <text>", "under an id it is pushed once, however often it is tried")
      .option("--key <text>", "messages of one key are handled one at a time, in their order")
      .option("--delay <duration>", "how long it waits before it is delivered, as in 10m")
      .option("--stdin", "read messages from standard input, each a line of JSON")
      .option("--json", "say the number as JSON, a message a line")
      .addHelpText(
        "after",
        '\nExamples:\n  $ weft queue push mails \'{"to":"ann"}\' --id welcome-ann\n' +
          "  $ weft queue push mails --stdin < mails.jsonl",
      ),
    ports,
    async ({ client }, [name = "", given], { id, key, delay, stdin, json }) => {
      const isMany = stdin === true;
      if ((given === undefined) !== isMany || (isMany && id !== undefined)) {
        throw new UsageError("Cannot push: that is no message", {
          hint: "Write one behind the queue, or use --stdin, without --id.",
        });
      }
      const delayMs = readDuration("--delay", delay);
      const options = {
        ...typeof id === "string" && { id },
        ...typeof key === "string" && { orderKey: key },
        ...delayMs !== undefined && { delayMs },
      };
      const text = isMany ? await readFile("-", ports, "the messages") : given ?? "";
      const values = isMany ? text.split("\n").filter((line) => line.trim() !== "") : [text];
      const messages = values.map((text, i) => ({
        ...options,
        value: parse(text, isMany ? i + 1 : undefined),
      }));
      const queue = client.existingQueue(name);
      for (let at = 0; at < messages.length; at += BATCH_LINES) {
        for (const { number, isRepeated } of await queue.pushAll(messages.slice(at, at + BATCH_LINES))) {
          if (json === true) ports.terminal.out(`${printableJson({ number, isRepeated })}\n`);
          else if (!isMany) {
            ports.terminal.out(isRepeated ? `It was there already, as ${number}\n` : `Pushed as ${number}\n`);
          }
        }
      }
      if (isMany && json !== true) ports.terminal.out(`Pushed ${messages.length} messages\n`);
    },
  );
}

function addDelete(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("delete").description("forget a queue of this node, with all that it holds")
      .argument(...QUEUE)
      .requiredOption("--force", "since nothing brings it back")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft queue delete mails --force"),
    ports,
    async (data, [name = ""], { json }) => {
      const deleted = await data.client.dropQueue(name);
      if (!deleted) await checkNotOthers(data, name, `${PREFIX}${name}`);
      if (json === true) printJson(ports, { deleted });
      else ports.terminal.out(deleted ? `Deleted ${name}\n` : `This node owns no ${name}\n`);
    },
  );
}

/** @throws UsageError */
function parse(text: string, line: number | undefined) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const where = line === undefined ? "the message" : `line ${line}`;
    throw new UsageError(`Cannot read ${where}: that is no JSON`, { hint: `Write '{"to":"ann"}'.`, cause });
  }
}

/** @returns milliseconds; undefined when nothing is said @throws UsageError */
function readDuration(option: string, given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const ms = parseDurationMs(String(given));
  if (ms !== undefined) return ms;
  throw new UsageError(`Cannot use ${option} ${given}`, { hint: `Write a time as in ${option} 30s or 5m.` });
}
