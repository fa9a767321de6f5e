/**
 * A name that somebody has added, as an entry of the replicated state: the name is the key, its records are the body, one a
 * line.
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { type DomainName, formatRecord, parseRecord, type ResourceRecord } from "../dns/mod.ts";
import type { StateEntry } from "../mesh/mod.ts";

/** The kind of these entries. */
export const NAME_ENTRY_KIND = "name";
/** No more lines of one entry are read. */
export const MAX_NAME_RECORDS = 64;

/** @returns the key of a name: in lower case, with its final dot */
export function nameKey(name: DomainName): string {
  return name.toString().toLowerCase();
}

/** @returns the body of the entry */
export function encodeNameRecords(records: readonly ResourceRecord[]): Uint8Array {
  const lines = records.map(formatRecord).map(({ ttlSeconds, type, data }) =>
    `${ttlSeconds} ${type} ${data}\n`
  );
  return utf8Bytes(lines.join(""));
}

/** @returns the records of the name; what is none is passed over */
export function readNameRecords(
  zone: DomainName,
  { key, body }: Pick<StateEntry, "key" | "body">,
): readonly ResourceRecord[] {
  const lines = new TextDecoder().decode(body).split("\n").slice(0, MAX_NAME_RECORDS);
  return lines.flatMap((line) => {
    const [, ttl, type, data] = /^(\d{1,6}) ([A-Z]{1,8}) (.+)$/s.exec(line) ?? [];
    if (ttl === undefined || type === undefined || data === undefined) return [];
    const record = parseRecord(zone, { name: key, type, data, ttlSeconds: Number(ttl) });
    return "problem" in record ? [] : [record];
  });
}

/** @returns a name in lower case without the zone's labels; undefined when it is not below the zone */
export function relativeName(name: DomainName, zone: DomainName): string | undefined {
  if (name.equals(zone) || !name.isWithin(zone)) return undefined;
  return nameKey(name).slice(0, -nameKey(zone).length - 1);
}

/** @returns of a relative name the label right below the zone */
export function topLabel(relative: string): string {
  return relative.slice(relative.lastIndexOf(".") + 1);
}
