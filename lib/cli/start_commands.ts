/**
 * `weft --leader`, `weft --join TOKEN`, `weft up`: commands that run an agent until they are told to stop.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import { UsageError } from "./failure.ts";
import { openLog } from "./log.ts";
import type { CliPorts } from "./ports.ts";
import { runAgent, type StartRole } from "./run_agent.ts";
import {
  agentOptions,
  type AnyCommand,
  collect,
  type CommandContext,
  readFile,
  refuseUnknown,
  withState,
} from "./weft_command.ts";

/** Makes the program itself start an agent with `--leader` or `--join`. */
export function addStartOptions(program: AnyCommand, context: CommandContext): void {
  program
    .addOption(new Option("--leader", "start a network, or resume it").conflicts(["join", "joinFile"]))
    .addOption(
      new Option("--join <token>", "join a network, or resume; - reads the token from standard input")
        .conflicts("joinFile"),
    )
    .option("--join-file <file>", "the same with a token that is in a file");
  withAgentOptions(program)
    .option("--cidr <network>", "the network of a new leader (default: 10.200.0.0/16)")
    .allowExcessArguments()
    .action(async () => {
      const [word] = program.args;
      if (word !== undefined) refuseUnknown(program, word);
      const role = await roleOf(program, context.ports);
      if (role === undefined) {
        program.outputHelp();
        return;
      }
      context.exitCode = await start(program, role, context.ports);
    });
}

/** Adds `weft up`. */
export function addUpCommand(program: AnyCommand, context: CommandContext): void {
  const command: AnyCommand = program.command("up")
    .description("resume from the state directory, whatever the role")
    .addHelpText("after", "\nExample:\n  $ weft up --state /var/lib/weft");
  withAgentOptions(command).action(async () => {
    context.exitCode = await start(command, { kind: "up" }, context.ports);
  });
}

function withAgentOptions(command: AnyCommand): AnyCommand {
  command
    .option("--name <name>", "this node's name in the network (default: the host's)")
    .option("--port <port>", "the UDP and TCP port of both planes (default: 51820)")
    .option("--interface <name>", "the network interface (default: weft0)")
    .option("--mtu <bytes>", "the largest packet through it (default: 1420)")
    .option("--dataplane <how>", "auto, fast or portable: how packets travel (default: auto)")
    .option("--cipher <which>", "auto or baseline: what seals packets on the fast one (default: auto)")
    .addOption(new Option("--kernel <which>").hideHelp())
    .option("--rootless", "the message plane only: no interface, no privileges")
    // Without its counterpart the flag would have a default, which would win over the environment and the file.
    .addOption(new Option("--discovery").hideHelp())
    .option("--no-discovery", "call out to no neighbours, and listen to none")
    .addOption(
      new Option("--discovery-peer <address>", "whom to call beside neighbours; may be repeated").argParser(
        collect,
      ),
    )
    .option("--discovery-dht", "find others, and be found, by the public BitTorrent DHT (default: no)")
    .addOption(
      new Option("--discovery-dht-bootstrap <host:port>", "by whom to enter it; may be repeated").argParser(
        collect,
      ),
    )
    .addOption(
      new Option("--endpoint <address:port>", "where others reach this node; may be repeated").argParser(
        collect,
      ),
    )
    .addOption(new Option("--label <key=value>", "a label of this node; may be repeated").argParser(collect))
    .option("--status-address <address>", "where the status page listens (default: 127.0.0.1)")
    .option("--status-port <port>", "its port, or off (default: 9180)")
    .option(
      "--dns <how>",
      "auto, on or off: whether this node answers names (default: auto, off if rootless)",
    )
    .option("--dns-port <ports>", "where it answers on its overlay address (default: 15353)")
    .option("--dns-zone <name>", "the zone of the names (default: weft.internal.)")
    .addOption(
      new Option(
        "--dns-forward <[suffix=]server>",
        "whom to ask for other names, or `system`; may be repeated (default: nobody)",
      ).argParser(collect),
    )
    .option(
      "--dns-resolver <how>",
      "auto, resolved, resolv.conf or off: how this host is made to ask (default: auto)",
    )
    .addOption(
      new Option(
        "--offer <port[=host:port]>",
        "a TCP service of this machine that members may reach at this node; may be repeated",
      ).argParser(collect),
    )
    .option("--log-level <level>", "debug, info, warn or error (default: info)");
  return withState(command);
}

async function roleOf(program: AnyCommand, ports: CliPorts): Promise<StartRole | undefined> {
  const { leader, join, joinFile } = program.opts();
  if (leader === true) return { kind: "leader" };
  if (typeof joinFile === "string") return joining(await readFile(joinFile, ports, "the token"));
  if (join === "-") return joining(await readFile("-", ports, "the token"));
  return typeof join === "string" ? joining(join) : undefined;
}

/** Only the form is checked here. The text is not repeated: it may nearly be a good token. */
function joining(text: string): StartRole {
  // The whole command that the leader printed may have been kept.
  const token = text.trim().replace(/^weft --join\s+/, "");
  if (/^weft1-[A-Za-z0-9_-]+$/.test(token)) return { kind: "join", token };
  throw new UsageError("Cannot join: that is no join token", {
    hint: "A token begins with weft1- and stands in the command that the leader prints.",
  });
}

async function start(command: AnyCommand, role: StartRole, ports: CliPorts): Promise<number> {
  const { options, isLogLevelSet } = await agentOptions(command, ports);
  using log = openLog({ level: options.logLevel, held: !isLogLevelSet, write: ports.terminal.err });
  return await runAgent(ports, { role, options, log });
}
