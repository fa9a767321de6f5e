/**
 * `weft peer …`: plain WireGuard devices, who is let in and changed, and who is cut off.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { DeviceRequest, RemovedPeer } from "../../api/mod.ts";
import { encodeBase64 } from "../../base/mod.ts";
import { PrivateKey, type PublicKey } from "../../crypto/mod.ts";
import { systemRandom } from "../../host/mod.ts";
import { MAX_KEEPALIVE_SECONDS } from "../../mesh/bounds.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { ControlClient } from "../control_client.ts";
import { UsageError } from "../failure.ts";
import { deviceConfig, type DeviceFacts, encodeQr, qrText } from "../output/mod.ts";
import {
  agentOptions,
  type AnyCommand,
  askAndPrint,
  collect,
  type CommandContext,
  defined,
  printJson,
  readFile,
  readNumber,
  refuseOthers,
  withState,
} from "../weft_command.ts";
import { addAdmissionCommands } from "./admission_commands.ts";

/** The options of a command, whose types commander has checked. */
type Said = Readonly<Record<string, unknown>>;

/** @returns what became of a peer, and of the token by which it may come back under another name */
function removedText({ name, token }: RemovedPeer, revokesToken: boolean): string {
  const removed = `Removed ${name}\n`;
  if (token === undefined) {
    return revokesToken
      ? `${removed}It came in by no token that the leaders know; none was revoked.\n`
      : removed;
  }
  if (revokesToken) return `${removed}Revoked the token ${token.id}, by which it came in.\n`;
  if (token.state !== "usable") return removed;
  return `${removed}The token by which it came in is still good: ${token.id}\n` +
    `hint: \`weft token revoke ${token.id}\` keeps the machine from coming back under new keys.\n`;
}

/** Adds `weft peer add` and `remove`. */
export function addPeerCommands(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const group: AnyCommand = program.command("peer").description(
    "members and plain WireGuard devices: letting in, changing, cutting off (leaders only)",
  ).addHelpText("after", '\nExample:\n  $ weft peer add phone --public-key "$(cat phone.pub)"');

  const add = withState(
    group.command("add").description("let a plain WireGuard device in and print its configuration")
      .argument("<name>", "its name in the network")
      .option("--public-key <key>", "as `wg pubkey` prints it")
      .addOption(
        new Option("--wireguard", "make its keys here, and a QR code for its app").conflicts("publicKey"),
      )
      .option("--dns <address>", "the resolver that it is to use")
      .addOption(
        new Option("--allowed <network>", "a network that it reaches through here; may be repeated")
          .argParser(collect),
      )
      .option("--preshared-key-file <file>", "a file with what `wg genpsk` prints; - for standard input")
      .option("--endpoint <address:port>", "where it can be reached, if anywhere")
      .addOption(
        new Option("--allowed-ip <network>", "a network behind it; may be repeated").argParser(collect),
      )
      .option("--keepalive <seconds>", "send something at least this often")
      .option("--json", "as JSON")
      .addHelpText("after", '\nExample:\n  $ weft peer add phone --public-key "$(cat phone.pub)"'),
  );
  add.action(async () => {
    const options = add.opts();
    const privateKey = options.wireguard === true ? PrivateKey.generate(systemRandom) : undefined;
    const request = await deviceRequest(add.args[0] ?? "", options, privateKey?.publicKey);
    const config = configOptions(options);
    // What is wrong with the device is said before what is wrong with the agent's options.
    using client = new ControlClient((await agentOptions(add, ports)).stateDir);
    const added = await client.ask("addDevice", request);
    if (added.name !== request.name) {
      ports.terminal.err(`${request.name} is taken, or the device had a name: it is ${added.name}\n`);
    }
    const secret = privateKey === undefined ? {} : { privateKey: encodeBase64(privateKey.exposeBytes()) };
    if (options.json === true) return printJson(ports, { ...added, ...secret });
    const text = deviceConfig(added, { ...request, ...config, ...secret }, await client.ask("status"));
    ports.terminal.out(text);
    if (privateKey !== undefined) showQr(text);
  });

  askAndPrint(
    group.command("remove").description("revoke a member or device, on every member, for ever")
      .argument("<peer>", "its name, id, key or address")
      .option("--revoke-token", "revoke the token that let it in, too")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer remove web-1 --revoke-token"),
    ports,
    (client, [peer = ""], { revokeToken }) => client.ask("removePeer", peer, revokeToken === true),
    (removed, _, { revokeToken }) => removedText(removed, revokeToken === true),
  );

  addAdmissionCommands(group, context);
  refuseOthers(group);

  /** A person sees the code too; a file gets the text alone. */
  function showQr(text: string): void {
    if (!ports.terminal.isInteractive) return;
    const code = encodeQr(text.replace(/^(#.*)?\n/gm, ""));
    const fits = code !== undefined && code.size + 8 <= (ports.terminal.columns ?? 80);
    ports.terminal.out(fits ? `\n${qrText(code)}` : "\n# Its QR code does not fit this terminal.\n");
  }

  function configOptions({ dns, allowed }: Said): Pick<DeviceFacts, "dns" | "allowed"> {
    const networks = Array.isArray(allowed) ? allowed.map(String) : [];
    for (const network of networks) {
      if (Cidr.parse(network) !== undefined) continue;
      throw new UsageError(`Cannot use --allowed ${network}: that is no network`, {
        hint: "Write 10.0.0.0/8.",
      });
    }
    if (dns === undefined) return { allowed: networks };
    if (IpAddress.parse(String(dns)) !== undefined) return { allowed: networks, dns: String(dns) };
    throw new UsageError(`Cannot use --dns ${dns}: that is no address`, { hint: "Write 9.9.9.9." });
  }

  async function deviceRequest(
    name: string,
    { publicKey, presharedKeyFile, endpoint, allowedIp, keepalive }: Said,
    made: PublicKey | undefined,
  ): Promise<DeviceRequest> {
    const seconds = readNumber("--keepalive", keepalive, {
      least: 0,
      most: MAX_KEEPALIVE_SECONDS,
      of: "seconds",
      hint: "25 keeps most routers from forgetting; 0 turns it off.",
    });
    const key = publicKey ?? made;
    if (key === undefined) {
      throw new UsageError("Cannot add a device without a key: give --public-key, or --wireguard", {
        hint: "--wireguard makes its keys here, and a QR code for its app.",
      });
    }
    const presharedKey = typeof presharedKeyFile === "string"
      ? (await readFile(presharedKeyFile, ports, "the preshared key")).trim()
      : undefined;
    const given = { name, publicKey: `${key}`, presharedKey, endpoint, allowedIps: allowedIp };
    return defined({ ...given, persistentKeepaliveSeconds: seconds } as DeviceRequest);
  }
}
