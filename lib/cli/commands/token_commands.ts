/**
 * `weft token …`: who may join.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { TokenRequest } from "../../api/mod.ts";
import { layerAgentOptions } from "../../config/mod.ts";
import { MAX_EPHEMERAL_MS, MAX_TOKEN_LIFETIME_MS, MAX_TOKEN_USES } from "../../mesh/bounds.ts";
import { UsageError } from "../failure.ts";
import { parseDurationMs, tokensText } from "../output/mod.ts";
import {
  type AnyCommand,
  askAndPrint,
  type CommandContext,
  defined,
  flagOption,
  readNumber,
  refuseOthers,
} from "../weft_command.ts";
import { addGrantOptions, readGrantOptions } from "./grant_options.ts";

/** The options of a command, whose types commander has checked. */
type Said = Readonly<Record<string, unknown>>;

/** A shorter beginning of a token's id could mean another one by mistake. */
const LEAST_ID_LENGTH = 4;

/** Adds `weft token create`, `list` and `revoke`. */
export function addTokenCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("token").description("who may join (leaders only)")
    .addHelpText("after", "\nExample:\n  $ weft token create --uses 1 --expires 10m");

  askAndPrint(
    addGrantOptions(
      group.command("create").description("make a token and print the join command")
        .option("--uses <number>", "how many machines may join with it (default: any number)")
        .option("--expires <duration>", "how long it lives, as in 90s or 7d (default: 24h)")
        .addOption(flagOption("labels", { help: "a label of whoever joins with it" })),
    )
      .option("--ephemeral <duration>", "a leader removes who joined with it and is away for so long")
      .option("--approve", "each machine waits for `weft peer approve`")
      .addOption(
        new Option("--address <address>", "the overlay address of the one machine that joins with it")
          .conflicts("anyAddress"),
      )
      .option("--any-address", "a machine may ask for an overlay address by `--address`")
      .option("--no-endpoints", "say nothing of where the leader is: to join on the leader's own network")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft token create --uses 1 --expires 10m --label role=web\n\n" +
          "Whoever has the token can join. `weft --join -` there asks for it, so that no shell keeps it.",
      ),
    ports,
    (client, _, options) => client.ask("createToken", tokenRequest(options)),
    ({ token }) => `weft --join ${token}\n`,
  );
  askAndPrint(
    group.command("list").description("list the tokens, without their secrets")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft token list"),
    ports,
    (client) => client.ask("listTokens"),
    (tokens) => tokensText(tokens, ports.terminal, Date.now()),
  );
  askAndPrint(
    group.command("revoke").description("let nobody join with a token any more")
      .argument("<id>", "from `weft token list`, or how it begins")
      .addHelpText("after", "\nExample:\n  $ weft token revoke 3f2a91c0"),
    ports,
    async (client, [given = ""]) => {
      const tokens = given.length < LEAST_ID_LENGTH ? [] : await client.ask("listTokens");
      const [found, another] = tokens.filter((token) => token.id.startsWith(given));
      // The agent refuses what is not one token's.
      const id = found === undefined || another !== undefined ? given : found.id;
      await client.ask("revokeToken", id);
      return id;
    },
    (id) => `Revoked the token ${id}\n`,
  );

  refuseOthers(group);

  function tokenRequest({ uses, expires, label, endpoints, ...said }: Said): TokenRequest {
    const { ephemeral, approve, address, anyAddress } = said;
    const lifetimeMs = durationOf("--expires", expires ?? "24h", MAX_TOKEN_LIFETIME_MS);
    const bounds = { least: 1, most: MAX_TOKEN_USES, hint: "For example --uses 1." };
    // The flag alone: the environment and the file have this node's own labels.
    const { labels } = layerAgentOptions([{ source: "flags", values: { labels: label } }]);
    return defined<TokenRequest>({
      lifetimeMs,
      labels,
      // An address is one machine's.
      uses: readNumber("--uses", uses, bounds) ?? (address === undefined ? undefined : 1),
      grants: readGrantOptions(said),
      ephemeralMs: ephemeral === undefined
        ? undefined
        : durationOf("--ephemeral", ephemeral, MAX_EPHEMERAL_MS),
      needsApproval: approve === true || undefined,
      address: anyAddress === true ? "any" : address === undefined ? undefined : String(address),
      withoutEndpoints: endpoints === false || undefined,
    });
  }
}

function durationOf(flag: string, text: unknown, mostMs: number): number {
  const ms = parseDurationMs(String(text));
  if (ms !== undefined && ms <= mostMs) return ms;
  if (ms !== undefined) {
    throw new UsageError(`Cannot use ${flag} ${text}: that is too long`, {
      hint: `At most ${mostMs / 86_400_000}d.`,
    });
  }
  throw new UsageError(`Cannot use ${flag} ${text}: that is no duration`, { hint: "Write 90s, 24h or 7d." });
}
