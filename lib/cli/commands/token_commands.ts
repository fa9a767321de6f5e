/**
 * `weft token …`: who may join.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { TokenReport, TokenRequest } from "../../api/mod.ts";
import { layerAgentOptions } from "../../config/mod.ts";
import { MAX_EPHEMERAL_MS, MAX_TOKEN_LIFETIME_MS, MAX_TOKEN_USES } from "../../mesh/bounds.ts";
import { UsageError } from "../failure.ts";
import { counted, formatSpan, parseDurationMs, tokensText } from "../output/mod.ts";
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
    .addHelpText("after", "\nExample:\n  $ weft token create --expires 10m");

  askAndPrint(
    addGrantOptions(
      group.command("create").description("make a token and print the join command")
        .option("--uses <number>", "how many machines may join with it, or any (default: 1)")
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
        "\nExamples:\n  $ weft token create --expires 10m\n" +
          "  $ weft token create --uses 5 --label role=web\n\n" +
          "Whoever has the token can join. `weft --join -` there asks for it, so that no shell keeps it.",
      ),
    ports,
    (client, _, options) => client.ask("createToken", tokenRequest(options)),
    ({ token, report }) => {
      if (ports.terminal.isInteractive) ports.terminal.err(admitsText(report));
      return `weft --join ${token}\n`;
    },
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
    // The flag alone: the environment and the file have this node's own labels.
    const { labels } = layerAgentOptions([{ source: "flags", values: { labels: label } }]);
    return defined<TokenRequest>({
      lifetimeMs,
      labels,
      uses: usesOf(uses),
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

/** The machine that comes too late is told no reason, so who makes the token is told at once. */
function admitsText({ usesLeft, createdAt, expiresAt }: TokenReport): string {
  const machines = usesLeft === null ? "any number of machines" : counted(usesLeft, "machine");
  const more = usesLeft === 1 ? "; `--uses 5` makes one for five" : "";
  return `It lets ${machines} in, within ${formatSpan(expiresAt - createdAt)}${more}\n`;
}

/** @returns undefined for any number */
function usesOf(said: unknown = 1): number | undefined {
  if (said === "any") return undefined;
  return readNumber("--uses", said, {
    least: 1,
    most: MAX_TOKEN_USES,
    hint: "For example --uses 5, or any.",
  });
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
