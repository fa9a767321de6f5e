/**
 * This node's advert, the reports and changes of `$registry`, and which node leads a service.
 * @module
 */

export { buildAdvert } from "./advert_builder.ts";
export { type ProviderReport, readPath, RegistryService, type ServiceReport } from "./registry_service.ts";
export { ServiceLeadership } from "./service_leadership.ts";
