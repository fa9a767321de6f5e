/**
 * `weft peer add` and `hub`: plain WireGuard devices, and through whom they reach the others.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { AddedDevice, DeviceRequest, StatusReport } from "../../api/mod.ts";
import { encodeBase64 } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import { systemRandom } from "../../host/mod.ts";
import { MAX_KEEPALIVE_SECONDS } from "../../mesh/bounds.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import type { ControlClient } from "../control_client.ts";
import { UsageError } from "../failure.ts";
import { compactConfig, deviceConfig, encodeQr, qrText } from "../output/mod.ts";
import type { CliPorts } from "../ports.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  collect,
  type CommandContext,
  defined,
  printJson,
  readFile,
  readNumber,
} from "../weft_command.ts";

/** The options of a command, whose types commander has checked. */
type Said = Readonly<Record<string, unknown>>;

/** What `--dns` asks for: the hub's own name server, an address, or none. */
type Resolver = { readonly kind: "hub" } | { readonly kind: "address"; readonly address: string } | undefined;

const DEFAULT_ZONE = "weft.internal.";

/** Adds `weft peer add` and `weft peer hub`. */
export function addDeviceCommands(group: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    group.command("add").description("let a plain WireGuard device in and print its configuration")
      .argument("<name>", "its name in the network")
      .option("--public-key <key>", "as `wg pubkey` prints it")
      .addOption(
        new Option("--wireguard", "make its keys here, and a QR code for its app").conflicts("publicKey"),
      )
      .option("--hub <node>", "the one member that passes its packets on (default: this node)")
      .addOption(
        new Option("--direct", "make every member with an interface a peer of it, in place of a hub")
          .conflicts("hub"),
      )
      .option("--dns [address]", "the resolver that it is to use: its hub, or an address")
      .addOption(
        new Option("--allowed <network>", "a network that it reaches through its hub; may be repeated")
          .argParser(collect),
      )
      .option("--preshared-key-file <file>", "a file with what `wg genpsk` prints; - for standard input")
      .option("--endpoint <address:port>", "where it can be reached, if anywhere")
      .addOption(
        new Option("--allowed-ip <network>", "a network behind it; may be repeated").argParser(collect),
      )
      .option("--keepalive <seconds>", "send something at least this often")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer add phone --wireguard --dns hub"),
    ports,
    add,
  );

  askAgent(
    group.command("config").description(
      "print a device's configuration anew; its private key stays where it is",
    )
      .argument("<device>", "its name, id, key or address")
      .option("--private-key-file <file>", "a file with its private key, for a QR code; - for standard input")
      .option("--dns [address]", "the resolver that it is to use: its hub, or an address")
      .addOption(
        new Option("--allowed <network>", "a network that it reaches through its hub; may be repeated")
          .argParser(collect),
      )
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer config phone"),
    ports,
    config,
  );

  askAndPrint(
    group.command("hub").description(
      "have another member pass a device's packets on; prints what it needs then",
    )
      .argument("<device>", "its name, id, key or address")
      .argument("<node>", "the member, likewise; one with an interface")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft peer hub phone web-1"),
    ports,
    (client, [device = "", hub = ""]) => client.ask("changeHub", device, hub),
    (changed) => deviceConfig(changed, {}),
  );

  async function add(client: ControlClient, [name = ""]: readonly string[], options: Said): Promise<void> {
    const { PrivateKey } = await import("../../crypto/mod.ts");
    const privateKey = options.wireguard === true ? PrivateKey.generate(systemRandom) : undefined;
    const request = await deviceRequest(name, options, privateKey?.publicKey, ports);
    const { allowed, resolver } = configOptions(options);
    const added = await client.ask("addDevice", request);
    if (added.name !== request.name) {
      ports.terminal.err(
        `The device with this key is ${added.name} already and stays it: ` +
          `\`weft peer rename ${added.name} ${request.name}\` changes that\n`,
      );
    }
    const status = await client.ask("status");
    for (const network of request.allowedIps ?? []) ports.terminal.err(routeText(added, network));
    ports.terminal.err(await exitWarning(client, added, allowed, status));
    const dns = await resolverOf(resolver, added, status, ports);
    const secret = privateKey === undefined ? {} : { privateKey: encodeBase64(privateKey.exposeBytes()) };
    if (options.json === true) return printJson(ports, { ...added, ...dns && { dns }, ...secret });
    const text = deviceConfig(added, { ...request, allowed, ...dns && { dns }, ...secret });
    ports.terminal.out(text);
    if (privateKey !== undefined) showQr(name, text);
  }

  async function config(client: ControlClient, [name = ""]: readonly string[], options: Said): Promise<void> {
    const { allowed, resolver } = configOptions(options);
    const device = await client.ask("deviceConfig", name);
    const status = await client.ask("status");
    const privateKey = await deviceKey(device, options.privateKeyFile, status, ports);
    ports.terminal.err(await exitWarning(client, device, allowed, status));
    const dns = await resolverOf(resolver, device, status, ports);
    const told = { ...dns && { dns }, ...privateKey && { privateKey } };
    if (options.json === true) return printJson(ports, { ...device, ...told });
    const text = deviceConfig(device, { allowed, ...told });
    ports.terminal.out(text);
    if (privateKey !== undefined) showQr(name, text);
  }

  /** A person sees the code too; a file gets the text alone. */
  function showQr(name: string, text: string): void {
    if (!ports.terminal.isInteractive) return;
    const code = encodeQr(compactConfig(text));
    // A terminal that does not know its width, such as a serial console, says 0.
    const fits = code !== undefined && code.size + 8 <= (ports.terminal.columns || 80);
    ports.terminal.out(
      fits ? `\n${qrText(code)}` : `\n# Its QR code does not fit this terminal; a wider one draws it with` +
        ` \`weft peer config ${name} --private-key-file FILE\`.\n`,
    );
  }
}

function configOptions(
  { dns, allowed }: Said,
): { readonly resolver: Resolver; readonly allowed: readonly string[] } {
  const networks = Array.isArray(allowed) ? allowed.map(String) : [];
  for (const network of networks) {
    if (Cidr.parse(network) !== undefined) continue;
    throw new UsageError(`Cannot use --allowed ${network}: that is no network`, {
      hint: "Write 10.0.0.0/8.",
    });
  }
  if (dns === undefined) return { resolver: undefined, allowed: networks };
  if (dns === true || dns === "hub") return { resolver: { kind: "hub" }, allowed: networks };
  const address = String(dns);
  if (IpAddress.parse(address) !== undefined) {
    return { resolver: { kind: "address", address }, allowed: networks };
  }
  throw new UsageError(`Cannot use --dns ${address}: that is no address`, {
    hint: "Write 9.9.9.9, or hub for the names of the network.",
  });
}

async function deviceRequest(
  name: string,
  { publicKey, presharedKeyFile, endpoint, allowedIp, keepalive, hub, direct }: Said,
  made: PublicKey | undefined,
  ports: CliPorts,
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
  const given = { name, publicKey: `${key}`, presharedKey, endpoint, allowedIps: allowedIp, hub };
  return defined(
    {
      ...given,
      persistentKeepaliveSeconds: seconds,
      isDirect: direct === true ? true : undefined,
    } as DeviceRequest,
  );
}

/** @returns what it means that a network is behind a device */
function routeText({ name }: AddedDevice, network: string): string {
  return `Members reach ${network} through ${name}, but for those that have a way there of their own\n`;
}

/** @returns that a device's packets for everywhere end at its hub, where they do; else nothing */
async function exitWarning(
  client: ControlClient,
  { name, hub }: AddedDevice,
  allowed: readonly string[],
  { node: self }: StatusReport,
): Promise<string> {
  const everywhere = allowed.find((network) => Cidr.parse(network)?.prefixBits === 0);
  if (everywhere === undefined || hub === undefined) return "";
  const routes = await client.ask("listRoutes");
  const isExit = routes.some(({ isExit, state, node }) => isExit && state === "approved" && node === hub);
  // Another member's choice of an exit is known to itself alone.
  const usesExit = self.name === hub && (await client.ask("exitStatus")).node !== null;
  if (isExit || usesExit) return "";
  return `warning: ${hub} is no exit, so ${name} gets by ${everywhere} no further than the network\n` +
    `hint: \`weft exit offer\` on ${hub} makes it one; \`weft peer hub ${name} NODE\` chooses another hub.\n`;
}

/** @throws UsageError when the key is none, or another device's */
async function deviceKey(
  { name }: AddedDevice,
  file: unknown,
  { peers }: StatusReport,
  ports: CliPorts,
): Promise<string | undefined> {
  if (typeof file !== "string") return undefined;
  const text = (await readFile(file, ports, "the private key")).trim();
  const { PrivateKey } = await import("../../crypto/mod.ts");
  const key = PrivateKey.parse(text);
  if (key === undefined) {
    throw new UsageError("Cannot use that private key: it is malformed", {
      hint: "`wg genkey` prints one, 44 characters with = at the end.",
    });
  }
  const known = peers.find((peer) => peer.name === name)?.publicKey;
  if (known === undefined || known === `${key.publicKey}`) return text;
  throw new UsageError(`Cannot use that private key: it is not that of ${name}`);
}

/**
 * @returns what stands behind `DNS =`; who is to be asked is asked, and what it does not answer is told
 */
async function resolverOf(
  resolver: Resolver,
  { name, peers }: AddedDevice,
  { dns }: StatusReport,
  { process, terminal }: CliPorts,
): Promise<string | undefined> {
  if (resolver === undefined) return undefined;
  const address = resolver.kind === "address" ? resolver.address : peers[0]?.addresses[0];
  if (address === undefined) {
    // The device is in the network by now, and its key would be lost with an error.
    terminal.err(
      `warning: nobody is a peer of ${name} that could answer names\nhint: Give --dns an address.\n`,
    );
    return undefined;
  }
  const server = peers.find(({ addresses }) => addresses.includes(address));
  // Another network's resolver is asked from where the device is.
  if (server === undefined) return address;
  const zone = dns?.zone ?? DEFAULT_ZONE;
  if (!await process.canResolve(address, zone, "SOA")) {
    terminal.err(
      `warning: ${server.name} does not answer at ${address} port 53, where ${name} will ask it for names\n` +
        `hint: Start ${server.name} with --dns on --dns-port 15353,53; its \`weft status\` shows where it answers.\n`,
    );
  } else if (!await process.canResolve(address, ".", "NS")) {
    terminal.err(
      `warning: ${server.name} answers for ${
        zone.slice(0, -1)
      } alone, so ${name} will find no other names\n` +
        `hint: Start ${server.name} with --dns-forward system; an app that asks one resolver for one domain needs none.\n`,
    );
  }
  // A name without a dot is looked up below the zone.
  return resolver.kind === "hub" ? `${address}, ${zone.slice(0, -1)}` : address;
}
