/**
 * How this host resolves names, and pointing that at a zone: systemd-resolved, or /etc/resolv.conf.
 * @module
 */

export { parseResolverConf, type ResolverSettings, upstreamServers } from "./resolver_conf.ts";
export { type PointedResolver, pointResolver, resolverInUse, type ResolverKind } from "./resolver_host.ts";
