/**
 * Collections that are sealed to the members with a label: programs there seal and open values, and whoever keeps them can't
 * read them.
 *
 * ```
 *   program ──▶ $seal/keys of its node ──▶ NAME-keys ──▶ the data key, opened with the node's own key
 *      └─ sealValue ──▶ the collection, wherever it is kept
 * ```
 *
 * @module
 */

export { MAX_READERS, type SealingKeys } from "./key_generations.ts";
export { keysCollection } from "../documents.ts";
export { type KnownKeys, SEAL_SERVICE, SealHost, type SealHostParts } from "./seal_host.ts";
export { type DataKey, openValue, sealValue } from "./sealed_value.ts";
