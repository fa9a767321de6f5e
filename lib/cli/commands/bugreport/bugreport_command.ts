/**
 * `weft bugreport`: what somebody needs who is to help, in one file, without secrets.
 * @module
 */

import { ControlClient } from "../../control_client.ts";
import { SlowNotice } from "../../slow_notice.ts";
import { CommandError, systemReason } from "../../failure.ts";
import { counted } from "../../output/mod.ts";
import {
  type AnyCommand,
  type CommandContext,
  optionsOfNextStart,
  runWithOptions,
  saidSettings,
} from "../../weft_command.ts";
import { examine } from "../doctor/mod.ts";
import { writeWhole } from "../../whole_file.ts";
import { gather, runHostCommand } from "./gather.ts";
import { tarGz } from "./tar_archive.ts";

/** Adds the command. */
export function addBugreportCommand(program: AnyCommand, { ports }: CommandContext): void {
  const command: AnyCommand = program.command("bugreport").description(
    "write what somebody needs who is to help, without secrets, into an archive",
  )
    .option("-o, --output <file>", "where (default: weft-bugreport-TIME.tar.gz)")
    .option("--anonymize", "replace names, addresses and keys, the same by the same")
    .option("--force", "in place of a file that is there")
    .addHelpText("after", "\nExample:\n  # weft bugreport --anonymize") as AnyCommand;
  runWithOptions(command, ports, async ({ stateDir }, _, { output, anonymize, force }) => {
    const atMs = Date.now();
    const notice = new SlowNotice(ports, {});
    using client = new ControlClient(stateDir, { notice });
    const gathered = gather({
      version: ports.version,
      stateDir,
      client,
      isAnonymous: anonymize === true,
      atMs,
      run: runHostCommand,
      storedSettings: async () =>
        (await ports.loadAgent()).storedSettings(await saidSettings(command, ports), () => {}),
      doctor: async (status) => {
        const { port, rootless } = await optionsOfNextStart(command, ports);
        return await examine({ client, stateDir, status, port, rootless, version: ports.version });
      },
    });
    const { files, missing, hasAgent } = await notice.during("what this host and the agent say", gathered);
    const time = new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
    const path = typeof output === "string" ? output : `weft-bugreport-${time}.tar.gz`;
    try {
      await writeWhole(path, await tarGz(files, atMs), { replaces: force === true });
    } catch (cause) {
      throw new CommandError(`Cannot write ${path}: ${systemReason(cause)}`, {
        hint: cause instanceof Deno.errors.AlreadyExists
          ? "Name another file by --output, or put a new one in its place with --force."
          : "Name a file in another directory by --output.",
        cause,
      });
    }
    const about = hasAgent ? "" : ", without an agent, which does not run";
    ports.terminal.out(`Wrote ${path}: ${counted(files.length, "file")}${about}\n`);
    if (missing.length > 0) ports.terminal.out(`Could not get: ${missing.join("; ")}\n`);
    ports.terminal.out(
      "No private key, token or passphrase is in it. Look through it before you hand it on.\n",
    );
  });
}
