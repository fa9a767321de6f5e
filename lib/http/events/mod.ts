/**
 * `GET /events`: all that the page shows, as server-sent events (HTML Living Standard §9.2): a snapshot, then what changes.
 *
 *     control ──▶ LiveDocument: entries by key ──▶ EventFeed: changes, numbered, the last ones kept
 *                    once a second, while watched        ├──▶ stream of one reader
 *                                                        └──▶ …, 16 a source and 64 in all
 *
 * While nobody reads, nothing is asked and no timer runs.
 * @module
 */

export { EventFeed, type EventFeedOptions } from "./event_feed.ts";
export { eventsResponse } from "./events_response.ts";
export type * from "./live_entries.ts";
