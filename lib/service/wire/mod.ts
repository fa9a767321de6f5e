/**
 * What nodes say to each other about services, as bytes, and what carries long values as streams.
 * @module
 */

export { endItems, isItemSource, type ItemSource, receiveItems, sendItems } from "./item_stream.ts";
export { toStream, watchItems } from "./local_items.ts";
export {
  type CarrierLimits,
  type HeldValue,
  MessageCarrier,
  RESET_CANCELED,
  RESET_MALFORMED,
} from "./message_carrier.ts";
export {
  decodeNodeMessage,
  type EventMessage,
  NO_VALUE,
  type NodeMessage,
  type RequestMessage,
  type ResponseMessage,
  type WireValue,
} from "./node_message.ts";
export type { WireRouting } from "./routing.ts";
export {
  contextOf,
  isTraceparent,
  MAX_METADATA_BYTES,
  MAX_METADATA_ENTRIES,
  memoryOfContext,
  type Metadata,
  NO_METADATA,
  type PropagatedContext,
} from "./propagated_context.ts";
export {
  type AdvertisedAction,
  type AdvertisedService,
  type AdvertisedSubscription,
  decodeAdvert,
  EMPTY_ADVERT,
  encodeAdvert,
  MAX_SELECTOR_LENGTH,
  MAX_TEXT,
  SERVICE_NAME,
  SERVICE_PROTOCOL,
  SERVICE_VERSION,
  type ServiceAdvert,
  type ServiceState,
} from "./service_advert.ts";
export {
  copyAsSent,
  copyValue,
  decodeForEach,
  decodeValue,
  encodeValue,
  encodeView,
  isNoValue,
  isRemote,
  memoryOf,
  plain,
  type RefusalCode,
} from "./wire_value.ts";
