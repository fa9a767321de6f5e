/**
 * The advert of a node, and `$registry`, which reports, pauses and resumes services.
 * @module
 */

export { type AdvertOptions, buildAdvert } from "./advert_builder.ts";
export {
  type ProviderReport,
  readPath,
  RegistryService,
  type ServiceReport,
  serviceReport,
} from "./registry_service.ts";
