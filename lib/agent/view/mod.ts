/**
 * What a page shows beyond the status of its node: the links of other members, as they say themselves, and what has
 * happened lately. Nothing is asked of others while nobody looks.
 *
 * It knows neither HTTP nor how a page looks.
 * @module
 */

export type { LinkTables } from "./link_tables.ts";
export { NodeView } from "./node_view.ts";
export type { TimelineWatch } from "./timeline_watch.ts";
