/**
 * Packets for hosts that have no packet plane: translated to connections of the agent, or answered (RFC 3022, RFC 5382). It
 * owns the table of connections and the packets that it makes; who is such a host, and what becomes of a connection, is the
 * agent's business.
 * @module
 */

export {
  PROXY_DROPS,
  type ProxyAnswer,
  type ProxyChange,
  type ProxyDrop,
  type ProxyOutcome,
  type ProxyQuestion,
  TransparentProxy,
} from "./transparent_proxy.ts";
