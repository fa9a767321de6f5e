/**
 * Who offers what and who listens to what, by the adverts of nodes or programs, and a circuit breaker for each provider.
 * @module
 */

export { ChangeSignal } from "./change_signal.ts";
export * from "./circuit_breaker.ts";
export { type Listener, type Provider, ServiceDirectory } from "./service_directory.ts";
export { VersionRange } from "./version_range.ts";
export { PermittedAdverts } from "./permitted_adverts.ts";
