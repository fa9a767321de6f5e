/**
 * What members may do, and which service paths are theirs, read from the replica. It decides and signs nothing.
 * @module
 */

export { Authority } from "./authority.ts";
