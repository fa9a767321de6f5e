/**
 * Streams of bytes in memory, for the tests of this folder.
 * @module
 */

export { streamPair } from "../../test_mesh/mod.ts";
