/**
 * Probing members through the tunnel or over their channel, and what follows from it.
 * @module
 */

export { HealthEcho } from "./health_echo.ts";
export { Sightings } from "./sightings.ts";
export { HealthWatch } from "./health_watch.ts";
