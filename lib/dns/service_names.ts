/**
 * The records of services: `_http._tcp.web` with SRV, TXT and addresses.
 * @module
 */

import type { IpAddress } from "../net/mod.ts";
import type { DomainName } from "./domain_name.ts";
import { addressRecord } from "./member_names.ts";
import type { ResourceRecord } from "./message.ts";
import { MAX_STRING_BYTES, srvData, stringsData } from "./record_data.ts";
import { RECORD_TYPE } from "./record_type.ts";
import { record } from "./zone.ts";

/** How long the names of services hold: instances come and go. */
export const SERVICE_TTL_SECONDS = 5;

/** One instance of a service on one node. */
export interface ServiceInstance {
  /** A DNS label, `web`. */
  readonly service: string;
  /** A DNS label without its underscore, `http`. */
  readonly protocol: string;
  readonly transport: "tcp" | "udp";
  /** The label of the node, under which its addresses are found. */
  readonly node: string;
  readonly addresses: readonly IpAddress[];
  readonly port: number;
  /** Strings of the TXT record, `key=value` (RFC 6763 §6); those over 255 bytes are left out. */
  readonly text?: readonly string[];
}

/**
 * @param zone the zone of the network
 * @returns the instance's records; none when a label is none
 */
export function serviceRecords(zone: DomainName, instance: ServiceInstance): readonly ResourceRecord[] {
  const target = zone.child(instance.node);
  const base = zone.child(instance.service);
  const name = base?.child(`_${instance.transport}`)?.child(`_${instance.protocol}`);
  if (target === undefined || base === undefined || name === undefined) return [];
  const fitting = (instance.text ?? []).filter((text) =>
    new TextEncoder().encode(text).length <= MAX_STRING_BYTES
  );
  const strings = stringsData(fitting.length === 0 ? [""] : fitting);
  const srv = srvData({ priority: 0, weight: 0, port: instance.port, target });
  return [
    record(name, RECORD_TYPE.SRV, SERVICE_TTL_SECONDS, srv),
    record(name, RECORD_TYPE.TXT, SERVICE_TTL_SECONDS, strings),
    ...instance.addresses.flatMap((address) => [
      addressRecord(name, address, SERVICE_TTL_SECONDS),
      addressRecord(base, address, SERVICE_TTL_SECONDS),
    ]),
  ];
}
