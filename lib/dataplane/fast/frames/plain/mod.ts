/**
 * Plain underlays in the worker of the fast plane: UDP with batches in both directions, IP, and links.
 * @module
 */

export * from "./plain_underlay.ts";
