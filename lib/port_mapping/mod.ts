/**
 * Opening a port of this host in the gateway before it: by PCP (RFC 6887), NAT-PMP (RFC 6886) or UPnP (IGD:1 and IGD:2).
 * It is pure: datagrams, HTTP answers, time and randomness are handed in. It believes nobody but the gateway, follows no
 * link that leads elsewhere, and gives nothing out that nobody on the Internet reaches.
 *
 * ```
 *   PortMapper ── GatewayClient ── pcp.ts, nat_pmp.ts            UDP 5351
 *              └─ IgdClient ── ssdp.ts ── igd.ts ── xml.ts       UDP 1900, HTTP
 *                                          └ http_message.ts
 * ```
 *
 * @module
 */

export { HttpAnswerDecoder, MAX_ANSWER_BYTES } from "./http_message.ts";
export {
  equalPorts,
  type HttpAnswer,
  isPublic,
  type MappedPorts,
  type MappedTransport,
  type MappingDropReason,
  type MappingFailure,
  type MappingProtocol,
  type MappingRequest,
  type MappingTransmit,
} from "./mapping.ts";
export { NONCE_BYTES } from "./pcp.ts";
export * from "./port_mapper.ts";
