/**
 * Which names this node's server answers, made from the roster, the services and what somebody has added.
 * @module
 */

export { NameService, namesOf } from "./name_service.ts";
export { RunningNames } from "./running_names.ts";
export type { OfferedService } from "./service_name_sync.ts";
export { isNameTaken } from "./taken_names.ts";
