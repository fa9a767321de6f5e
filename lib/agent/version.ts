/**
 * Which weft this is.
 * @module
 */

import project from "../../deno.json" with { type: "json" };

/** The version, as in `deno.json`. */
export const VERSION: string = project.version;
