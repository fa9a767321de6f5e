/**
 * The options of commands that say what members may do.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { GrantLists } from "../../api/mod.ts";
import { MAX_GRANTS, NAME_GRANT, TOPIC_GRANT } from "../../mesh/bounds.ts";
import { UsageError } from "../failure.ts";
import { type AnyCommand, collect } from "../weft_command.ts";

const KINDS = ["offer", "publish", "subscribe", "names"] as const;

const FLAGS: Readonly<Record<typeof KINDS[number], readonly [flag: string, help: string]>> = {
  offer: ["--offer <path>", "may offer services at such a path, as in orders or db/*"],
  publish: ["--publish <topic>", "may publish to such a topic, as in orders/>"],
  subscribe: ["--subscribe <topic>", "may hear such a topic"],
  names: ["--names <name>", "may add such a name below the zone, as in db or *.db"],
};

/** Adds `--offer`, `--publish`, `--subscribe` and `--names`, each of which may be repeated. */
export function addGrantOptions(command: AnyCommand): AnyCommand {
  for (const kind of KINDS) {
    const [flag, help] = FLAGS[kind];
    command.addOption(new Option(flag, `${help}; may be repeated`).argParser(collect));
  }
  return command;
}

/** @returns what these options say; undefined when they say nothing @throws UsageError when one is no pattern */
export function readGrantOptions(options: Readonly<Record<string, unknown>>): GrantLists | undefined {
  const lists: Partial<Record<typeof KINDS[number], readonly string[]>> = {};
  for (const kind of KINDS) {
    const given = options[kind];
    if (!Array.isArray(given)) continue;
    const patterns = given.map(String);
    const form = kind === "names" ? NAME_GRANT : TOPIC_GRANT;
    const wrong = patterns.find((pattern) => !form.test(pattern));
    if (wrong !== undefined || patterns.length > MAX_GRANTS) {
      throw new UsageError(
        `Cannot use --${kind}: ${wrong === undefined ? "there are too many" : "that is no pattern"}`,
        {
          hint: kind === "names"
            ? "Write db, db.web-1 or *.db."
            : "Write orders, orders/*, orders/> or, for topics of every network, *:orders/>.",
        },
      );
    }
    lists[kind] = patterns;
  }
  return Object.keys(lists).length === 0 ? undefined : lists;
}

/** @returns what is granted in one line */
export function grantsText(grants: GrantLists & { readonly claimed?: readonly string[] }): string {
  const parts = [...KINDS, "claimed" as const].flatMap((kind) => {
    const patterns = grants[kind] ?? [];
    return patterns.length === 0 ? [] : [`${kind} ${patterns.join(" ")}`];
  });
  return parts.join("; ");
}
