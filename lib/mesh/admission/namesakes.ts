/**
 * Names that leaders which could not see each other gave twice. `compareNaming` says on every node alike who keeps one; the
 * others are called something else, and their records say what they were called.
 * @module
 */

import type { RecordEntry } from "../replica/mod.ts";
import type { Enrolment, EnrolmentOptions } from "./enrolment.ts";
import { amended } from "./record_terms.ts";

/** How many members are named in one go: each costs a signature. */
const MAX_NAMED = 16;

/**
 * Calls members something else whose names others were given first. One whose record has expired waits until it is renewed:
 * it would be a member again.
 * @returns what was signed
 */
export function settleNames(
  enrolment: Enrolment,
  { roster, clock, audit }: Pick<EnrolmentOptions, "roster" | "clock" | "audit">,
): readonly RecordEntry[] {
  const wall = clock.wall();
  const due = roster.namesakes().flatMap(([, ...others]) => others)
    .filter(({ nodeId }) => roster.liveRecord(nodeId) !== undefined).slice(0, MAX_NAMED);
  const signed = due.map((record) => {
    const name = () =>
      enrolment.transact(() =>
        enrolment.sign({
          ...amended(record, { name: enrolment.freeName(record.name) }, wall),
          ...enrolment.lifetime(record),
          formerName: record.formerName ?? record.name,
        })
      );
    const detail = { reason: "another member had been given the name first" };
    return audit === undefined ? name() : audit.as({ kind: "agent" }, name, detail);
  });
  return signed.filter((entry) => typeof entry === "object");
}
