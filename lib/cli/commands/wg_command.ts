/**
 * `weft wg IFNAME`: a WireGuard interface that `wg` and `wg-quick` configure.
 * @module
 */

import { UsageError } from "../failure.ts";
import { addFlag, agentOptions, type AnyCommand, type CommandContext } from "../weft_command.ts";
import { isInterfaceName, runWg } from "../wg_order.ts";

/** Adds the command. */
export function addWgCommand(program: AnyCommand, context: CommandContext): void {
  const wg: AnyCommand = program.command("wg")
    .description("make a WireGuard interface for wg and wg-quick, without a mesh")
    .argument("<interface>", "its name")
    .option("--foreground", "stay until the interface is deleted, or Ctrl-C")
    .addHelpText(
      "after",
      "\nExamples:\n  # weft wg wg0 && wg setconf wg0 /etc/wireguard/wg0.conf\n" +
        "  # WG_QUICK_USERSPACE_IMPLEMENTATION=weft wg-quick up wg0",
    ) as AnyCommand;
  addFlag(wg, "dataplane");
  addFlag(wg, "cipher");
  addFlag(wg, "workers");
  wg.action(async () => {
    const [name = ""] = wg.args;
    if (!isInterfaceName(name)) {
      throw new UsageError(
        `Cannot make the interface ${JSON.stringify(name.slice(0, 60))}: that is no name`,
        {
          hint: "It has 1 to 15 of A-Z a-z 0-9 _ . -, and begins with a letter or digit.",
        },
      );
    }
    const { ports } = context;
    const { dataplane, cipher, workers } = await agentOptions(wg, ports);
    const foreground = wg.opts().foreground === true;
    await runWg({ name, foreground, choice: dataplane, cipher, workers }, ports);
  });
}

/**
 * What `wg-quick` runs is `weft wg0`. The variable that made it do so tells that from a command that is misspelt.
 * @returns the arguments to go by
 */
export function withoutWgQuick(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  program: AnyCommand,
): readonly string[] {
  const [name] = args;
  if (args.length !== 1 || name === undefined || !environment.WG_QUICK_USERSPACE_IMPLEMENTATION) return args;
  const isCommand = program.commands.some((command) => command.name() === name);
  return isCommand || !isInterfaceName(name) ? args : ["wg", name];
}
