/**
 * The advert of a node, `$registry`, which reports, pauses and resumes services, and asking leaders for their paths.
 * @module
 */

export { type AdvertOptions, buildAdvert } from "./advert_builder.ts";
export { MEMBER_PATH, MEMBER_TOPIC, type MemberChange, MemberWatch } from "./members.ts";
export {
  type PathClaim,
  type ProviderReport,
  readPath,
  RegistryService,
  type ServiceReport,
  serviceReport,
} from "./registry_service.ts";
export {
  DEFAULT_WAIT_MS,
  readRequirements,
  type Requirement,
  ServiceAvailability,
} from "./service_availability.ts";
export { ServiceRoom } from "./service_room.ts";
export { CLAIM_TIMEOUT_MS, type ClaimRefusal, ServiceClaims } from "./service_claims.ts";
