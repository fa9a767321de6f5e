/**
 * `weft backup` and `weft restore`: a node as a file, and back.
 * @module
 */

import type { BackupReport } from "../../../api/mod.ts";
import { WeftError } from "../../../base/mod.ts";
import { ControlClient, NoAgentError } from "../../control_client.ts";
import { CommandError, systemReason, UsageError } from "../../failure.ts";
import { formatBytes } from "../../output/mod.ts";
import type { CliPorts } from "../../ports.ts";
import { type AnyCommand, type CommandContext, runWithOptions } from "../../weft_command.ts";
import { PASSPHRASE_FLAG, PASSPHRASE_HELP, readPassphrase } from "./passphrase.ts";

/** A copy of much data takes its time. */
const ANSWER_MS = 120_000;

/** Adds both. */
export function addBackupCommands(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("backup").description(
      "write a sealed copy of this node: keys, settings, members, collections",
    )
      .argument("<file>", "a new file; it is never overwritten")
      .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
      .addHelpText("after", "\nExample:\n  # weft backup web-1.backup"),
    ports,
    async ({ stateDir }, [path = ""], options) => {
      const { name, file, dataBytes } = await backupTo(path, ports, async () => {
        const passphrase = await readPassphrase(options, ports, "new");
        return await backup(stateDir, passphrase, ports);
      });
      const data = dataBytes === 0 ? "" : `, with ${formatBytes(dataBytes)} of collections`;
      ports.terminal.out(
        `Wrote ${path}: ${name}, ${formatBytes(Math.ceil(file.length * 3 / 4))}${data}\n` +
          "Keep it off this machine, and the passphrase elsewhere: both together are this node.\n" +
          `\`weft restore ${path}\` makes it anew, here or on another machine.\n`,
      );
    },
  );
  runWithOptions(
    program.command("restore").description("make a node anew of a copy that `weft backup` has written")
      .argument("<file>", "as `weft backup` has written it")
      .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
      .option("--keep-tokens", "a leader's tokens stay good, with the uses that they had then")
      .option("--force", "in place of the node that is there, which is put aside")
      .addHelpText("after", "\nExample:\n  # weft restore web-1.backup"),
    ports,
    async ({ stateDir }, [path = ""], options) => {
      const file = await ports.process.readBytes(path).catch((cause) => {
        throw new UsageError(`Cannot read the backup from ${path}: ${systemReason(cause)}`, {
          hint: "Check the path and its permissions.",
          cause,
        });
      });
      await refuseBesideAgent(stateDir);
      const passphrase = await readPassphrase(options, ports, "known");
      const isForced = options.force === true;
      const keepsTokens = options.keepTokens === true;
      const request = { file, passphrase, isForced, keepsTokens };
      const { name, madeAt, role, putAside } = await restore(stateDir, request, ports);
      ports.terminal.out(`This is ${name} as of ${new Date(madeAt).toISOString()}; \`weft up\` starts it\n`);
      for (const old of putAside) ports.terminal.out(`What was there is in ${old}\n`);
      if (role === "leader") {
        ports.terminal.out(
          "It gives out no address before others have told what has happened since\n" +
            (keepsTokens ? "" : "Its tokens are gone: `weft token create` makes others\n"),
        );
      }
      ports.terminal.out(
        "The machine that was it must not run again with its former state: both would be one node\n",
      );
    },
  );
}

/** The state is the running agent's, if there is one. */
async function backup(stateDir: string, passphrase: string, ports: CliPorts): Promise<BackupReport> {
  using client = new ControlClient(stateDir, { boundMs: ANSWER_MS });
  try {
    return await client.ask("backup", { passphrase });
  } catch (error) {
    if (!(error instanceof NoAgentError)) throw error;
  }
  try {
    return await (await ports.loadAgent()).backup(stateDir, passphrase);
  } catch (cause) {
    if (!(cause instanceof WeftError) || cause.code !== "NotInitialized") throw cause;
    throw new CommandError(`Cannot back up: there is no node in the state directory ${stateDir}`, {
      hint: "Name another with --state.",
      cause,
    });
  }
}

async function refuseBesideAgent(stateDir: string): Promise<void> {
  using client = new ControlClient(stateDir);
  const status = await client.ask("status").catch(() => undefined);
  if (status === undefined) return;
  throw new CommandError(`Cannot restore into ${stateDir}: ${status.node.name} runs with it`, {
    hint: "`weft down` stops it; or choose another directory with --state.",
  });
}

async function restore(
  stateDir: string,
  request: Parameters<Awaited<ReturnType<CliPorts["loadAgent"]>>["restore"]>[1],
  ports: CliPorts,
) {
  try {
    return await (await ports.loadAgent()).restore(stateDir, request);
  } catch (cause) {
    if (!(cause instanceof WeftError) || cause.code !== "AlreadyInitialized") throw cause;
    throw new CommandError(`Cannot restore into ${stateDir}: a node is there`, {
      hint: "--force puts it aside; or choose another directory with --state.",
      cause,
    });
  }
}

/** Has the file there before anything is asked: a path that can't be written has no consequences. */
async function backupTo(
  path: string,
  ports: CliPorts,
  ask: () => Promise<BackupReport>,
): Promise<BackupReport> {
  const cannot = (cause: unknown): CommandError =>
    new CommandError(`Cannot write the backup ${path}: ${systemReason(cause)}`, {
      hint: cause instanceof Deno.errors.AlreadyExists
        ? "Choose another name: a backup is never overwritten."
        : "Choose a directory in which you may write.",
      cause,
    });
  const made = await ports.process.createSecretFile(path).catch((cause) => {
    throw cannot(cause);
  });
  try {
    const report = await ask();
    await made.write(Uint8Array.fromBase64(report.file)).catch((cause) => {
      throw cannot(cause);
    });
    return report;
  } catch (error) {
    await made.discard().catch(() => {});
    throw error;
  }
}
