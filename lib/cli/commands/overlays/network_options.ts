/**
 * What `weft network create` and `change` are told, and the requests that it makes.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { NetworkChange, NetworkRequest } from "../../../api/mod.ts";
import { Cidr, IpAddress } from "../../../net/mod.ts";
import { OVERLAY_NAME } from "../../../overlay/bounds.ts";
import { UsageError } from "../../failure.ts";
import { type AnyCommand, collect, defined, exampleHint, readNumber } from "../../weft_command.ts";

/** The options of a command, whose types commander has checked. */
type Said = Readonly<Record<string, unknown>>;

/** What tells networks of a driver apart on the wire, and the names of its options. */
interface DriverHelp {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly options: readonly string[];
}

/** What the help says of each driver, which need not be loaded for that. */
export const DRIVERS: Readonly<Record<string, DriverHelp>> = {
  vxlan: { name: "VNI", min: 0, max: 0xff_ffff, options: [] },
  geneve: { name: "VNI", min: 0, max: 0xff_ffff, options: ["payload", "options"] },
  gre: { name: "key", min: 0, max: 0xffff_ffff, options: ["payload", "key", "sequence", "checksum"] },
  nvgre: { name: "VSID", min: 0x1000, max: 0xff_fffe, options: [] },
  "mpls-udp": {
    name: "label",
    min: 16,
    max: 0xf_ffff,
    options: ["payload", "outer", "ttl", "tc", "control-word"],
  },
  vlan: { name: "VID", min: 1, max: 4094, options: ["service", "priority"] },
};

/** What the identifier's flag is called by those who know the driver's own word. */
const IDENTIFIER_FLAGS = ["vni", "id", "vsid", "key", "label", "vlan", "vid"] as const;

const TYPES_TEXT = "\n\nTypes, what --vni may be, and each --option:\n" +
  Object.entries(DRIVERS).map(([type, { name, min, max, options }]) =>
    `  ${type.padEnd(10)}${`${name} ${min} to ${max}`.padEnd(22)}${options.join(", ")}`.trimEnd() + "\n"
  ).join("") +
  "\nOf a plain underlay, which encrypts nothing: --remote, --group, --interface, --port, --hop-limit.";

/** Adds what `create` takes. */
export function withDefinition(command: AnyCommand): AnyCommand {
  const hidden = (flag: string) => new Option(`--${flag} <number>`).hideHelp();
  for (const flag of IDENTIFIER_FLAGS.slice(1)) command.addOption(hidden(flag));
  return command
    .argument("<name>", "letters, digits and hyphens, as in blue")
    .option("--type <driver>", "how frames are wrapped, see below (default: vxlan)")
    .option(
      "--vni <number>",
      "what tells it apart on the wire; --id, --key, --vlan mean the same (default: the lowest free one)",
    )
    .addOption(
      new Option(
        "--cidr <network>",
        "the block of its addresses; may be repeated for IPv6 (default: none, endpoints have MACs alone)",
      ).argParser(collect),
    )
    .addOption(new Option("--cidr6 <network>", "the same").argParser(collect).hideHelp())
    .option("--mtu <bytes>", "the longest IP packet inside (default: what the underlay leaves)")
    .addOption(
      new Option("--underlay <which>", "mesh, encrypted; or plain, the hosts' own network (default: mesh)")
        .choices(["mesh", "plain"]),
    )
    .addOption(
      new Option("--remote <address>", "a host that is no member; may be repeated").argParser(collect),
    )
    .option("--group <address>", "the multicast group that stands for all hosts")
    .addOption(
      new Option("--interface <name>", "the hosts' interface that it uses; may be repeated").argParser(
        collect,
      ),
    )
    .option("--port <port>", "another UDP port than the driver's")
    .option("--hop-limit <hops>", "how far packets go (default: 64, to a group 1)")
    .option("--members <selector>", "who may have endpoints, as in role=web (default: every member)")
    .option("--gateway <member>", "who leads out of it, into the mesh and beyond (default: nobody)")
    .option("--storm-limit <frames>", "broadcasts that an endpoint may send in a second")
    .addOption(
      new Option("--option <key=value>", "an option of the driver; may be repeated").argParser(collect),
    )
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weft network create blue --cidr 10.0.0.0/24\n" +
        "  $ weft network create red --type geneve --vni 7 --cidr 10.0.0.0/24 --cidr fd00:7::/64 --members role=web\n" +
        "  $ weft network create lab --underlay plain --vni 42 --cidr 10.42.0.0/24 --remote 192.0.2.253" +
        TYPES_TEXT,
    ) as AnyCommand;
}

/** @returns what `create` was told @throws UsageError */
export function networkRequest(name: string, said: Said): NetworkRequest {
  if (!OVERLAY_NAME.test(name)) throw badName(name, "blue");
  const underlay = said.underlay as NetworkRequest["underlay"];
  for (const flag of ["remote", "group", "interface", "port", "hopLimit"]) {
    if (said[flag] === undefined || underlay === "plain") continue;
    const shown = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`Cannot use --${shown} inside the mesh: it is of a plain underlay`, {
      hint: "Add --underlay plain; what it carries is not encrypted then.",
    });
  }
  const cidrs = [...texts(said.cidr), ...texts(said.cidr6)].flatMap((text) => text.split(","));
  for (const text of cidrs) {
    if (Cidr.parse(text) === undefined) {
      throw new UsageError(`Cannot use --cidr ${text}: that is no network`, { hint: "Write 10.0.0.0/24." });
    }
  }
  const remotes = texts(said.remote);
  checkAddresses("--remote", remotes);
  return defined<NetworkRequest>({
    name,
    type: said.type as string | undefined,
    identifier: readIdentifier(said),
    cidrs: cidrs.length > 0 ? cidrs : undefined,
    mtuBytes: readMtu(said.mtu),
    underlay,
    remotes: remotes.length > 0 ? remotes : undefined,
    group: said.group as string | undefined,
    interfaces: said.interface as string[] | undefined,
    port: readNumber("--port", said.port, {
      least: 1,
      most: 65_535,
      hint: "Without it the driver's usual port is used.",
    }),
    hopLimit: readNumber("--hop-limit", said.hopLimit, { least: 1, most: 255, hint: "Usually it is 64." }),
    members: said.members as string | undefined,
    gateway: said.gateway as string | undefined,
    stormLimit: readNumber("--storm-limit", said.stormLimit, {
      least: 1,
      of: "frames a second",
      hint: "Without it there is a usual one.",
    }),
    options: readOptions(texts(said.option)),
  });
}

function readIdentifier(said: Said): number | undefined {
  const given = IDENTIFIER_FLAGS.filter((flag) => said[flag] !== undefined);
  const [flag, another] = given;
  if (flag === undefined) return undefined;
  if (another !== undefined) {
    throw new UsageError(`Cannot use both --${flag} and --${another}: they mean the same`, {
      hint: "Keep --vni.",
    });
  }
  const text = String(said[flag]);
  const { min, max, name } = DRIVERS[String(said.type ?? "vxlan")] ??
    { min: 0, max: 0xffff_ffff, name: "identifier" };
  const value = /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`Cannot use --${flag} ${text}: a ${name} is a number from ${min} to ${max}`, {
    hint: "Without it the lowest free one is chosen.",
  });
}

function readMtu(text: unknown): number | undefined {
  return readNumber("--mtu", text, {
    least: 576,
    most: 65_535,
    of: "bytes",
    hint: "Without it the MTU is what the underlay leaves; inside the mesh, vxlan has 1370.",
  });
}

function readOptions(pairs: readonly string[]): Record<string, string> | undefined {
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(pairs.map((pair) => {
    const [, key, value] = /^([a-z][a-z0-9_.-]*)=(.*)$/.exec(pair) ?? [];
    if (key !== undefined && value !== undefined) return [key, value];
    throw new UsageError(`Cannot use --option ${pair}: options are written KEY=VALUE`, {
      hint: "For example --type gre --option sequence=true.",
    });
  }));
}

/** @returns what is said of a name that no network or endpoint can have */
export function badName(name: string, example: string): UsageError {
  return new UsageError(
    `Cannot use the name ${name.slice(0, 80)}: it has up to 63 lower-case letters, digits and inner hyphens`,
    { hint: `For example ${example}.` },
  );
}

function checkAddresses(flag: string, addresses: readonly string[]): void {
  const wrong = addresses.find((text) => IpAddress.parse(text) === undefined);
  if (wrong === undefined) return;
  throw new UsageError(`Cannot use ${flag} ${wrong}: that is no address`, {
    hint: "Write 192.0.2.7, or 2001:db8::7.",
  });
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** @returns what `change` was told @throws UsageError */
export function networkChange(network: string, said: Said, command: AnyCommand): NetworkChange {
  const given = texts(said.remote);
  const remotes = given.join() === "none" ? [] : given;
  checkAddresses("--remote", remotes);
  const change = defined<Omit<NetworkChange, "network">>({
    mtuBytes: said.mtu === "auto" ? 0 : readMtu(said.mtu),
    members: said.members === "*" ? "" : said.members as string | undefined,
    gateway: said.gateway === "none" ? "" : said.gateway as string | undefined,
    remotes: given.length > 0 ? remotes : undefined,
    stormLimit: said.stormLimit === "auto" ? 0 : readNumber("--storm-limit", said.stormLimit, {
      least: 1,
      of: "frames a second",
      hint: "auto stands for the usual one.",
    }),
    isActive: said.active === true ? true : said.inactive === true ? false : undefined,
  });
  if (Object.keys(change).length > 0) return { network, ...change };
  throw new UsageError(`Cannot change nothing of ${network}: say what`, { hint: exampleHint(command) });
}
