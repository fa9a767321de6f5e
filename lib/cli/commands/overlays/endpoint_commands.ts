/**
 * `weft endpoint …`: who is in which overlay network, by which device.
 * @module
 */

import type { EndpointRequest, OverlayEndpointReport } from "../../../api/mod.ts";
import { Option } from "@commander-js/extra-typings";
import { MacAddress } from "../../../net/mod.ts";
import { OVERLAY_NAME } from "../../../overlay/bounds.ts";
import { UsageError } from "../../failure.ts";
import { endpointsText } from "../../output/mod.ts";
import {
  type AnyCommand,
  askAndPrint,
  collect,
  type CommandContext,
  defined,
  refuseOthers,
} from "../../weft_command.ts";
import { findNetwork } from "./network_commands.ts";
import { badName } from "./network_options.ts";

/** Adds `weft endpoint add`, `list`, `remove` and `move`. */
export function addEndpointCommands(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const group: AnyCommand = program.command("endpoint").description(
    "devices in overlay networks, each with a MAC and addresses of its own",
  ).addHelpText("after", "\nExample:\n  # weft endpoint add blue web-1");
  addAdd(group, context);
  askAndPrint(
    group.command("list").description("list the endpoints of all overlay networks, or of one")
      .argument("[network]", "its name or id")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft endpoint list blue"),
    ports,
    async (client, [name]) => {
      if (name !== undefined) return (await findNetwork(client, name, "list")).endpoints;
      return (await client.ask("listNetworks")).flatMap(({ endpoints }) => endpoints);
    },
    (endpoints) => endpointsText(endpoints, ports.terminal),
  );
  askAndPrint(
    group.command("remove").description("take an endpoint back; of other members, leaders only")
      .argument("<endpoint>", "NETWORK/NAME, or the network")
      .argument("[name]", "the endpoint, behind the network")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  # weft endpoint remove blue web-1\n  # weft endpoint remove blue/db-1",
      ),
    ports,
    (client, words) => client.ask("removeEndpoint", ...readPair(words, "remove")),
    ({ network, name, node, isLocal }) => `Removed ${network}/${name}${isLocal ? "" : ` of ${node}`}\n`,
  );
  askAndPrint(
    group.command("move").description("have another member have an endpoint: MAC and addresses stay")
      .argument("<endpoint>", "NETWORK/NAME, or the network")
      .argument("[name]", "the endpoint, behind the network")
      .requiredOption("--to <member>", "its name, id, key or address")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft endpoint move blue/web-1 --to web-2"),
    ports,
    (client, words, { to }) => client.ask("moveEndpoint", ...readPair(words, "move"), String(to)),
    ({ network, name, node }) => `Moved ${network}/${name} to ${node}\n`,
  );
  refuseOthers(group);
}

function addAdd(group: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    group.command("add").description("put a device of this host into an overlay network")
      .argument("<network>", "its name or id, or NETWORK/NAME")
      .argument(
        "[name]",
        "what the endpoint on this host is called: letters, digits and hyphens, as in web-1",
      )
      .option("--mac <address>", "its MAC address (default: one of its own)")
      .addOption(
        new Option(
          "--ip <address>",
          "its address; may be repeated for IPv6 (default: free ones of the network)",
        )
          .argParser(collect),
      )
      .option("--device <interface>", "the device's name (default: the endpoint's)")
      .option(
        "--netns <namespace>",
        "put the device there: a name of `ip netns`, a path, or the number of a process",
      )
      .addOption(
        new Option("--attach <interface>", "bridge this interface in, in place of a device")
          .conflicts(["device", "netns"]),
      )
      .option("--foreign", "let frames of other MACs through: behind it is a bridge or a VM's host")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  # weft endpoint add blue web-1\n  # weft endpoint add blue db-1 --ip 10.0.0.9 --netns lab",
      ),
    ports,
    (client, words, options) => client.ask("addEndpoint", endpointRequest(words, options)),
    addedText,
  );
}

function endpointRequest(words: readonly string[], said: Readonly<Record<string, unknown>>): EndpointRequest {
  const [network, name] = readPair(words, "add");
  if (!OVERLAY_NAME.test(name)) throw badName(name, "web-1");
  const { mac, ip, device, netns, attach, foreign } = said;
  if (mac !== undefined && MacAddress.parse(String(mac))?.isGroup !== false) {
    throw new UsageError(`Cannot use --mac ${mac}: that is no MAC address of one host`, {
      hint: "Write 02:42:ac:11:00:02; without it one is chosen.",
    });
  }
  const fields = { network, name, macAddress: mac, device, netns, attach };
  return defined<EndpointRequest>(
    {
      ...fields,
      ipAddresses: Array.isArray(ip) ? ip.flatMap((text) => String(text).split(",")) : undefined,
      allowsForeign: foreign === true ? true : undefined,
    } as EndpointRequest,
  );
}

/** `blue web-1` and `blue/web-1` mean the same. @throws UsageError */
function readPair([first = "", second]: readonly string[], what: string): [network: string, name: string] {
  const parts = second === undefined ? first.split("/") : [first, second];
  const [network = "", name = ""] = parts;
  if (parts.length === 2 && network !== "" && name !== "" && !name.includes("/")) return [network, name];
  throw new UsageError(
    `Cannot ${what} ${[first, second].filter(Boolean).join(" ")}: that names no endpoint`,
    {
      hint: `Write NETWORK NAME or NETWORK/NAME, as in \`weft endpoint ${what} blue web-1${
        what === "move" ? " --to web-2" : ""
      }\`.`,
    },
  );
}

function addedText(endpoint: OverlayEndpointReport): string {
  const { network, name, node, ipAddresses, macAddress, device, netns, attach, state, problem, hint } =
    endpoint;
  const at = attach !== undefined
    ? `by the interface ${attach}`
    : device === undefined
    ? undefined
    : `device ${device}${netns === undefined ? "" : ` in ${netns}`}`;
  const facts = [ipAddresses.join(", ") || "no address", macAddress, at].filter((text) => text !== undefined);
  const line = `Added ${network}/${name} on ${node}: ${facts.join(", ")}\n`;
  if (state === "inactive") return `${line}It carries no frames: ${network} is inactive\n`;
  if (state === "up" || problem === undefined) return line;
  return `${line}It is not up: ${problem}\n${hint === undefined ? "" : `hint: ${hint}\n`}`;
}
