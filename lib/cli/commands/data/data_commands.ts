/**
 * `weft data …`: collections from a shell.
 * @module
 */

import { printableJson } from "../../../base/mod.ts";
import { UsageError } from "../../failure.ts";
import { counted, tableText } from "../../output/mod.ts";
import type { CliPorts } from "../../ports.ts";
import { paint } from "../../terminal.ts";
import {
  type AnyCommand,
  collect,
  type CommandContext,
  printJson,
  readFile,
  readNumber,
  refuseOthers,
  stopSignal,
} from "../../weft_command.ts";
import { type AttachedData, checkNotOthers, ownersOf, runWithData } from "./attached_data.ts";
import { addMove } from "./move_command.ts";
import { addServerCommands } from "./server_commands.ts";
import { addShardCommands, readShards } from "./shard_commands.ts";
import { addShow } from "./show_command.ts";
import { addTransferCommands } from "./transfer_commands.ts";

const LIST_TITLES = ["COLLECTION", "OWNER", "KEY", ">ENTRIES", ">REVISION", "INDEXES"];
const PREFIX = "data/";
const REVISION_HINT = "`weft data get --json` shows the revision of an entry; 0 stands for none.";

/** Adds the commands. */
export function addDataCommands(program: AnyCommand, context: CommandContext): void {
  const group: AnyCommand = program.command("data").description("collections of values that services share")
    .addHelpText("after", "\nExample:\n  $ weft data list");
  addList(group, context);
  addShow(group, context);
  addCreate(group, context);
  addGet(group, context);
  addPut(group, context);
  addDelete(group, context);
  addQuery(group, context);
  addWatch(group, context);
  addTransferCommands(group, context);
  addShardCommands(group, context);
  addMove(group, context);
  addDrop(group, context);
  addServerCommands(group, context);
  refuseOthers(group);
}

function addList(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("list").description("list all collections, and who owns them")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data list --json | jq -r '.[].name'"),
    ports,
    async (data, _, { json }) => {
      const collections = await listCollections(data);
      if (json === true) return printJson(ports, collections);
      if (collections.length === 0) {
        return ports.terminal.out(
          "No collections. `weft data create` or `node.collection` of @weft/mesh makes one.\n",
        );
      }
      const rows = collections.map(({ name, owner, key, count, revision, index, isAway }) => [
        ...[name, owner, key ?? "-", count === undefined ? (isAway ? "away" : "-") : `${count}`],
        ...[revision === undefined ? "-" : `${revision}`, index?.join(", ") ?? ""],
      ]);
      ports.terminal.out(tableText(LIST_TITLES, rows, ports.terminal));
    },
  );
}

/** What an owner does not say, since it does not answer or this node may not read it, is not there. */
async function listCollections({ client, services }: AttachedData) {
  const offered = (await services()).filter(({ path }) => path.startsWith(PREFIX));
  return await Promise.all(offered.map(async ({ path, providers }) => {
    const name = path.slice(PREFIX.length);
    const owned = ownersOf(providers);
    try {
      return { ...owned, ...await (await client.existing(name)).describe(), isAway: undefined };
    } catch (error) {
      const isAway = (error as { readonly code?: unknown } | undefined)?.code !== "Refused";
      return {
        ...{ name, ...owned, key: undefined, count: undefined, revision: undefined, index: undefined },
        isAway,
      };
    }
  }));
}

function addCreate(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("create").description("make a collection that this node owns, or add indexes to it")
      .argument("<collection>", "a letter, then letters, digits, _ and -")
      .requiredOption("--key <property>", "the property of values that holds the key")
      .option("--index <property>", "a property that queries compare; may be repeated", collect)
      .option("--read <selector>", "who may read beside this node, as in role=web (default: every member)")
      .option("--write <selector>", "who may write beside this node (default: every member)")
      .option("--seal <selector>", "only its members can read the values, as in role=billing; for good")
      .option("--shards <number>", "spread it over members in so many parts, 1 to 64; for good")
      .option("--over <selector>", "with --shards: over which members, as in role=data (default: all)")
      .option("--replicas <number>", "with --shards: how many members follow each owner, 0 to 4 (default: 0)")
      .option(
        "--durability <when>",
        "with --shards: writes are answered when all that follow have them (replicated, the default) or when the owner has (owner)",
      )
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data create orders --key id --index status --index total\n" +
          "  $ weft data create orders --key id --shards 8 --over role=data --replicas 1\n\n" +
          "Without --shards its values are in this node's state directory, and are gone when that is.",
      ),
    ports,
    async ({ client }, [name = ""], { key, index = [], read, write, seal, json, ...spread }) => {
      const shards = readShards(spread);
      const collection = await client.collection(name, {
        key: String(key),
        index: index as readonly string[],
        ...typeof read === "string" && { read },
        ...typeof write === "string" && { write },
        ...typeof seal === "string" && { seal },
        ...shards !== undefined && { shards },
      });
      if (json === true) return printJson(ports, { owner: collection.owner, ...await collection.describe() });
      ports.terminal.out(`${collection.owner} owns ${paint(ports.terminal, "strong", name)}\n`);
    },
  );
}

function addGet(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("get").description("print a value")
      .argument("<collection>", "as `weft data list` shows it")
      .argument("<key>", "of the value")
      .option("--json", "with its revision, on one line")
      .addHelpText("after", "\nExample:\n  $ weft data get orders 7"),
    ports,
    async ({ client }, [name = "", key = ""], { json }) => {
      const entry = await (await client.existing(name)).entry(key);
      if (entry === undefined) {
        const { DataError } = await import("../../../data/mod.ts");
        throw new DataError("NotFound", `${name} has no ${JSON.stringify(key)}`);
      }
      const { value, revision } = entry;
      if (json === true) ports.terminal.out(`${printableJson({ key, revision, value })}\n`);
      else printJson(ports, value);
    },
  );
}

function addPut(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("put").description("write a value, in the place of what is there")
      .argument("<collection>", "as `weft data list` shows it")
      .argument("[value]", "as JSON, with its key")
      .option("--new", "only if its key is new")
      .option("--if-revision <number>", "only if the entry is at this revision")
      .option("--stdin", "read the value from standard input")
      .option("--json", "say the revision as JSON")
      .addHelpText("after", '\nExample:\n  $ weft data put orders \'{"id":7,"status":"open","total":120}\''),
    ports,
    async ({ client }, [name = "", given], { new: isNew, ifRevision, stdin, json }) => {
      const revision = readNumber("--if-revision", ifRevision, { least: 0, hint: REVISION_HINT });
      if (isNew === true && revision !== undefined) {
        throw new UsageError("Cannot use --new and --if-revision together", {
          hint: "--new says what --if-revision 0 says.",
        });
      }
      const value = await readValue(given, stdin === true, ports);
      const collection = await client.existing(name);
      const written = isNew === true
        ? await collection.post(value)
        : await collection.put(value, revision === undefined ? {} : { ifRevision: revision });
      printWritten(ports, json === true, "Written", written.revision);
    },
  );
}

function addDelete(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("delete").description("take a value away")
      .argument("<collection>", "as `weft data list` shows it")
      .argument("<key>", "of the value")
      .option("--if-revision <number>", "only if the entry is at this revision")
      .option("--json", "say the revision as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data delete orders 7"),
    ports,
    async ({ client }, [name = "", key = ""], { ifRevision, json }) => {
      const revision = readNumber("--if-revision", ifRevision, { least: 0, hint: REVISION_HINT });
      const collection = await client.existing(name);
      const deleted = await collection.delete(key, revision === undefined ? {} : { ifRevision: revision });
      if (deleted.revision === 0 && json !== true) return ports.terminal.out("There was none\n");
      printWritten(ports, json === true, "Deleted", deleted.revision);
    },
  );
}

function addQuery(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("query").description("print what a query finds")
      .argument("<query>", "as in: select id, total from orders where total > 100")
      .option("--param <name=value>", "what :name stands for; JSON, or else text; may be repeated", collect)
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data query 'select id, total from orders where status = open sort-by total descending limit 10'\n" +
          "  $ weft data query 'select status, count(*), sum(total) from orders group-by status' --json\n" +
          "  $ weft data query 'select * from orders where customer = :name' --param name=ann",
      ),
    ports,
    async ({ client }, [text = ""], { param, json }) => {
      const { parseQuery } = await import("../../../query/mod.ts");
      const parameters = readParameters(param);
      const { from } = parseQuery(text);
      const rows = await (await client.existing(from)).query(text, parameters);
      if (json === true) return printJson(ports, rows);
      ports.terminal.out(rowsText(rows, ports));
    },
  );
}

function addWatch(group: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  runWithData(
    group.command("watch").description("print changes as they come, until Ctrl-C")
      .argument("<collection>", "as `weft data list` shows it")
      .option("--where <condition>", "of entries of which it is or was true, as in: status = open")
      .option("--param <name=value>", "what :name stands for; JSON, or else text; may be repeated", collect)
      .option("--after <revision>", "begin with the changes after it, where they are kept (default: now)")
      .option("-c, --count <number>", "end after so many changes")
      .option("--json", "as JSON, a change a line")
      .addHelpText("after", "\nExample:\n  $ weft data watch orders --where 'status = open'"),
    ports,
    async ({ client, notice }, [name = ""], { where, param, after: afterText, count: countText, json }) => {
      const most = readNumber("--count", countText, { least: 1, hint: "For example --count 5." });
      const after = readNumber("--after", afterText, {
        least: 0,
        hint: "Each change that is printed has its revision.",
      });
      using stop = stopSignal(ports, { endsWithReader: true });
      const watch = (await client.existing(name)).watch({
        ...typeof where === "string" && { where },
        parameters: readParameters(param),
        ...after !== undefined && { after },
        signal: stop.signal,
      });
      const isReady = await watch.ready.then(() => true, (error) => {
        if (stop.signal.aborted) return false;
        throw error;
      });
      if (!isReady) return;
      notice.end();
      if (ports.terminal.isInteractive) ports.terminal.err(`Watching ${name}; Ctrl-C ends it.\n`);
      let printed = 0;
      for await (const change of watch) {
        if (json === true) ports.terminal.out(`${printableJson(change)}\n`);
        else {
          const { kind, key, properties, revision } = change;
          const changed = Object.entries(properties).map(([property, { old, new: now }]) => {
            const [before, next] = [old, now].map((value) =>
              value === undefined ? "-" : printableJson(value)
            );
            return kind === "changed"
              ? `${property}: ${before} to ${next}`
              : `${property}: ${next === "-" ? before : next}`;
          });
          const what = paint(ports.terminal, "strong", printableJson(key).slice(1, -1));
          const at = paint(ports.terminal, "quiet", `(${revision})`);
          ports.terminal.out(`${what} ${kind} ${changed.join(", ")} ${at}\n`);
        }
        if (++printed === most) return;
      }
    },
  );
}

function addDrop(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("drop").description("forget a collection of this node, with all that it holds")
      .argument("<collection>", "as `weft data list` shows it")
      .requiredOption("--force", "since nothing brings it back")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data drop orders --force"),
    ports,
    async (data, [name = ""], { json }) => {
      const dropped = await data.client.drop(name);
      if (!dropped) await checkNotOthers(data, name, `${PREFIX}${name}`);
      if (json === true) printJson(ports, { dropped });
      else ports.terminal.out(dropped ? `Dropped ${name}\n` : `This node owns no ${name}\n`);
    },
  );
}

function printWritten({ terminal }: CliPorts, isJson: boolean, what: string, revision: number): void {
  terminal.out(isJson ? `${printableJson({ revision })}\n` : `${what}, at revision ${revision}\n`);
}

async function readValue(given: string | undefined, isStdin: boolean, ports: CliPorts) {
  if ((given === undefined) !== isStdin) {
    throw new UsageError("Cannot write a value without one", {
      hint: "Write it behind the collection, or use --stdin.",
    });
  }
  const text = isStdin ? await readFile("-", ports, "the value") : given ?? "";
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError("Cannot read the value: that is no JSON", { hint: `Write '{"id":7}'.`, cause });
  }
}

/** @returns what parameters stand for: JSON where it is a number, text, boolean, null or a list of them; else text */
function readParameters(given: unknown): Record<string, never> {
  const parameters: Record<string, unknown> = {};
  for (const text of given as readonly string[] | undefined ?? []) {
    const at = text.indexOf("=");
    if (at < 1) {
      throw new UsageError(`Cannot use --param ${text}: it has no =`, { hint: "Write --param name=ann." });
    }
    const value = text.slice(at + 1);
    try {
      parameters[text.slice(0, at)] = JSON.parse(value);
    } catch {
      parameters[text.slice(0, at)] = value;
    }
  }
  return parameters as Record<string, never>;
}

/** @returns rows as a table of their properties, and whole values as JSON */
function rowsText(rows: readonly unknown[], { terminal }: CliPorts): string {
  if (rows.length === 0) return "Nothing found.\n";
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row as object)))].slice(0, 32);
  const cells = rows.map((row) =>
    titles.map((title) => {
      const value = (row as Record<string, unknown>)[title];
      return value === undefined ? "" : typeof value === "string" ? value : printableJson(value);
    })
  );
  return tableText(titles, cells, terminal) + `${paint(terminal, "quiet", counted(rows.length, "row"))}\n`;
}
