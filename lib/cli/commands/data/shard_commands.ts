/**
 * `weft data shards`: where a collection is that is spread over members, and how it is to be spread.
 * @module
 */

import type { CollectionOptions } from "../../../data/mod.ts";
import { MAX_REPLICAS, MAX_SHARDS } from "../../../data/bounds.ts";
import { UsageError } from "../../failure.ts";
import { tableText } from "../../output/mod.ts";
import { type AnyCommand, type CommandContext, printJson, readNumber } from "../../weft_command.ts";
import { runWithData } from "./attached_data.ts";

const TITLES = [">SHARD", "OWNER", "FOLLOWING", "COMING", ">TERM"];

/** Adds the command. */
export function addShardCommands(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("shards").description("list the shards of a collection, and which members have them")
      .argument("<collection>", "as `weft data list` shows it")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data shards orders"),
    ports,
    async ({ client, members }, [name = ""], { json }) => {
      const shards = await client.shards(name);
      const names = new Map((await members()).map(({ id, name }) => [id as string, name]));
      const nameOf = (id: string) => names.get(id) ?? id;
      const all = shards.map(({ owner, inSync, joining, term }, shard) => ({
        shard,
        owner: nameOf(owner),
        following: inSync.filter((one) => one !== owner).map(nameOf),
        coming: joining.map(nameOf),
        term,
      }));
      if (json === true) return printJson(ports, all);
      if (all.length === 0) return ports.terminal.out(`${name} is kept by one node; it has no shards.\n`);
      const rows = all.map(({ shard, owner, following, coming, term }) => [
        ...[`${shard}`, owner, following.join(", ") || "-", coming.join(", ") || "-", `${term}`],
      ]);
      ports.terminal.out(tableText(TITLES, rows, ports.terminal));
    },
  );
}

/** @returns how a collection is to be spread, as the options say; undefined for not at all */
export function readShards(options: Readonly<Record<string, unknown>>): CollectionOptions["shards"] {
  const { shards, over, replicas, durability } = options;
  if (shards === undefined) {
    const other = Object.entries({ over, replicas, durability }).find(([, value]) => value !== undefined);
    if (other === undefined) return undefined;
    throw new UsageError(`Cannot use --${other[0]} without --shards`, { hint: "For example --shards 8." });
  }
  if (durability !== undefined && durability !== "replicated" && durability !== "owner") {
    throw new UsageError(`Cannot use --durability ${durability}`, { hint: "It is replicated or owner." });
  }
  const count = readNumber("--shards", shards, {
    least: 1,
    most: MAX_SHARDS,
    hint: "For example --shards 8.",
  });
  const following = readNumber("--replicas", replicas, {
    ...{ least: 0, most: MAX_REPLICAS, hint: "For example --replicas 1." },
  });
  return {
    count: count ?? 1,
    ...typeof over === "string" && { over },
    ...following !== undefined && { replicas: following },
    ...durability !== undefined && { durability },
  };
}
