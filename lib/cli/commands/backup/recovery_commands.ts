/**
 * `weft leader export` and `recover`: what is left when all leaders are gone.
 * @module
 */

import type { ExportedLeader, RecoverRequest } from "../../../api/mod.ts";
import { NoAgentError } from "../../control_client.ts";
import type { CliPorts } from "../../ports.ts";
import { agentClient, type AnyCommand, askAgent, readFile, runWithOptions } from "../../weft_command.ts";
import { PASSPHRASE_FLAG, PASSPHRASE_HELP, readPassphrase } from "./passphrase.ts";
import { prepareFile } from "./secret_file.ts";

/** Adds both to `weft leader`. */
export function addRecoveryCommands(group: AnyCommand, ports: CliPorts): void {
  askAgent(
    group.command("export").description(
      "write a recovery file: with it and its passphrase, another machine can lead",
    )
      .argument("<file>", "a new file; it is never overwritten")
      .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
      .addHelpText("after", "\nExample:\n  # weft leader export weft-recovery.txt"),
    ports,
    async (client, [path = ""], options) => {
      const { node: { role } } = await client.ask("status");
      const { name, members } = await exportTo(path, ports, async () => {
        // Nobody is asked for a passphrase in vain; the agent says why.
        const passphrase = role === "leader" ? await readPassphrase(options, ports, "new") : "-";
        return await client.ask("exportLeader", { passphrase });
      });
      ports.terminal.out(
        `Wrote ${path}: the keys of ${name}, and where ${
          members === 1 ? "it is" : `${members} members are`
        }\n` +
          "Keep it off this machine, and the passphrase elsewhere: both together are the network.\n" +
          `When all leaders are gone, \`weft leader recover ${path}\` makes the machine one that runs it.\n`,
      );
    },
  );
  runWithOptions(
    group.command("recover").description(
      "make this node a leader by a recovery file; a machine without a node goes on as the leader that wrote it",
    )
      .argument("<file>", "as `weft leader export` has written it")
      .option(PASSPHRASE_FLAG, PASSPHRASE_HELP)
      .addHelpText("after", "\nExample:\n  # weft leader recover weft-recovery.txt"),
    ports,
    async ({ stateDir }, [path = ""], options) => {
      const file = await readFile(path, ports, "the recovery file");
      const passphrase = await readPassphrase(options, ports, "known");
      ports.terminal.out(await recover(stateDir, { file, passphrase }, ports));
    },
  );
}

/** The state is the running agent's, if there is one. @returns what to print */
async function recover(stateDir: string, request: RecoverRequest, ports: CliPorts): Promise<string> {
  using client = agentClient(stateDir, ports);
  try {
    const { name, others } = await client.ask("recoverLeader", request);
    const also = others.length === 0
      ? "; it gives out addresses in a few seconds (`weft leader list`)"
      : `, beside ${others.join(", ")}`;
    return `${name} is a leader now${also}\n\`weft token create\` lets machines in.\n`;
  } catch (error) {
    if (!(error instanceof NoAgentError)) throw error;
  }
  const { name, isRestored } = await (await ports.loadAgent()).recover(stateDir, request);
  if (!isRestored) return `${name} leads from its next start on: \`weft up\` starts it.\n`;
  return `This machine is ${name} now, which leads; \`weft up\` starts it.\n` +
    `Start it where members look for ${name}: at its former address and port, or its name in DNS. The machine that was\n` +
    `${name} must not run again with its former state: both would be the same node.\n`;
}

async function exportTo(
  path: string,
  ports: CliPorts,
  ask: () => Promise<ExportedLeader>,
): Promise<ExportedLeader> {
  const file = await prepareFile(path, ports, "the recovery file");
  const exported = await ask();
  await file.write(exported.file);
  return exported;
}
