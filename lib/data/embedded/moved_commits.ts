/**
 * Commits with an id over a collection, as they go along when that moves.
 * @module
 */

import { MAX_ENTRIES } from "../bounds.ts";
import { AnswerRoom } from "../documents.ts";
import { MAX_MOVED_IDS, type MovedCommit } from "../moves.ts";
import { boundLimit, type SqlDatabase, type SqlRow } from "./sql_database.ts";

/**
 * @param after a position, 0 for the beginning
 * @param firstOpen the number of the first part or record that is open, if any
 * @returns those behind it, the oldest first, as many as an answer holds, and the position of the last one
 */
export function readMovedCommits(
  database: SqlDatabase,
  collection: string,
  after: number,
  firstOpen: number | undefined,
): { readonly commits: readonly MovedCommit[]; readonly position: number } {
  const commits: MovedCommit[] = [];
  const room = new AnswerRoom();
  let position = after;
  const take = (rows: Iterable<SqlRow>, positionOf: (number: number) => number) => {
    for (const row of rows) {
      const hasRoom = room.take(`${row["revisions"]}${row["result"] ?? ""}${row["touched"] ?? ""}`);
      if (!hasRoom && commits.length > 0) return;
      commits.push(commitOf(row));
      position = positionOf(Number(row["number"]));
    }
  };
  // What has entered with the collection stands before what was committed here: its numbers count as those below 0.
  const begin = after === 0 ? -Number.MAX_SAFE_INTEGER : after;
  if (begin < 0) {
    const rows = database.prepare(
      `SELECT * FROM entered WHERE collection = ? AND number > ? ORDER BY number ${boundLimit()}`,
    ).all(collection, begin + Number.MAX_SAFE_INTEGER, MAX_ENTRIES);
    take(rows, (number) => number - Number.MAX_SAFE_INTEGER);
    if (rows.length > 0) return { commits, position };
  }
  const first = database.prepare(
    `SELECT number FROM transactions WHERE shard IS NULL ORDER BY number DESC LIMIT 1 OFFSET ${MAX_MOVED_IDS}`,
  ).get();
  take(
    database.prepare(
      `SELECT * FROM transactions WHERE number > ?1 AND number < ?4 AND state IS NULL AND (shard = ?2 OR
         (shard IS NULL AND (touched IS NULL OR EXISTS (SELECT 1 FROM json_each(touched) WHERE value = ?2))))
       ORDER BY number ${boundLimit("?3")}`,
    ).all(
      ...[Math.max(0, begin, Number(first?.["number"] ?? 0)), collection, MAX_ENTRIES],
      // What is open ends later, at the place that it has.
      firstOpen ?? Number.MAX_SAFE_INTEGER,
    ),
    (number) => number,
  );
  return { commits, position };
}

function commitOf(row: SqlRow): MovedCommit {
  const [result, touched] = [row["result"], row["touched"]];
  return {
    id: String(row["id"]),
    origin: String(row["origin"]),
    revisions: JSON.parse(String(row["revisions"])),
    ...typeof result === "string" && { result: JSON.parse(result) },
    ...typeof touched === "string" && { touched: JSON.parse(touched) },
  };
}
