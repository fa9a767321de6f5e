/**
 * `weft peers`, the same as `weft peer list`, and `weft peer show`: members and devices as this node sees them.
 * @module
 */

import { nearest } from "../../config/mod.ts";
import type { ControlClient } from "../control_client.ts";
import { CommandError } from "../failure.ts";
import { type PeerFacts, peersText, peerText } from "../output/mod.ts";
import type { CliPorts } from "../ports.ts";
import { type AnyCommand, askAndPrint, type CommandContext, defined } from "../weft_command.ts";

/** Adds `weft peers`, which people follow by `show`, too. */
export function addPeersCommand(program: AnyCommand, { ports }: CommandContext): void {
  const peers = addList(program, "peers", ports);
  addShow(peers, ports);
}

/** Adds `weft peer list` and `show`. */
export function addPeerReports(group: AnyCommand, { ports }: CommandContext): void {
  addList(group, "list", ports);
  addShow(group, ports);
}

function addList(group: AnyCommand, name: "peers" | "list", ports: CliPorts): AnyCommand {
  const command = group.command(name).description(
    "list the peers of this node: members and devices, and the way that packets to them take",
  )
    .option("-w, --wide", "every column, however long the lines get")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `\nExamples:\n  $ weft ${
        name === "list" ? "peer list" : "peers"
      }\n  $ weft peers --json | jq -r '.[].name'`,
    );
  askAndPrint(
    command,
    ports,
    (client) => client.ask("peers"),
    (peers, _, { wide }) => peersText(peers, ports.terminal, { wide: wide === true }),
  );
  return command;
}

function addShow(group: AnyCommand, ports: CliPorts): void {
  askAndPrint(
    group.command("show").description("show all that is known of a member or device")
      .argument("<peer>", "its name, id, key or address")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer show web-1"),
    ports,
    (client, [who = ""]) => findPeer(client, who),
    (facts) => peerText(facts, ports.terminal, Date.now()),
  );
}

/** Asks for all that is to be said of it. What only leaders tell is left out elsewhere. */
async function findPeer(client: ControlClient, who: string): Promise<PeerFacts> {
  const [member] = await client.ask("members", { node: who });
  if (member === undefined) {
    const names = (await client.ask("members", {})).map(({ name }) => name);
    const meant = nearest(who, names);
    throw new CommandError(`Cannot show ${who}: nobody in the network goes by that`, {
      hint: meant === undefined
        ? "`weft peers` lists all names."
        : `Did you mean \`weft peer show ${meant}\`?`,
    });
  }
  const { id, name, tokenId } = member;
  const peers = await client.ask("peers");
  // A device has no id of its own.
  const peer = peers.find((one) => one.id === id) ?? peers.find((one) => one.name === name);
  const services = (await client.ask("listServices"))
    .filter(({ providers }) => providers.some((provider) => provider.name === name));
  const tokens = tokenId === undefined ? [] : await client.ask("listTokens").catch(() => []);
  return defined<PeerFacts>({
    member,
    peer,
    services,
    token: tokens.find((token) => token.id === tokenId),
  });
}
