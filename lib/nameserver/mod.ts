/**
 * Carrying queries between sockets and lib/dns, which decides on the answers: over UDP by a worker with the system's own
 * calls or by the runtime's sockets, and over TCP. It knows no members. RFC 1035 §4.2, RFC 7766.
 *
 * ```text
 *   UDP ──▶ udp_service / fast ──┐
 *   TCP ──▶ tcp_service ─────────┼─▶ QueryService ─▶ dns.Responder ─▶ zone
 *   other servers ◀─ upstream ◀──┘                        └─▶ dns.Forwarder
 * ```
 * @module
 */

export * from "./dns_config.ts";
export * from "./dns_handle.ts";
export * from "./dns_server.ts";
export type {
  DNS_DROPS,
  DNS_OUTCOMES,
  DnsCounter,
  DnsMessage,
  DomainName,
  Edns,
  ForwardLimits,
  KnownUpstream,
  MESSAGE_PROBLEMS,
  MessageProblem,
  Question,
  RECORD_RANK,
  RecordSource,
  RecordText,
  ResourceRecord,
  UpstreamState,
} from "../dns/mod.ts";
export type { TcpLimits } from "./tcp_service.ts";
