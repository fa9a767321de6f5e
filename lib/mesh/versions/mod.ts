/**
 * Which versions two replicas have, compared in a digest of 512 bytes first, then slot by slot.
 * @module
 */

export * from "./version_index.ts";
export * from "./version_vector.ts";
