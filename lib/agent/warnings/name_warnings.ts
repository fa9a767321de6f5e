/**
 * Names that leaders which could not see each other gave twice: while two have one, and after one was called something else.
 * @module
 */

import type { MemberRecord, MeshState } from "../../mesh/mod.ts";
import type { Warning } from "./warnings.ts";

/** @returns what is so now of this node's name and others' */
export function nameWarnings(
  { roster, identity }: Pick<MeshState, "roster" | "identity">,
): readonly Warning[] {
  const shared = roster.namesakes().map((records) =>
    records.filter(({ nodeId }) => roster.liveRecord(nodeId) !== undefined)
  ).filter((live) => live.length > 1).map(sharedWarning);
  const renamed = roster.liveRecords().filter(({ formerName }) => formerName !== undefined)
    .map((record) => renamedWarning(record, roster.holderOfName(record.formerName ?? ""), identity.id))
    .toArray();
  return [...shared, ...renamed];
}

function sharedWarning(records: readonly MemberRecord[]): Warning {
  const [first] = records;
  const addresses = records.map(({ addresses: [address] }) => String(address)).join(", ");
  return {
    kind: "name",
    about: `shared ${first?.name}`,
    text: `${records.length} members are called ${first?.name}: ${addresses}`,
    hint: "The elected leader calls all but the first something else; until then say an address or a key.",
  };
}

function renamedWarning(
  { nodeId, name, formerName, addresses: [address] }: MemberRecord,
  holder: MemberRecord | undefined,
  self: string,
): Warning {
  const who = nodeId === self ? "this node" : `the member at ${address}`;
  const first = holder === undefined
    ? "another member"
    : holder.nodeId === self
    ? "this node"
    : String(holder.addresses[0]);
  return {
    kind: "name",
    about: `renamed ${nodeId}`,
    text:
      `${who} was called ${formerName} and is called ${name} now: ${first} had been given that name first`,
    hint: `\`weft peer rename ${name} NAME\` on a leader gives it another name, or this one for good.`,
  };
}
