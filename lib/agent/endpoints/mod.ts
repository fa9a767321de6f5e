/**
 * Where this host can be reached, and in which order the endpoints of a peer are worth a try.
 * @module
 */

export { EndpointRotation } from "./endpoint_rotation.ts";
export { EndpointSelector } from "./endpoint_selector.ts";
export { ownEndpoints } from "./own_endpoints.ts";
