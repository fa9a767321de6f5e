/**
 * What this node tells of its services, what `$registry` answers, and which provider leads a service.
 * @module
 */

export { buildAdvert } from "./advert_builder.ts";
export { type ProviderReport, readPath, RegistryService, type ServiceReport } from "./registry_service.ts";
export { ServiceLeadership } from "./service_leadership.ts";
