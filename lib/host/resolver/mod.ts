/**
 * How this host resolves names, and pointing that at a zone: systemd-resolved, or /etc/resolv.conf. What is another network
 * namespace's is left alone, and what an agent has left that is gone is put back by whoever comes next.
 * @module
 */

export {
  parseResolverConf,
  type ResolverConf,
  type ResolverSettings,
  searchedDomains,
  upstreamServers,
} from "./resolver_conf.ts";
export {
  type LeftResolver,
  leftResolver,
  ownResolver,
  type PointedResolver,
  pointResolver,
  putBackLeftResolver,
  resolverInUse,
  type ResolverKind,
  type ResolverPlace,
} from "./resolver_host.ts";
export { publishServedZone, type ServedZone, servedZones } from "./served_zones.ts";
