/**
 * Which versions two replicas have, compared in little room.
 * @module
 */

export {
  compareSlots,
  describe,
  differingRanges,
  type Lacking,
  partsOf,
  vectorsOf,
} from "./version_compare.ts";
export { type OriginVersions, RECORD_SLOT, STATEMENT_SLOT, VersionIndex } from "./version_index.ts";
export {
  type Digest,
  digestToWire,
  type OriginSlots,
  readDigest,
  readVector,
  type SlotVersion,
  type Vector,
  vectorToWire,
} from "./version_vector.ts";
