/**
 * Which way packets take to a member, on a running node: `lib/path` decides, this gathers what it needs and obeys.
 * @module
 */

export { Introductions, type LegTaker, type RelayServer } from "./introductions.ts";
export { PathReporter } from "./path_reporter.ts";
export { RelayLegs, type StreamCarriers } from "./relay_legs.ts";
export { StunWatch } from "./stun_watch.ts";
export { type PathContext, type PathHelper, type PathPlane, PathWatch } from "./path_watch.ts";
