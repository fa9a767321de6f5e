/**
 * The services of this node: their states, and running their actions within bounds.
 * @module
 */

export { type CallParams, LocalParams, type Outcome, runAction, whyRefused } from "./action_runner.ts";
export { asDefined, publishChecked } from "./event_schemas.ts";
export { type LocalAction, type LocalService, LocalServices } from "./local_services.ts";
