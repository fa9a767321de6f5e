/**
 * `weft policy …`: who may reach whom.
 * @module
 */

import { type AnyCommand, type CommandContext, refuseOthers } from "../../weft_command.ts";
import { addApplyCommands } from "./apply_commands.ts";
import { addPolicyFileCommands } from "./file_commands.ts";
import { addPolicyReportCommands } from "./report_commands.ts";

export { policyFinding } from "./policy_finding.ts";

/** Adds `weft policy init`, `test`, `diff`, `apply`, `rollback`, `remove`, `show`, `explain`, `counters`, `log`, `import`. */
export function addPolicyCommands(program: AnyCommand, context: CommandContext): void {
  const group: AnyCommand = program.command("policy").description(
    "who may reach whom: packets, frames, calls, events and names",
  ).addHelpText("after", "\nExample:\n  $ weft policy show");
  addPolicyFileCommands(group, context);
  addApplyCommands(group, context);
  addPolicyReportCommands(group, context);
  refuseOthers(group);
}
