/**
 * `weft network …`: overlay networks that carry Ethernet frames between endpoints on members.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { NetworkReport } from "../../../api/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import { CommandError } from "../../failure.ts";
import { counted, networksText, networkText, problemLines } from "../../output/mod.ts";
import {
  type AnyCommand,
  askAndPrint,
  collect,
  type CommandContext,
  refuseOthers,
} from "../../weft_command.ts";
import { networkChange, networkRequest, withDefinition } from "./network_options.ts";

/** Adds `weft network create`, `list`, `show`, `change` and `delete`. */
export function addNetworkCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("network").description(
    "overlay networks: Ethernets of their own between members",
  ).addHelpText("after", "\nExample:\n  $ weft network create blue --cidr 10.0.0.0/24");
  const { terminal } = ports;

  askAndPrint(
    withDefinition(group.command("create").description("make an overlay network (leaders only)")),
    ports,
    (client, [name = ""], options) => client.ask("createNetwork", networkRequest(name, options)),
    (network, _, { mtu }) =>
      `Created ${summary(network)}\n` + shorterText(network, mtu) +
      `\`weft endpoint add ${network.name} NAME\` on a member puts a device into it\n`,
  );
  askAndPrint(
    group.command("list").description("list the overlay networks")
      .option("--json", "as JSON, with their endpoints")
      .addHelpText("after", "\nExample:\n  $ weft network list"),
    ports,
    (client) => client.ask("listNetworks"),
    (networks) => networksText(networks, terminal),
  );
  askAndPrint(
    group.command("show").description("show a network: its definition, endpoints, what it has carried")
      .argument("<name>", "its name or id")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft network show blue"),
    ports,
    (client, [name = ""]) => findNetwork(client, name, "show"),
    (network) => networkText(network, terminal),
  );
  addChange(group, { ports });
  askAndPrint(
    group.command("delete").description("take an overlay network back (leaders only)")
      .argument("<name>", "its name or id")
      .option("--force", "with its endpoints, wherever they are")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft network delete blue --force"),
    ports,
    (client, [name = ""], { force }) => client.ask("deleteNetwork", name, force === true),
    ({ name, endpointCount }) =>
      `Deleted ${name}${endpointCount === 0 ? "" : `, with ${counted(endpointCount, "endpoint")}`}\n`,
  );
  refuseOthers(group);
}

/** @returns the network of this name or id @throws CommandError when there is none */
export async function findNetwork(
  client: ControlClient,
  name: string,
  what: string,
): Promise<NetworkReport> {
  const networks = await client.ask("listNetworks");
  const found = networks.find((one) => one.name === name) ?? networks.find(({ id }) => id === name);
  if (found !== undefined) return found;
  throw new CommandError(`Cannot ${what} ${name}: there is no overlay network of that name`, {
    hint: "`weft network list` shows all.",
  });
}

/** In one line, what it is. */
function summary(
  { name, type, identifierName, identifier, cidrs, mtuBytes, underlay }: NetworkReport,
): string {
  const where = underlay === "mesh" ? "inside the mesh" : "in the clear";
  return [`${name}: ${type}, ${identifierName} ${identifier}`, ...cidrs, `MTU ${mtuBytes}`, where].join(", ");
}

function addChange(group: AnyCommand, { ports }: Pick<CommandContext, "ports">): void {
  const command: AnyCommand = group.command("change");
  askAndPrint(
    command.description("change what of a network can change (leaders only)")
      .argument("<name>", "its name or id")
      .option("--mtu <bytes>", "the longest IP packet inside; auto for what the underlay leaves")
      .option("--members <selector>", "who may have endpoints; '*' for every member")
      .option("--gateway <member>", "who leads out of it; none for nobody")
      .addOption(
        new Option(
          "--remote <address>",
          "a host that is no member; may be repeated for all of them; none for no host",
        )
          .argParser(collect),
      )
      .option(
        "--storm-limit <frames>",
        "broadcasts that an endpoint may send in a second; auto for the usual",
      )
      .option("--active", "carry frames again")
      .addOption(new Option("--inactive", "carry no frames until then").conflicts("active"))
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft network change blue --mtu 1280") as AnyCommand,
    ports,
    (client, [name = ""], options) => client.ask("changeNetwork", networkChange(name, options, command)),
    (network, _, { mtu, gateway }) =>
      `${summary(network)}${whoseText(network)}${network.isActive ? "" : ", inactive"}\n` +
      shorterText(network, mtu) + gatewayText(network, gateway) + problemLines(network.endpoints),
  );
}

/** The member that is to be the gateway makes it afterwards, and may find that it can't. */
function gatewayText({ name }: NetworkReport, gateway: unknown): string {
  return gateway === undefined || gateway === "none"
    ? ""
    : `\`weft network show ${name}\` says whether its gateway is up\n`;
}

/** Who has part in it, where that is not everybody. */
function whoseText({ members, gateway }: NetworkReport): string {
  return (members === undefined ? "" : `, only for ${members}`) +
    (gateway === undefined ? "" : `, out by ${gateway}`);
}

/** What a packet of the underlay holds is less than what was asked for. */
function shorterText({ mtuBytes }: NetworkReport, asked: unknown): string {
  return Number(asked) > mtuBytes ? `The underlay leaves ${mtuBytes} bytes here, and no ${asked}\n` : "";
}
