/**
 * What may be asked of an agent when something is wrong, or may be one day: its changes of the host, and a copy of it.
 * @module
 */

export type * from "./diagnosis.ts";
export { RECOVERY_SEALED } from "./sealed_backup.ts";
