/**
 * How this host resolves names, and pointing that at a zone: systemd-resolved, or /etc/resolv.conf.
 * @module
 */

export { parseResolverConf, type ResolverSettings, upstreamServers } from "./resolver_conf.ts";
export * from "./resolver_host.ts";
