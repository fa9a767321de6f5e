/**
 * `weft backup` and `weft restore`: a node as a file, and back; `weft recovery-key`: what seals it without a secret.
 * @module
 */

import { type BackupReport, type BackupRequest, RECOVERY_SEALED } from "../../../api/mod.ts";
import { WeftError } from "../../../base/mod.ts";
import { NoAgentError } from "../../control_client.ts";
import { CommandError, systemReason, UsageError } from "../../failure.ts";
import { formatBytes } from "../../output/mod.ts";
import type { CliPorts } from "../../ports.ts";
import {
  agentClient,
  type AnyCommand,
  type CommandContext,
  runWithOptions,
  saidSettings,
} from "../../weft_command.ts";
import {
  PASSPHRASE_FLAG,
  PASSPHRASE_HELP,
  readPassphrase,
  readRecoverySecret,
  SECRET_FLAG,
  SECRET_HELP,
} from "./passphrase.ts";
import { prepareFile } from "./secret_file.ts";

/** A copy of much data takes its time. */
const ANSWER_MS = 120_000;

const SETTING = "recovery-key";

/** Adds all three. */
export function addBackupCommands(program: AnyCommand, { ports }: CommandContext): void {
  const command: AnyCommand = program.command("backup").description(
    "write a sealed copy of this node: keys, settings, members, collections",
  )
    .argument("<file>", "a new file; it is never overwritten")
    .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
    .option(
      "--recovery-key <key>",
      "seals for this key, and asks for nothing; the node's setting unless given",
    )
    .addHelpText(
      "after",
      "\nExample:\n  # weft backup web-1.backup\n\n" +
        "With a recovery key (`weft recovery-key --help`) no secret is needed, so that a timer may run it.",
    ) as AnyCommand;
  runWithOptions(
    command,
    ports,
    async ({ stateDir }, [path = ""], options) => {
      if (options.passphraseFile !== undefined && options.recoveryKey !== undefined) {
        throw new UsageError("Cannot seal by a passphrase and by a recovery key", {
          hint: "Choose one of both.",
        });
      }
      let request: BackupRequest = {};
      const { name, file, dataBytes } = await backupTo(path, ports, async () => {
        request = await sealRequest(command, { stateDir, options }, ports);
        return await backup(stateDir, request, ports);
      });
      const data = dataBytes === 0 ? "" : `, with ${formatBytes(dataBytes)} of collections`;
      const seal = request.recoveryKey === undefined
        ? "the passphrase elsewhere"
        : "the secret of the recovery key on no node";
      ports.terminal.out(
        `Wrote ${path}: ${name}, ${formatBytes(Math.ceil(file.length * 3 / 4))}${data}\n` +
          `Keep it off this machine, and ${seal}: both together are this node.\n` +
          `\`weft restore ${path}\` makes it anew, here or on another machine.\n`,
      );
    },
  );
  addRecoveryKeyCommand(program, ports);
  runWithOptions(
    program.command("restore").description("make a node anew of a copy that `weft backup` has written")
      .argument("<file>", "as `weft backup` has written it")
      .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
      .option(SECRET_FLAG, SECRET_HELP)
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
      await refuseBesideAgent(stateDir, ports);
      const isOfKey = new TextDecoder().decode(file.subarray(0, RECOVERY_SEALED.length)) === RECOVERY_SEALED;
      // What is named is tried, so that the refusal tells what would open the file.
      const wantsKey = options.secretFile !== undefined || isOfKey && options.passphraseFile === undefined;
      const secret = wantsKey
        ? { recoverySecret: await readRecoverySecret(options, ports) }
        : { passphrase: await readPassphrase(options, ports, "known") };
      const isForced = options.force === true;
      const keepsTokens = options.keepTokens === true;
      const request = { file, secret, isForced, keepsTokens };
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

/** What seals is told, stands in the settings, or is asked for. */
async function sealRequest(
  command: AnyCommand,
  { stateDir, options }: { readonly stateDir: string; readonly options: Readonly<Record<string, unknown>> },
  ports: CliPorts,
): Promise<BackupRequest> {
  if (typeof options.recoveryKey === "string") return { recoveryKey: options.recoveryKey };
  if (options.passphraseFile === undefined) {
    const recoveryKey = await settingOf(command, stateDir, ports);
    if (recoveryKey !== undefined) return { recoveryKey };
  }
  return { passphrase: await readPassphrase(options, ports, "new") };
}

/** @returns the node's recovery key, if it has one; without a node there is none, and the copy says so */
async function settingOf(
  command: AnyCommand,
  stateDir: string,
  ports: CliPorts,
): Promise<string | undefined> {
  const settings = await (async () => {
    using client = agentClient(stateDir, ports);
    try {
      return await client.ask("settings");
    } catch (error) {
      if (!(error instanceof NoAgentError)) throw error;
    }
    return await (await ports.loadAgent()).storedSettings(await saidSettings(command, ports), () => {})
      .catch((error) => {
        if (error instanceof WeftError && error.code === "NotInitialized") return [];
        throw error;
      });
  })();
  // One that was just kept counts, too: nothing has to follow it before.
  const { value, next = value } = settings.find(({ name }) => name === SETTING) ?? {};
  return typeof next === "string" ? next : undefined;
}

/** Writes the half that opens into a file of its own. */
function addRecoveryKeyCommand(program: AnyCommand, ports: CliPorts): void {
  runWithOptions(
    program.command("recovery-key").description(
      "make a key that seals backups, and the secret that opens them",
    )
      .argument("<file>", "a new file for the secret; it is never overwritten")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft recovery-key weft-recovery.key\n\n" +
          "The key that it prints is no secret: it may stand in the settings of every node.",
      ),
    ports,
    async (_, [path = ""]) => {
      const { key, secret } = (await ports.loadAgent()).makeRecoveryKey();
      const made = await prepareFile(path, ports, "the secret");
      await made.write(`# The secret of the recovery key ${key}\n${secret}\n`);
      ports.terminal.out(
        `${key}\n\nWrote ${path}: the secret, which opens what this key seals. Keep it on no node.\n` +
          `\`weft config set ${SETTING} KEY\` on a node has its backups sealed for it; they ask for nothing then.\n`,
      );
    },
  );
}

/** The state is the running agent's, if there is one. */
async function backup(stateDir: string, request: BackupRequest, ports: CliPorts): Promise<BackupReport> {
  using client = agentClient(stateDir, ports, { boundMs: ANSWER_MS });
  try {
    return await client.ask("backup", request);
  } catch (error) {
    if (!(error instanceof NoAgentError)) throw error;
  }
  try {
    return await (await ports.loadAgent()).backup(stateDir, request);
  } catch (cause) {
    if (!(cause instanceof WeftError) || cause.code !== "NotInitialized") throw cause;
    throw new CommandError(`Cannot back up: there is no node in the state directory ${stateDir}`, {
      hint: "Name another with --state.",
      cause,
    });
  }
}

async function refuseBesideAgent(stateDir: string, ports: CliPorts): Promise<void> {
  using client = agentClient(stateDir, ports);
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

async function backupTo(
  path: string,
  ports: CliPorts,
  ask: () => Promise<BackupReport>,
): Promise<BackupReport> {
  const file = await prepareFile(path, ports, "the backup");
  const report = await ask();
  await file.write(Uint8Array.fromBase64(report.file));
  return report;
}
