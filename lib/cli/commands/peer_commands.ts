/**
 * `weft peer …`: plain WireGuard devices, who is let in and changed, and who is cut off.
 * @module
 */

import type { RemovedPeer } from "../../api/mod.ts";
import { type AnyCommand, askAndPrint, type CommandContext, refuseOthers } from "../weft_command.ts";
import { addAdmissionCommands } from "./admission_commands.ts";
import { addDeviceCommands } from "./device_commands.ts";
import { addPeerReports } from "./peers_commands.ts";

/** @returns what became of a peer, and of the token by which it may come back under another name */
function removedText({ name, token, devices = [] }: RemovedPeer, revokesToken: boolean): string {
  const [first] = devices;
  const removed = `Removed ${name}\n` + (first === undefined ? "" : (
    `It passed packets on for ${
      devices.join(", ")
    }: \`weft peer hub ${first} NODE\` prints what is needed for another one.\n`
  ));
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

/** Adds `weft peer add`, `hub` and `remove`, and those of `addAdmissionCommands`. */
export function addPeerCommands(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const group: AnyCommand = program.command("peer").description(
    "members and plain WireGuard devices: letting in, changing, cutting off (leaders only)",
  ).addHelpText("after", '\nExample:\n  $ weft peer add phone --public-key "$(cat phone.pub)"');

  addDeviceCommands(group, context);

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

  addPeerReports(group, context);
  addAdmissionCommands(group, context);
  refuseOthers(group);
}
