/**
 * Who offers what, as far as this node knows, and whether it has answered of late.
 * @module
 */

export * from "./circuit_breaker.ts";
export { type Listener, type Provider, ServiceDirectory } from "./service_directory.ts";
