/**
 * What may be asked of a running agent, said once: the operations as TypeScript's types, and the table from which the HTTP
 * routes, their OpenAPI description, the checks of requests and the command line's client come. It asks and answers
 * nothing itself.
 *
 *     control socket, TCP --> lib/http ----.                      .--> lib/agent: agentOperations
 *     library ------------> checkedControl --> OPERATIONS, invoke --'
 *     weft status, token … --> lib/cli: ControlClient, by the same table
 *
 * @module
 */

export type * from "./control.ts";
export type * from "./data/mod.ts";
export type * from "./diagnosis/mod.ts";
export { RECOVERY_SEALED } from "./diagnosis/mod.ts";
export * from "./errors.ts";
export type * from "./measurements/mod.ts";
export type * from "./membership/mod.ts";
export { openApi } from "./open_api.ts";
export { EVENTS_TYPE, NDJSON_TYPE, type Operation, type OperationName } from "./operation.ts";
export { OPERATION_ENTRIES, OPERATIONS, type ViewName, VIEWS } from "./operations.ts";
export type * from "./overlay.ts";
export type * from "./policy.ts";
export type * from "./reach/mod.ts";
export type * from "./report.ts";
export type * from "./settings.ts";
export { checkedControl, httpRequest, invoke, queriedFields, requestOf } from "./requests.ts";
export { callResult, callResults, eventLines, lines, offerLines } from "./streams.ts";
export {
  type LogLevelChange,
  type LogLevels,
  type LogLine,
  type LogReport,
  type LogRequest,
  MAX_LOG_LINES,
  type ProcessControl,
  type StopReport,
  type UnitReport,
} from "./process_control.ts";
