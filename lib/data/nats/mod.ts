/**
 * The log of the replicated engine as a stream of NATS JetStream, by the client of its authors, which is loaded when it is
 * used.
 *
 * ```
 *   weft_NETWORK                stream, subject weft.NETWORK.log: the log
 *   OBJ_weft_NETWORK            bucket of the object store: snapshots
 * ```
 *
 * @module
 */

export * from "./jetstream_log.ts";
export {
  forgetServers,
  type Forgotten,
  goneServers,
  type MetaGroup,
  type MetaGroupAccess,
  readMetaGroup,
} from "./meta_group.ts";
export { reasonOf } from "./nats_failure.ts";
export {
  type ClientCertificate,
  type NatsCredentials,
  type NatsServer,
  parseNatsCredentials,
  parseNatsServer,
} from "./nats_server.ts";
